//! The maintenance windows of a service.

use jiff::Timestamp;

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{MaintenanceWindow, Model, Service};
use crate::pagination::ListRequest;
use crate::shifts::Period;
use crate::tools::Context;
use crate::tools::times::Local;
use crate::tools::words::{name, quoted, sentence};

/// The most windows that are read.
const MAX_WINDOWS: usize = 25;

/// The most characters of a description in a sentence.
const MAX_DESCRIPTION: usize = 120;

/// A period in which a service makes no incidents.
#[derive(Clone, Debug)]
pub struct Window {
    /// The ID.
    pub id: String,
    /// The period.
    pub period: Period,
    /// The reason, as the user wrote it.
    pub description: Option<String>,
    /// The name of the user who created it.
    pub created_by: Option<String>,
    /// The number of services in it.
    pub services: usize,
}

impl Window {
    fn read(window: MaintenanceWindow) -> Option<Self> {
        Some(Self {
            id: window.id?,
            period: Period::new(window.start?, window.end?)?,
            description: window.description.filter(|text| !text.trim().is_empty()),
            created_by: window.created_by.as_ref().and_then(|user| user.name().map(str::to_owned)),
            services: window.services.len(),
        })
    }

    /// Returns whether the window contains a time.
    pub fn is_ongoing(&self, at: Timestamp) -> bool {
        self.period.contains(at)
    }

    /// Returns the window as a sentence: `In maintenance Mon 2026-11-30 22:00 to 23:30 EST, “database upgrade” (by Ada).`
    pub fn line(&self, local: &Local, now: Timestamp) -> String {
        let state = if self.is_ongoing(now) { "In maintenance" } else { "Planned maintenance" };
        let description = self.description.as_deref().map(|text| format!(", {}", quoted(text, MAX_DESCRIPTION)));
        let by = self.created_by.as_deref().map(|user| format!(" (by {})", name(user)));
        let (description, by) = (description.unwrap_or_default(), by.unwrap_or_default());
        sentence(format!("{state} {}{description}{by}", local.span(self.period)))
    }
}

/// Returns the maintenance windows of a service that have not ended, the earliest first.
pub async fn of_service(cx: &Context, id: &Id<Service>) -> Result<Vec<Window>> {
    let query = Query::new().with_all("service_ids", std::slice::from_ref(id)).with("filter", Some("open"));
    let wanted = ListRequest { limit: MAX_WINDOWS, ..ListRequest::all() };
    let listing = cx.api.list::<MaintenanceWindow>(query, wanted, &MaintenanceWindow::facts_only()).await?;
    let mut windows: Vec<_> = listing.rows.into_iter().filter_map(|row| Window::read(row.facts)).collect();
    windows.sort_by_key(|window| window.period.start());
    Ok(windows)
}
