//! The service regions. Each is a separate PagerDuty installation with separate accounts.

use super::{REGION, unusable};
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
    /// Reads the value of a variable.
    pub(super) fn parse_setting(name: &'static str, value: &str) -> Result<Self> {
        Self::parse(value).map_err(|_| unusable(name, value, "us or eu"))
    }

    /// Reads a region from its name, `us` or `eu` in any case.
    pub fn parse(name: &str) -> Result<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "us" => Ok(Region::Us),
            "eu" => Ok(Region::Eu),
            _ => Err(Error::new(Code::InvalidConfiguration, format!("there is no service region {name:?}"))
                .hint(format!("Set {REGION} (or --region) to us or eu."))),
        }
    }

    /// Returns the name used in settings: `us` or `eu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Region::Us => "us",
            Region::Eu => "eu",
        }
    }

    /// Returns the region of an API host.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        [Region::Us, Region::Eu].into_iter().find(|region| region.host() == host)
    }

    /// Returns the host of the region's API.
    #[must_use]
    pub const fn host(self) -> &'static str {
        match self {
            Region::Us => "api.pagerduty.com",
            Region::Eu => "api.eu.pagerduty.com",
        }
    }
}
