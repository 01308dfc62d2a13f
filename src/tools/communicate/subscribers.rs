//! The users and teams who receive the status updates of an incident.

use futures_util::future::{join_all, try_join_all};
use pagerduty_api::operations::teams::TEAMS;
use pagerduty_api::operations::users::USERS;
use serde_json::{Value, json};

use crate::error::{Code, Error, Family, Result};
use crate::ids::Id;
use crate::models::{Team, User};
use crate::names::Named;
use crate::params::{Written, shorten};
use crate::receipts::Fields;
use crate::tools::gather::side_by_side;
use crate::tools::{Context, resolve};

/// The name of the parameter.
const PARAMETER: &str = "subscriber_ids";

/// The most subscribers whose names are read for one answer.
const MAX_NAMED: usize = 50;

/// A user or a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    pub id: String,
    pub is_team: bool,
    pub name: Option<String>,
}

impl Subscriber {
    /// Creates a subscriber whose name is not known yet.
    pub fn new(id: &str, is_team: bool) -> Self {
        Self { id: id.to_owned(), is_team, name: None }
    }

    /// Reads a subscriber in PagerDuty's list.
    pub fn read(id: &str, fields: &Fields) -> Self {
        Self::new(id, fields.get("type").is_some_and(|kind| kind == "team"))
    }

    /// Returns the type in requests.
    pub const fn kind(&self) -> &'static str {
        if self.is_team { "team" } else { "user" }
    }

    /// Returns the name, or else the ID.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Returns the subscriber for an answer.
    pub fn shown(&self) -> Value {
        json!({"id": self.id, "name": self.name, "type": self.kind()})
    }
}

