//! Completion of names, and of numbers of incidents, while a person types.

use std::time::Duration;

use pagerduty_api::Resource;
use pagerduty_api::operations::incidents::INCIDENTS;
use tokio::time::{Instant, timeout_at};

use super::Toolbox;
use crate::auth::Origin;
use crate::names::completions;

/// The time that a completion may take. A person who types does not wait longer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most names: one more than an answer may have.
const MOST: usize = 101;

impl Toolbox {
    /// Returns the names of a resource's objects that complete a text, the most likely first. Incidents have numbers
    /// instead.
    ///
    /// There are none without a credential or after a failure. A completion does not begin a login.
    pub async fn complete(&self, origin: &Origin, resource: &'static Resource, text: &str) -> Vec<String> {
        let deadline = Instant::now() + TIMEOUT.min(self.timeout);
        let names = async {
            let credential = match origin {
                Origin::Local => self.credentials.present().await,
                Origin::Http(_) => self.credentials.resolve(origin).await,
            };
            let api = self.client.until(deadline, credential?);
            if resource == &INCIDENTS {
                return api.incident_numbers(text, MOST).await;
            }
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let listed = api.search(resource, Some(text.as_str()).filter(|text| !text.is_empty()), MOST).await?;
            Ok::<_, crate::error::Error>(completions(&text, &listed.objects, MOST))
        };
        match timeout_at(deadline, names).await {
            Ok(Ok(names)) => names,
            Ok(Err(error)) => {
                tracing::debug!(%error, resource = resource.many, "no completion");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}
