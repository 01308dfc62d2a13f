//! The service regions, each an installation of PagerDuty with its own accounts.

use super::REGION;
use crate::error::{Code, Error, Result};

/// PagerDuty's service regions. <https://support.pagerduty.com/main/docs/service-regions>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The United States, `api.pagerduty.com`.
    Us,
    /// Europe, `api.eu.pagerduty.com`.
    Eu,
}

impl Region {
    /// A region by its name, `us` or `eu` in any case.
    pub fn parse(name: &str) -> Result<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "us" => Ok(Region::Us),
            "eu" => Ok(Region::Eu),
            _ => Err(Error::new(Code::InvalidConfiguration, format!("there is no service region {name:?}"))
                .hint(format!("Set {REGION} (or --region) to us or eu."))),
        }
    }

    /// The name, as it is set: `us` or `eu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Region::Us => "us",
            Region::Eu => "eu",
        }
    }

    /// The region of an API host.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        [Region::Us, Region::Eu].into_iter().find(|region| region.host() == host)
    }

    /// The API's host.
    #[must_use]
    pub const fn host(self) -> &'static str {
        match self {
            Region::Us => "api.pagerduty.com",
            Region::Eu => "api.eu.pagerduty.com",
        }
    }
}
