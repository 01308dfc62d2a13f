//! Changes the status of an incident, and finds out who set it when the answer is lost.

use jiff::Timestamp;
use pagerduty_rows::fields::Selection;
use reqwest::Method;
use serde_json::json;

use super::decode::{self, Row, Unreadable};
use super::memory::{Earlier, Outcome};
use super::policy::{self, Kind};
use super::request::Change;
use super::resources::INCIDENTS;
use super::send::GivenUp;
use super::writes::{Changed, with_id};
use super::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Model, Reference, Request as Shape, Standing, Status, User};

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

    const fn deed(self) -> &'static str {
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
enum Whose {
    /// The author set it after the change was sent.
    Ours,
    /// The author set it earlier, or at an unknown time.
    Before,
    /// Other users or a service set it, by name.
    Others(String),
}

impl Api {
    /// Sets the status. PagerDuty: operation `updateIncident`.
    ///
    /// When the answer is lost, the incident is read: the change took effect if its author has set the status since it
    /// was sent. The same status set by another user does not count as success.
    pub async fn set_status(
        &self,
        id: &Id<Incident>,
        status: NewStatus,
        from: Option<String>,
        selection: &Selection<'_>,
    ) -> Result<Changed<Incident>> {
        let key = format!("{id} {}", status.as_str());
        let earlier = self.begin_change(&key, id, from.as_deref()).await;
        if let Some(earlier) = &earlier
            && let Some(row) = self.earlier_status(id, status, from.as_deref(), selection, earlier).await
        {
            self.account.memory.settle(&key, Outcome::Set);
            let warning = format!(
                "An earlier call, whose answer did not reach you, had {} this incident. Nothing was sent again.",
                status.as_str()
            );
            return Ok(Changed { row, warning: Some(warning) });
        }
        let body = json!({"incident": {"type": "incident", "status": status.as_str()}});
        let look = format!("Look at it: get_incidents with incident_id={id}. Calling again does no harm either.");
        let change = Change { deed: status.deed(), look, key: key.clone() };
        let request = Request::one(&INCIDENTS, id, Query::new());
        let request = request.change(Method::PUT, body, from.clone(), Kind::Status, change);
        let decode = |body: &[u8]| {
            let row = with_id(decode::one::<Incident>(body, INCIDENTS.one, selection)?)?;
            if row.facts.id() == Some(id.as_str()) && status.is(row.facts.status.as_ref()) {
                Ok(row)
            } else {
                Err(Unreadable::because(format!("it does not say that {id} is {}", status.as_str())))
            }
        };
        let changed = match self.exchange(&request, decode).await {
            Ok(row) => Ok(row.into()),
            Err(given_up) if given_up.look => {
                self.see_status(&request, id, status, from.as_deref(), selection, given_up).await
            }
            Err(given_up) => {
                self.account.memory.keep(&key, earlier);
                return Err(given_up.error);
            }
        };
        match &changed {
            Ok(_) => self.account.memory.settle(&key, Outcome::Set),
            // A change in doubt stays remembered as sent.
            Err(error) if error.code() == Code::OutcomeUnknown => {}
            Err(_) => self.account.memory.keep(&key, None),
        }
        changed
    }

    /// Returns the incident if an earlier call has set its status, or sent the change and this look shows its outcome.
    /// Otherwise the change is sent.
    async fn earlier_status(
        &self,
        id: &Id<Incident>,
        wanted: NewStatus,
        from: Option<&str>,
        selection: &Selection<'_>,
        earlier: &Earlier,
    ) -> Option<Row<Incident>> {
        let (row, standing) = self.standing(id, selection).await.ok()?;
        if !wanted.is(standing.status.as_ref()) {
            return None;
        }
        if matches!(earlier.outcome, Outcome::Unknown) {
            let author = self.author_id(from).await?;
            let whose = whose(&standing, wanted, &author, self.since(earlier.sent));
            return (whose == Whose::Ours).then_some(row);
        }
        Some(row)
    }

