//! On-call entries. PagerDuty: `GET /oncalls`, operation `listOnCalls`.

use serde::Deserialize;

use super::Model;
use crate::client::resources::{ONCALLS, Resource};
use crate::fields::{Field, plain, reference};

/// An on-call entry: a user, on a level of a policy, by a schedule or always. It has no ID of its own.
#[derive(Clone, Debug, Deserialize)]
pub struct Oncall {}

impl Model for Oncall {
    const RESOURCE: &'static Resource = &ONCALLS;
    const DEFAULT: &'static [Field] = &[
        reference("user"),
        reference("schedule"),
        reference("escalation_policy"),
        plain("escalation_level"),
        plain("start"),
        plain("end"),
    ];
    const OTHER: &'static [&'static str] = &[];
    const FACTS: &'static [Field] = &[];

    fn id(&self) -> Option<&str> {
        None
    }
}
