//! Escalation policies: <https://developer.pagerduty.com/api-reference/51b21014a4f5a-list-escalation-policies>.

use serde::{Serialize, Serializer};

use super::account::{Account, Policy, Schedule, Service, Team, User, find};
use super::call::Call;
use super::params::{Filter, matches_query, select};
use super::reply::{self, Answer};
use super::wire::{Either, Head, Link, View, Whole, team_list};

const FILTERS: &[Filter<Policy>] = &[
    ("query", |policy, wanted| matches_query(&policy.name, wanted)),
    ("user_ids[]", |policy, wanted| wanted.iter().any(|user| policy.involves(user))),
    ("team_ids[]", |policy, wanted| team_list(policy.team.as_ref()).any(|team| wanted.contains(&team.id.as_str()))),
];

/// `GET /escalation_policies`
pub fn list(account: &Account, call: &Call) -> Answer {
    let policies = select(account.policies.iter().map(AsRef::as_ref), FILTERS, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("escalation_policies", &policies, &call.params, |policy| view.whole(*policy))
}

/// `GET /escalation_policies/{id}`
pub fn show(account: &Account, call: &Call) -> Answer {
    reply::one("escalation_policy", &call.view(account, &call.includes()).whole(find(&account.policies, &call.id)?))
}

#[derive(Serialize)]
struct PolicyFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    description: &'a str,
    num_loops: u32,
    on_call_handoff_notifications: &'a str,
    escalation_rules: Vec<RuleFields<'a>>,
    services: Vec<Link<'a, Service>>,
    teams: Vec<Link<'a, Team>>,
}

#[derive(Serialize)]
struct RuleFields<'a> {
    id: &'a str,
    escalation_delay_in_minutes: u32,
    targets: Vec<Either<Link<'a, User>, Link<'a, Schedule>>>,
}

impl Whole for Policy {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        let rules = self.rules.iter().map(|rule| RuleFields {
            id: &rule.id,
            escalation_delay_in_minutes: rule.delay_in_minutes,
            targets: rule.targets.iter().map(|target| view.target(target, "targets")).collect(),
        });
        PolicyFields {
            head: Head::whole(self, view.base),
            name: &self.name,
            description: &self.description,
            num_loops: self.loops,
            on_call_handoff_notifications: "if_has_services",
            escalation_rules: rules.collect(),
            services: view.links(view.account.services_of(self), "services"),
            teams: view.links(team_list(self.team.as_ref()), "teams"),
        }
        .serialize(to)
    }
}
