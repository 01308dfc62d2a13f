//! Escalation policies.

use crate::{Operation, Paging, Resource};

/// Escalation policies.
pub const ESCALATION_POLICIES: Resource = Resource {
    noun: "escalation policy",
    one: "escalation_policy",
    many: "escalation_policies",
    pages: &["escalation_policies"],
};

pub(super) const ALL: &[&Operation] = &[&LIST_ESCALATION_POLICIES, &GET_ESCALATION_POLICY];

const READ: &[&str] = &["escalation_policies.read"];

/// Lists escalation policies.
pub const LIST_ESCALATION_POLICIES: Operation =
    Operation::list("listEscalationPolicies", "/escalation_policies", &ESCALATION_POLICIES, Paging::Offset, READ);

/// Reads one escalation policy.
pub const GET_ESCALATION_POLICY: Operation =
    Operation::get("getEscalationPolicy", "/escalation_policies/{id}", &ESCALATION_POLICIES, READ);
