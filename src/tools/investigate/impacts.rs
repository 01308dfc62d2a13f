//! The business services that an incident impacts.

use pagerduty_api::operations::dependencies::GET_INCIDENT_IMPACTS;

use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Impact, Incident, Model};
use crate::tools::Context;
use crate::tools::oncall::read::Named;
use crate::tools::words::{list, sentence};

/// The business services that an incident impacts.
#[derive(Clone, Debug, Default)]
pub struct Impacts {
    /// The business services, the most impacted first.
    pub services: Vec<Named>,
    /// Set if there are more.
    pub more: bool,
}

impl Impacts {
    /// Returns the impact as a sentence.
    pub fn line(&self) -> String {
        let names: Vec<_> = self.services.iter().map(Named::label).collect();
        match (names.as_slice(), self.more) {
            ([], _) => "This incident impacts no business service.".to_owned(),
            ([one], false) => sentence(format!("Impacted business service: {one}")),
            (several, more) => {
                let names: Vec<_> = several.iter().map(ToString::to_string).collect();
                let names = if more { format!("{} and others", names.join(", ")) } else { list(&names) };
                sentence(format!("Impacted business services: {names}"))
            }
        }
    }
}

/// Returns the business services that an incident impacts.
pub async fn of_incident(cx: &Context, id: &Id<Incident>) -> Result<Impacts> {
    let page = cx.api.page_below::<Impact, _>(&GET_INCIDENT_IMPACTS, id, Query::new(), &Impact::facts_only()).await?;
    let rows = page.rows.into_iter().flatten().map(|row| row.facts).filter(|row| row.is_impacted != Some(false));
    let services = rows.filter_map(|row| Some(Named { id: row.id?, name: row.name })).collect();
    Ok(Impacts { services, more: page.more })
}
