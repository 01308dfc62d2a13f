//! The service regions. Each is a separate PagerDuty installation with separate accounts.

/// A service region. <https://support.pagerduty.com/main/docs/service-regions>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The United States, `api.pagerduty.com`.
    Us,
    /// Europe, `api.eu.pagerduty.com`.
    Eu,
}

impl Region {
    /// All regions.
    pub const ALL: [Region; 2] = [Region::Us, Region::Eu];

    /// Returns the region with this name, `us` or `eu` in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Returns the region of an API host.
    #[must_use]
    pub fn from_host(host: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.host() == host)
    }

    /// Returns the name used in settings: `us` or `eu`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Region::Us => "us",
            Region::Eu => "eu",
        }
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
