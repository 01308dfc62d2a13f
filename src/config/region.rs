//! Reads the service region from settings.

use pagerduty_api::Region;

use super::{REGION, unusable};
use crate::error::{Code, Error, Result};

/// Reads the value of a variable.
pub(super) fn parse_setting(name: &'static str, value: &str) -> Result<Region> {
    parse_region(value).map_err(|_| unusable(name, value, "us or eu"))
}

/// Reads a region from its name, `us` or `eu` in any case.
pub fn parse_region(name: &str) -> Result<Region> {
    Region::from_name(name).ok_or_else(|| {
        Error::new(Code::InvalidConfiguration, format!("there is no service region {name:?}"))
            .hint(format!("Set {REGION} (or --region) to us or eu."))
    })
}
