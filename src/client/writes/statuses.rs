//! Changes the status of an incident, and determines who set it if the response is lost.

use jiff::Timestamp;
use pagerduty_api::operations::incidents::{GET_INCIDENT, INCIDENTS, UPDATE_INCIDENT};
use pagerduty_rows::fields::Selection;
use pagerduty_rows::object::Object;
use serde_json::json;
use tokio::time::Instant;

use super::{Changed, Seen, Verify, with_id};
use crate::client::accounts::memory::{Earlier, Outcome};
use crate::client::decode::{self, Unreadable};
use crate::client::request::Write;
use crate::client::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Reference, Shape, Standing, Status, User};

/// The status an incident can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewStatus {
    /// A user works on the incident.
    Acknowledged,
    /// The incident is over.
    Resolved,
}

impl NewStatus {
    const fn as_str(self) -> &'static str {
        match self {
            NewStatus::Acknowledged => "acknowledged",
            NewStatus::Resolved => "resolved",
        }
    }

    const fn gerund(self) -> &'static str {
        match self {
            NewStatus::Acknowledged => "acknowledging",
            NewStatus::Resolved => "resolving",
        }
    }

    fn is(self, status: Option<&Status>) -> bool {
        status.is_some_and(|status| status.as_str() == self.as_str())
    }
}

/// The origin of a status that was found after a change of it was sent.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    /// The author set it after the change was sent.
    ThisWrite,
    /// The author set it earlier, or at an unknown time.
    Before,
    /// Other users or a service set it, by name.
    Others(String),
}

impl Api {
    /// Sets the status of an incident.
    ///
    /// If the response is lost, the incident is read: the change took effect if its author has set the status since it was
    /// sent. The same status set by another user does not count as success.
    pub async fn set_status(
        &self,
        id: &Id<Incident>,
        status: NewStatus,
        from: Option<String>,
        selection: &Selection<'_>,
    ) -> Result<Changed> {
        let key = format!("{id} {}", status.as_str());
        let hint = format!("Check the incident: get_incidents with incident_id={id}. Calling again is safe, too.");
        let write = Write { gerund: status.gerund(), hint, key };
        let body = json!({"incident": {"type": "incident", "status": status.as_str()}});
        let request = Request::on(&UPDATE_INCIDENT, id, Query::new()).writing(body, from.clone(), write);
        let change = StatusChange { incident: id.clone(), wanted: status, from, author: None, selection };
        self.write(&request, change).await
    }
}

/// A status that is being set.
struct StatusChange<'s> {
    incident: Id<Incident>,
    wanted: NewStatus,
    /// The `From` address of its author.
    from: Option<String>,
    /// The ID of its author, once it is needed.
    author: Option<Id<User>>,
    selection: &'s Selection<'s>,
}

impl StatusChange<'_> {
    /// Reads the incident and the origin of its status.
    async fn read(&self, api: &Api) -> Result<(Object, Standing)> {
        let query = Query::new().with_all("include", &Incident::expansions(self.selection, Shape::One));
        let request = Request::on(&GET_INCIDENT, &self.incident, query);
        api.send(&request, |body| {
            let row = decode::one::<Incident>(body, INCIDENTS.one, self.selection)?;
            let standing = decode::one::<Standing>(body, INCIDENTS.one, &Standing::facts_only())?;
            Ok((row.shown, standing.facts))
        })
        .await
    }

    /// Determines who set the wanted status that the incident has, or returns `None` if the author is not known.
    async fn origin(&mut self, api: &Api, standing: &Standing, sent: Instant) -> Option<Origin> {
        if self.author.is_none() {
            self.author = api.author_id(self.from.as_deref()).await;
        }
        Some(origin(standing, self.wanted, self.author.as_ref()?, api.since(sent)))
    }
}

