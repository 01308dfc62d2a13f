//! How PagerDuty writes its objects: whole, or as a reference of five fields, or whole where `include[]` asks for it.
//!
//! See <https://developer.pagerduty.com/api-reference/a47605517c19a-api-concepts>.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::account::{Account, Agent, Incident, Policy, Priority, Schedule, Service, Target, Team, User};

pub const WEBSITE: &str = "https://acme.pagerduty.com";

/// A thing with an ID that others can refer to.
pub trait Object {
    /// Its `type` when written whole.
    const TYPE: &'static str;
    /// Its `type` in a reference.
    const REFERENCE: &'static str;
    /// Its collection in the API.
    const PATH: &'static str;
    /// Its folder on the website.
    const PAGE: &'static str = Self::PATH;

    fn id(&self) -> &str;
    fn summary(&self) -> &str;
}

macro_rules! objects {
    ($($object:ty: $type:literal, $path:literal, $page:literal, $summary:ident;)*) => {$(
        impl Object for $object {
            const TYPE: &'static str = $type;
            const REFERENCE: &'static str = concat!($type, "_reference");
            const PATH: &'static str = $path;
            const PAGE: &'static str = $page;

            fn id(&self) -> &str {
                &self.id
            }

            fn summary(&self) -> &str {
                &self.$summary
            }
        }
    )*};
}

objects! {
    Team: "team", "teams", "teams", name;
    User: "user", "users", "users", name;
    Schedule: "schedule", "schedules", "schedules", name;
    Policy: "escalation_policy", "escalation_policies", "escalation_policies", name;
    Service: "service", "services", "service-directory", name;
    Priority: "priority", "priorities", "priorities", name;
    Incident: "incident", "incidents", "incidents", summary;
}

/// The five fields that every object and every reference starts with.
#[derive(Debug, Serialize)]
pub struct Head<'a> {
    pub id: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub summary: &'a str,
    #[serde(rename = "self")]
    pub api: String,
    pub html_url: Option<String>,
}

impl<'a> Head<'a> {
    pub fn whole<T: Object>(of: &'a T, base: &str) -> Self {
        Self::new(of, T::TYPE, base)
    }

    pub fn reference<T: Object>(to: &'a T, base: &str) -> Self {
        Self::new(to, T::REFERENCE, base)
    }

    fn new<T: Object>(of: &'a T, kind: &'a str, base: &str) -> Self {
        let id = of.id();
        let (api, html_url) = (format!("{base}/{}/{id}", T::PATH), format!("{WEBSITE}/{}/{id}", T::PAGE));
        Self { id, kind, summary: of.summary(), api, html_url: Some(html_url) }
    }

    /// The head of something that lives inside another object, such as an integration of a service.
    pub fn inside<T: Object>(owner: &T, path: &str, id: &'a str, kind: &'a str, summary: &'a str, base: &str) -> Self {
        let api = format!("{base}/{}/{}/{path}/{id}", T::PATH, owner.id());
        Self { id, kind, summary, api, html_url: None }
    }

    /// A reference to the log entry that an incident began with.
    pub fn log_entry(incident: &'a Incident, base: &str) -> Self {
        let (id, entry) = (&incident.id, &incident.log_entry);
        Self {
            id: entry,
            kind: "trigger_log_entry_reference",
            summary: "Triggered through the API",
            api: format!("{base}/log_entries/{entry}?incident_id={id}"),
            html_url: Some(format!("{WEBSITE}/incidents/{id}/log_entries/{entry}")),
        }
    }
}

/// An object that can be written whole.
pub trait Whole: Object {
    fn write<S: Serializer>(&self, view: View<'_>, to: S) -> Result<S::Ok, S::Error>;
}

/// The data that an answer is written from: the account, the URL that links start with, and the values of `include[]`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub account: &'a Account,
    pub base: &'a str,
    includes: &'a [&'a str],
}

impl<'a> View<'a> {
    pub fn new(account: &'a Account, base: &'a str, includes: &'a [&'a str]) -> Self {
        Self { account, base, includes }
    }

    pub fn includes(self, name: &str) -> bool {
        self.includes.contains(&name)
    }

    /// The object, whole.
    pub fn whole<T: Whole>(self, object: &'a T) -> Link<'a, T> {
        Link { object, base: self.base, whole: Some(self) }
    }

    /// A reference to the object, or the object itself where `include` is asked for. What is inside it stays a
    /// reference.
    pub fn link<T: Whole>(self, object: &'a T, include: &str) -> Link<'a, T> {
        let bare = Self { includes: &[], ..self };
        Link { object, base: self.base, whole: self.includes(include).then_some(bare) }
    }

    pub fn links<T: Whole>(self, objects: impl IntoIterator<Item = &'a T>, include: &str) -> Vec<Link<'a, T>> {
        objects.into_iter().map(|object| self.link(object, include)).collect()
    }

    /// A link to a user or service, whichever it was.
    pub fn agent(self, agent: &'a Agent, include: &str) -> Either<Link<'a, User>, Link<'a, Service>> {
        match agent {
            Agent::User(user) => Either::Left(self.link(user.as_ref(), include)),
            Agent::Service(service) => Either::Right(self.link(service.as_ref(), include)),
        }
    }

    /// A link to a user or schedule, whichever it is.
    pub fn target(self, target: &'a Target, include: &str) -> Either<Link<'a, User>, Link<'a, Schedule>> {
        match target {
            Target::User(user) => Either::Left(self.link(user.as_ref(), include)),
            Target::Schedule(schedule) => Either::Right(self.link(schedule.as_ref(), include)),
        }
    }
}

/// An object inside an answer.
#[derive(Debug)]
pub struct Link<'a, T> {
    object: &'a T,
    base: &'a str,
    whole: Option<View<'a>>,
}

impl<T: Whole> Serialize for Link<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.whole {
            Some(view) => self.object.write(view, to),
            None => Head::reference(self.object, self.base).serialize(to),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Either<L, R> {
    Left(L),
    Right(R),
}

/// The one team, if any, as the list PagerDuty makes of it.
pub fn team_list(team: Option<&Arc<Team>>) -> impl Iterator<Item = &Team> {
    team.map(AsRef::as_ref).into_iter()
}