/// Reads the names of subscribers, side by side. A name that cannot be read is left out, with a warning.
pub async fn name(cx: &Context, subscribers: &mut [Subscriber]) -> Option<String> {
    let count = subscribers.len();
    let unnamed: Vec<_> = subscribers.iter_mut().filter(|one| one.name.is_none()).take(MAX_NAMED).collect();
    let reads = unnamed.iter().map(|one| {
        let resource = if one.is_team { &TEAMS } else { &USERS };
        let id = one.id.clone();
        async move { cx.api.object_by_id(resource, &id).await }
    });
    let found = side_by_side(cx, reads.collect::<Vec<_>>()).await;
    let mut failure = None;
    for (subscriber, found) in unnamed.into_iter().zip(found) {
        match found {
            Ok(object) => subscriber.name = object.map(|object| object.name),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let cut = || (count > MAX_NAMED).then(|| format!("Names of {MAX_NAMED} of {count} subscribers were read."));
    failure.map(|error| format!("Names of subscribers could not be fetched: {error}")).or_else(cut)
}

/// Returns the users and teams that texts stand for, and remarks on names. A text that may be a user and a team is an
/// error.
pub async fn find(cx: &Context, texts: &[String]) -> Result<(Vec<Subscriber>, Vec<String>)> {
    let mut found: Vec<Subscriber> = Vec::new();
    let mut remarks = Vec::new();
    let texts: Vec<_> = texts.iter().flat_map(|text| parts(text)).collect();
    for (subscriber, more) in try_join_all(texts.into_iter().map(|text| one(cx, text))).await? {
        remarks.extend(more);
        if !found.contains(&subscriber) {
            found.push(subscriber);
        }
    }
    Ok((found, remarks))
}

/// Returns the entries of a text. It is split at commas only if no part of it is a name, because names may have commas.
fn parts(text: &str) -> Vec<&str> {
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let has_name = parts.iter().any(|part| matches!(Written::of(part), Written::Text(_)));
    if has_name { vec![text] } else { parts }
}

async fn one(cx: &Context, text: &str) -> Result<(Subscriber, Vec<String>)> {
    let texts = [text.to_owned()];
    match Written::of(text) {
        Written::Link(resource, ..) if resource == &TEAMS => {
            let (ids, remarks) = resolve::ids::<Team>(cx, PARAMETER, &texts).await?;
            Ok((known(&ids, true)?, remarks))
        }
        Written::Link(..) | Written::Email(_) | Written::Me => {
            let (ids, remarks) = resolve::ids::<User>(cx, PARAMETER, &texts).await?;
            Ok((known(&ids, false)?, remarks))
        }
        Written::Id(id) | Written::Number(id) => match by_id(cx, &id).await? {
            Some(subscriber) => Ok((subscriber, Vec::new())),
            // A name in capitals looks like an ID.
            None => by_name(cx, text).await,
        },
        Written::Text(_) => by_name(cx, text).await,
    }
}

fn known<M>(ids: &[Id<M>], is_team: bool) -> Result<Subscriber> {
    let id = ids.first().ok_or_else(|| Error::new(Code::Internal, "the subscriber was not found"))?;
    Ok(Subscriber::new(id.as_str(), is_team))
}

/// Returns the user or team with an ID. IDs are unique per type only.
async fn by_id(cx: &Context, id: &str) -> Result<Option<Subscriber>> {
    let (user, team) = tokio::try_join!(cx.api.object_by_id(&USERS, id), cx.api.object_by_id(&TEAMS, id))?;
    match (user, team) {
        (Some(user), Some(team)) => Err(ambiguous(id, &[user, team])),
        (Some(user), None) => Ok(Some(Subscriber { name: Some(user.name), ..Subscriber::new(&user.id, false) })),
        (None, Some(team)) => Ok(Some(Subscriber { name: Some(team.name), ..Subscriber::new(&team.id, true) })),
        (None, None) => Ok(None),
    }
}

/// Returns the user or team with a name. A whole name precedes one that only has the words.
async fn by_name(cx: &Context, text: &str) -> Result<(Subscriber, Vec<String>)> {
    let found = join_all([&USERS, &TEAMS].map(|resource| cx.api.named(resource, text))).await;
    let mut candidates = Vec::new();
    for (found, is_team) in found.into_iter().zip([false, true]) {
        match found {
            Ok(found) => candidates.push((Subscriber::new(&found.id, is_team), found.remarks.clone())),
            Err(error) if error.code() == Code::AmbiguousName || error.code().family() != Family::Arguments => {
                return Err(error.preceded(&format!("{PARAMETER} has {:?}, ", shorten(text))));
            }
            Err(_) => {}
        }
    }
    if candidates.len() > 1 && candidates.iter().filter(|(_, remarks)| remarks.is_empty()).count() == 1 {
        candidates.retain(|(_, remarks)| remarks.is_empty());
    }
    match candidates.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let message = format!("{PARAMETER} has {:?}, which is neither a user nor a team", shorten(text));
            Err(Error::new(Code::InvalidParameter, message)
                .hint("Pass names, email addresses or IDs; get_users and get_teams find them."))
        }
        [(user, _), (team, _), ..] => {
            let read = |resource, one: &Subscriber| {
                let id = one.id.clone();
                async move { cx.api.object_by_id(resource, &id).await }
            };
            let (user, team) = tokio::try_join!(read(&USERS, user), read(&TEAMS, team))?;
            Err(ambiguous(text, &[user, team].into_iter().flatten().collect::<Vec<_>>()))
        }
    }
}

fn ambiguous(text: &str, candidates: &[Named]) -> Error {
    let words: Vec<_> = candidates.iter().map(Named::describe).collect();
    Error::new(Code::AmbiguousName, format!("{PARAMETER} has {:?}, which is a user and a team", shorten(text)))
        .hint(format!("Pass the email address of the user, or the ID of one of them: {}.", words.join("; ")))
        .detail("candidates", candidates.iter().map(|one| Value::Object(one.members())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_unless_it_may_be_a_name() {
        assert_eq!(parts("PABC123, ada@acme.example,me"), ["PABC123", "ada@acme.example", "me"]);
        assert_eq!(parts("Lovelace, Ada"), ["Lovelace, Ada"]);
        assert_eq!(parts("Search"), ["Search"]);
    }
}