    /// Looks a few times for a change of status that may have taken effect: it may still be on its way, and it may
    /// arrive even after the last look.
    async fn see_status(
        &self,
        request: &Request,
        id: &Id<Incident>,
        wanted: NewStatus,
        from: Option<&str>,
        selection: &Selection<'_>,
        given_up: GivenUp,
    ) -> Result<Changed<Incident>> {
        let GivenUp { error, sent, .. } = given_up;
        let mut author = None;
        let mut looks = 1;
        let seen = loop {
            let (row, standing) = match self.standing(id, selection).await {
                Ok(seen) => seen,
                Err(unseen) => break format!("; reading it failed: {}", unseen.message()),
            };
            let Some(status) = &standing.status else { break "; the incident does not say its status".to_owned() };
            let mut still = format!("; incident {id} is still {}, not {}", status.as_str(), wanted.as_str());
            if wanted.is(Some(status)) {
                if author.is_none() {
                    author = self.author_id(from).await;
                }
                let Some(author) = &author else {
                    break format!("; the incident is {}, but by whom cannot be told", wanted.as_str());
                };
                match whose(&standing, wanted, author, self.since(sent)) {
                    Whose::Ours => return Ok(row.into()),
                    Whose::Before => {
                        let warning = format!(
                            "PagerDuty did not confirm the change ({}), but the incident is {} in the same user's name.",
                            error.message(),
                            wanted.as_str()
                        );
                        return Ok(Changed { row, warning: Some(warning) });
                    }
                    Whose::Others(others) if wanted == NewStatus::Resolved => {
                        let message = format!("incident {id} was resolved by {others}, not by this call");
                        return Err(Error::new(Code::AlreadyResolved, message).hint("Nothing is left to do."));
                    }
                    Whose::Others(others) => {
                        still = format!("; the incident is acknowledged by {others}, and not by this call so far");
                    }
                }
            } else if *status == Status::Resolved {
                let message = format!("incident {id} is resolved by now, so it is not {}", wanted.as_str());
                return Err(Error::new(Code::AlreadyResolved, message)
                    .hint("Nothing is left to do; get_incidents shows who resolved it."));
            }
            if !self.look_again(looks, policy::ATTEMPTS).await {
                break still;
            }
            looks += 1;
        };
        Err(request.unknown_after(&error.adding(&seen)))
    }

    /// Reads the incident and the origin of its status.
    async fn standing(&self, id: &Id<Incident>, selection: &Selection<'_>) -> Result<(Row<Incident>, Standing)> {
        let query = Query::new().with_all("include", &Incident::expansions(selection, Shape::One));
        let request = Request::one(&INCIDENTS, id, query);
        self.send(&request, |body| {
            let row = decode::one::<Incident>(body, INCIDENTS.one, selection)?;
            let standing = decode::one::<Standing>(body, INCIDENTS.one, &Standing::facts_only())?;
            Ok((row, standing.facts))
        })
        .await
    }
}

/// Determines who set a status. `since` is the time the change was sent, by PagerDuty's clock.
fn whose(standing: &Standing, wanted: NewStatus, author: &Id<User>, since: Option<Timestamp>) -> Whose {
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
        return Whose::Others(if others.is_empty() { "another user".to_owned() } else { others.join(", ") });
    }
    let recent = |at: Option<Timestamp>| since.is_some_and(|since| at.is_some_and(|at| at >= since));
    if times.any(recent) { Whose::Ours } else { Whose::Before }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_status_is_ours_by_author_and_time() {
        let since = "2026-08-01T10:00:00Z".parse().ok();
        let author = Id::parse("PME").unwrap();
        let whose = |wanted, body: Value, since| {
            whose(&serde_json::from_value::<Standing>(body).unwrap(), wanted, &author, since)
        };
        let user = |id: &str| json!({"id": id, "type": "user_reference", "summary": format!("User {id}")});
        let acknowledged = |id: &str, at: &str| {
            json!({"status": "acknowledged", "acknowledgements": [{"acknowledger": user(id), "at": at}],
                "last_status_change_by": user("POTHER"), "last_status_change_at": "2026-08-01T10:00:01Z"})
        };
        let resolved = |id: &str, at: &str| json!({"status": "resolved", "last_status_change_by": user(id), "last_status_change_at": at});
        let (before, after) = ("2026-08-01T09:00:00Z", "2026-08-01T12:00:01+02:00");
        let others = |id: &str| Whose::Others(format!("User {id}"));
        for (wanted, body) in
            [(NewStatus::Acknowledged, &acknowledged as &dyn Fn(&str, &str) -> Value), (NewStatus::Resolved, &resolved)]
        {
            assert_eq!(whose(wanted, body("PME", after), since), Whose::Ours, "{wanted:?}");
            assert_eq!(whose(wanted, body("PME", before), since), Whose::Before, "{wanted:?}");
            assert_eq!(
                whose(wanted, body("PME", after), None),
                Whose::Before,
                "{wanted:?}: PagerDuty's time is not known"
            );
            assert_eq!(whose(wanted, body("PME", "soon"), since), Whose::Before, "{wanted:?}");
            assert_eq!(whose(wanted, body("P2", after), since), others("P2"), "{wanted:?}");
        }
        let nobody = json!({"status": "acknowledged", "acknowledgements": "none", "last_status_change_by": null});
        assert_eq!(whose(NewStatus::Acknowledged, nobody, since), Whose::Others("another user".to_owned()));
        let moved = json!({"status": "acknowledged", "acknowledgements": [{"acknowledger": user("P2"), "at": after}],
            "last_status_change_by": user("PME"), "last_status_change_at": after});
        assert_eq!(whose(NewStatus::Acknowledged, moved, since), Whose::Ours, "the last change was the author's");
    }
}
