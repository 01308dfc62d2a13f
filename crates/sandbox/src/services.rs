//! Services: <https://developer.pagerduty.com/api-reference/e960cca205c0f-list-services>.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::account::{Account, Integration, Policy, Service, Status, Team, find};
use super::call::Call;
use super::params::{Filter, matches_query, select};
use super::reply::{self, Answer};
use super::time::{maybe_utc, utc};
use super::wire::{Either, Head, Link, View, Whole, team_list};

const FILTERS: &[Filter<Service>] = &[
    ("query", |service, wanted| matches_query(service.name, wanted)),
    ("name", |service, wanted| wanted.contains(&service.name)),
    ("team_ids[]", |service, wanted| team_list(service.team.as_ref()).any(|team| wanted.contains(&team.id.as_str()))),
];

/// `GET /services`
pub fn list(account: &Account, call: &Call) -> Answer {
    let services = select(account.services.iter().map(AsRef::as_ref), FILTERS, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("services", &services, &call.params, |service| view.whole(*service))
}

/// `GET /services/{id}`
pub fn show(account: &Account, call: &Call) -> Answer {
    reply::one("service", &call.view(account, &call.includes()).whole(find(&account.services, &call.id)?))
}

#[derive(Serialize)]
struct ServiceFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    description: &'a str,
    #[serde(serialize_with = "utc")]
    created_at: Timestamp,
    #[serde(serialize_with = "utc")]
    updated_at: Timestamp,
    status: &'a str,
    #[serde(serialize_with = "maybe_utc")]
    last_incident_timestamp: Option<Timestamp>,
    auto_resolve_timeout: i64,
    acknowledgement_timeout: i64,
    alert_creation: &'a str,
    incident_urgency_rule: UrgencyRule<'a>,
    escalation_policy: Link<'a, Policy>,
    teams: Vec<Link<'a, Team>>,
    integrations: Vec<Either<Head<'a>, IntegrationFields<'a>>>,
}

#[derive(Serialize)]
struct UrgencyRule<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    urgency: &'a str,
}

impl Service {
    /// How long an incident stays open, in seconds, before PagerDuty resolves it.
    pub const AUTO_RESOLVE_TIMEOUT: i64 = 14_400;
    /// How long an acknowledgement holds, in seconds, before the incident is triggered again.
    pub const ACKNOWLEDGEMENT_TIMEOUT: i64 = 1_800;

    /// A service is critical while an incident of it is triggered, and warns while all that are open are acknowledged.
    fn status(&self, account: &Account) -> &'static str {
        let has = |status: Status| account.incidents_of(self).any(|incident| incident.status == status);
        match self.out_of_use {
            Some(status) => status,
            None if has(Status::Triggered) => "critical",
            None if has(Status::Acknowledged) => "warning",
            None => "active",
        }
    }
}

impl Whole for Service {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error> {
        let integration = |integration| integration_of(self, integration, view);
        ServiceFields {
            head: Head::whole(self, view.base),
            name: self.name,
            description: self.description,
            created_at: self.created_at,
            updated_at: self.created_at,
            status: self.status(view.account),
            last_incident_timestamp: view.account.incidents_of(self).last().map(|incident| incident.created_at),
            auto_resolve_timeout: Self::AUTO_RESOLVE_TIMEOUT,
            acknowledgement_timeout: Self::ACKNOWLEDGEMENT_TIMEOUT,
            alert_creation: "create_alerts_and_incidents",
            incident_urgency_rule: UrgencyRule { kind: "constant", urgency: self.urgency },
            escalation_policy: view.link(self.policy.as_ref(), "escalation_policies"),
            teams: view.links(team_list(self.team.as_ref()), "teams"),
            integrations: self.integrations.iter().map(integration).collect(),
        }
        .serialize(to)
    }
}

#[derive(Serialize)]
struct IntegrationFields<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    name: &'a str,
    #[serde(serialize_with = "utc")]
    created_at: Timestamp,
    service: Head<'a>,
}

fn integration_of<'a>(
    service: &'a Service,
    integration: &'a Integration,
    view: View<'_>,
) -> Either<Head<'a>, IntegrationFields<'a>> {
    let head = |kind| Head::inside(service, "integrations", &integration.id, kind, integration.name, view.base);
    if view.includes("integrations") {
        Either::Right(IntegrationFields {
            head: head(integration.kind.whole),
            name: integration.name,
            created_at: service.created_at,
            service: Head::reference(service, view.base),
        })
    } else {
        Either::Left(head(integration.kind.reference))
    }
}