impl Verify for StatusChange<'_> {
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable> {
        let row = with_id(decode::one::<Incident>(body, INCIDENTS.one, self.selection)?)?;
        if row.facts.id() == Some(self.incident.as_str()) && self.wanted.is(row.facts.status.as_ref()) {
            Ok(row.shown)
        } else {
            let (id, wanted) = (&self.incident, self.wanted.as_str());
            Err(Unreadable::because(format!("it does not say that {id} is {wanted}")))
        }
    }

    async fn verify(&mut self, api: &Api, sent: Instant, error: &Error) -> Seen {
        let (id, wanted) = (self.incident.clone(), self.wanted);
        let (shown, standing) = match self.read(api).await {
            Ok(read) => read,
            Err(error) => return Seen::Unknown(format!("reading it failed: {}", error.message())),
        };
        let Some(status) = &standing.status else {
            return Seen::Unknown("the incident does not say its status".to_owned());
        };
        if !wanted.is(Some(status)) {
            if *status == Status::Resolved {
                let message = format!("incident {id} is resolved by now, so it is not {}", wanted.as_str());
                let hint = "Nothing is left to do; get_incidents shows who resolved it.";
                return Seen::Refused(Error::new(Code::AlreadyResolved, message).hint(hint));
            }
            return Seen::NotYet(format!("incident {id} is still {}, not {}", status.as_str(), wanted.as_str()));
        }
        match self.origin(api, &standing, sent).await {
            None => Seen::Unknown(format!(
                "the incident is {}, but the user who did it cannot be determined",
                wanted.as_str()
            )),
            Some(Origin::ThisWrite) => Seen::Done(Changed::new(shown)),
            Some(Origin::Before) => {
                let warning = format!(
                    "PagerDuty did not confirm the change ({}), but the incident is {} in the same user's name.",
                    error.message(),
                    wanted.as_str()
                );
                Seen::Done(Changed { warning: Some(warning), ..Changed::new(shown) })
            }
            Some(Origin::Others(others)) if wanted == NewStatus::Resolved => {
                let message = format!("incident {id} was resolved by {others}, not by this call");
                Seen::Refused(Error::new(Code::AlreadyResolved, message).hint("Nothing is left to do."))
            }
            Some(Origin::Others(others)) => {
                Seen::NotYet(format!("the incident is acknowledged by {others}, not by this call so far"))
            }
        }
    }

    /// An incident that cannot be read does not keep the change from being sent: twice has the effect of once.
    async fn made_earlier(&mut self, api: &Api, _: &Request, earlier: &Earlier) -> Result<Option<Object>> {
        let Ok((shown, standing)) = self.read(api).await else { return Ok(None) };
        if !self.wanted.is(standing.status.as_ref()) {
            return Ok(None);
        }
        let is_unknown = matches!(earlier.outcome, Outcome::Unknown);
        let made = !is_unknown || self.origin(api, &standing, earlier.sent).await == Some(Origin::ThisWrite);
        Ok(made.then_some(shown))
    }

    fn earlier_warning(&self) -> String {
        let status = self.wanted.as_str();
        format!("An earlier call, whose answer did not reach you, had {status} this incident. Nothing was sent again.")
    }
}

/// Determines who set a status. `since` is the time the change was sent, by PagerDuty's clock.
fn origin(standing: &Standing, wanted: NewStatus, author: &Id<User>, since: Option<Timestamp>) -> Origin {
    let is_author = |user: &Reference| user.id.as_deref() == Some(author.as_str());
    let by = standing.last_status_change_by.as_ref();
    let last = by.filter(|by| is_author(by)).map(|_| standing.last_status_change_at);
    let acknowledged = standing.acknowledgements.iter().filter(|_| wanted == NewStatus::Acknowledged);
    let acknowledged = acknowledged.filter(|acknowledgement| is_author(&acknowledgement.acknowledger));
    let mut times = acknowledged.map(|acknowledgement| acknowledgement.at).chain(last).peekable();
    if times.peek().is_none() {
        let acknowledgers = standing.acknowledgements.iter().map(|acknowledgement| &acknowledgement.acknowledger);
        let others: Vec<_> = match wanted {
            NewStatus::Acknowledged => acknowledgers.filter_map(Reference::name).collect(),
            NewStatus::Resolved => by.and_then(Reference::name).into_iter().collect(),
        };
        return Origin::Others(if others.is_empty() { "another user".to_owned() } else { others.join(", ") });
    }
    let recent = |at: Option<Timestamp>| since.is_some_and(|since| at.is_some_and(|at| at >= since));
    if times.any(recent) { Origin::ThisWrite } else { Origin::Before }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn status_origin_follows_author_and_time() {
        let since = "2026-08-01T10:00:00Z".parse().ok();
        let author = Id::parse("PME").unwrap();
        let origin = |wanted, body: Value, since| origin(&Standing::from_json(&body), wanted, &author, since);
        let user = |id: &str| json!({"id": id, "type": "user_reference", "summary": format!("User {id}")});
        let acknowledged = |id: &str, at: &str| {
            json!({"status": "acknowledged", "acknowledgements": [{"acknowledger": user(id), "at": at}],
                "last_status_change_by": user("POTHER"), "last_status_change_at": "2026-08-01T10:00:01Z"})
        };
        let resolved = |id: &str, at: &str| json!({"status": "resolved", "last_status_change_by": user(id), "last_status_change_at": at});
        let (before, after) = ("2026-08-01T09:00:00Z", "2026-08-01T12:00:01+02:00");
        let others = |id: &str| Origin::Others(format!("User {id}"));
        for (wanted, body) in
            [(NewStatus::Acknowledged, &acknowledged as &dyn Fn(&str, &str) -> Value), (NewStatus::Resolved, &resolved)]
        {
            assert_eq!(origin(wanted, body("PME", after), since), Origin::ThisWrite, "{wanted:?}");
            assert_eq!(origin(wanted, body("PME", before), since), Origin::Before, "{wanted:?}");
            assert_eq!(
                origin(wanted, body("PME", after), None),
                Origin::Before,
                "{wanted:?}: PagerDuty's time is not known"
            );
            assert_eq!(origin(wanted, body("PME", "soon"), since), Origin::Before, "{wanted:?}");
            assert_eq!(origin(wanted, body("P2", after), since), others("P2"), "{wanted:?}");
        }
        let unknown = json!({"status": "acknowledged", "acknowledgements": "none", "last_status_change_by": null});
        assert_eq!(origin(NewStatus::Acknowledged, unknown, since), Origin::Others("another user".to_owned()));
        let moved = json!({"status": "acknowledged", "acknowledgements": [{"acknowledger": user("P2"), "at": after}],
            "last_status_change_by": user("PME"), "last_status_change_at": after});
        assert_eq!(
            origin(NewStatus::Acknowledged, moved, since),
            Origin::ThisWrite,
            "the last change was the author's"
        );
    }
}
