//! Names of objects: which texts may be one, and which object a text means.
//!
//! Nothing here sends a request: [`Api::named`](crate::client::Api::named) fetches the objects to choose from, and
//! `tools::resolve` applies the outcome to the arguments of a call.

use pagerduty_api::Resource;
use pagerduty_api::operations::automations::{AUTOMATION_ACTIONS, INCIDENT_WORKFLOWS};
use pagerduty_api::operations::communications::TEMPLATES;
use pagerduty_api::operations::dependencies::BUSINESS_SERVICES;
use pagerduty_api::operations::escalation_policies::ESCALATION_POLICIES;
use pagerduty_api::operations::priorities::PRIORITIES;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::operations::services::SERVICES;
use pagerduty_api::operations::status_pages::STATUS_PAGES;
use pagerduty_api::operations::teams::TEAMS;
use pagerduty_api::operations::users::USERS;
use pagerduty_rows::text::neutralize;
use serde_json::{Map, Value};

/// The resources whose objects can be given by name.
pub const NAMED: [&Resource; 11] = [
    &SERVICES,
    &TEAMS,
    &USERS,
    &SCHEDULES,
    &ESCALATION_POLICIES,
    &PRIORITIES,
    &INCIDENT_WORKFLOWS,
    &AUTOMATION_ACTIONS,
    &BUSINESS_SERVICES,
    &TEMPLATES,
    &STATUS_PAGES,
];

/// The longest name in bytes: PagerDuty's longest names have 255 characters.
const LONGEST: usize = 1_020;

/// The similarity from which a name may be meant by another text.
const SIMILAR: f64 = 0.75;

/// An object with the properties by which people tell it apart from others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address of a user.
    pub email: Option<String>,
    /// The names of its teams.
    pub teams: Vec<String>,
    /// The time zone of a user or a schedule.
    pub time_zone: Option<String>,
    /// The address of its web page.
    pub url: Option<String>,
}

impl Named {
    /// Reads an object in the form of answers. Returns `None` for one without an ID or a name, and for a deleted one.
    #[must_use]
    pub fn from_members(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let teams = members.get("teams").and_then(Value::as_array).into_iter().flatten();
        let teams = teams.filter_map(|team| team.get("summary")?.as_str().map(str::to_owned)).collect();
        let name = text("name").or_else(|| text("summary"))?;
        let is_deleted = members.get("deleted_at").is_some_and(|at| !at.is_null());
        let (email, time_zone, url) = (text("email"), text("time_zone"), text("html_url"));
        (!is_deleted).then_some(Self { id: text("id")?, name, email, teams, time_zone, url })
    }

    /// Returns the object for an answer or an error.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            members.extend(value.map(|value| (name.to_owned(), value)));
        };
        set("id", Some(self.id.clone().into()));
        set("name", Some(self.name.clone().into()));
        set("email", self.email.clone().map(Value::from));
        set("teams", (!self.teams.is_empty()).then(|| self.teams.clone().into()));
        set("time_zone", self.time_zone.clone().map(Value::from));
        members
    }

    /// Returns the object in words: `Ada Lovelace (P1, ada@acme.example, Europe/Berlin)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut parts = vec![self.id.clone()];
        parts.extend(self.email.clone());
        parts.extend((!self.teams.is_empty()).then(|| self.teams.join(" and ")));
        parts.extend(self.time_zone.clone());
        format!("{} ({})", self.name, parts.join(", "))
    }
}

/// Returns whether a text may be the name of an object.
#[must_use]
pub fn may_be_name(text: &str) -> bool {
    text.len() <= LONGEST && text.chars().any(char::is_alphanumeric) && !text.contains("://")
}

/// Returns a text for comparison: in lower case, with single spaces.
#[must_use]
pub fn normalized(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Returns the words of a text in lower case.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// How well an object is described by a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The text is its name or its email address.
    Exact,
    /// All words of the text are words of its name.
    Words,
}

/// Returns the objects that a text means best, and how well: those with this name or address, or else those with all its
/// words in the name.
#[must_use]
pub fn matches<'n>(text: &str, objects: &'n [Named]) -> (Fit, Vec<&'n Named>) {
    let wanted = normalized(text);
    let is_exact = |object: &&Named| {
        normalized(&object.name) == wanted
            || object.email.as_ref().is_some_and(|email| email.trim().to_lowercase() == wanted)
    };
    let exact: Vec<_> = objects.iter().filter(is_exact).collect();
    if !exact.is_empty() {
        return (Fit::Exact, exact);
    }
    let wanted = words(text);
    let has_words = |object: &&Named| {
        let words = words(&object.name);
        !wanted.is_empty() && wanted.iter().all(|word| words.contains(word))
    };
    (Fit::Words, objects.iter().filter(has_words).collect())
}

/// Returns the objects whose names are similar to a text, the most similar first, with the similarity from 0 to 1.
#[must_use]
pub fn nearest<'n>(text: &str, objects: &'n [Named], most: usize) -> Vec<(f64, &'n Named)> {
    let (wanted, wanted_words) = (normalized(text), words(text));
    let score = |object: &Named| {
        let name_words = words(&object.name);
        let closest =
            |word: &String| name_words.iter().map(|other| strsim::jaro_winkler(word, other)).fold(0.0, f64::max);
        let count = f64::from(u32::try_from(wanted_words.len()).unwrap_or(u32::MAX).max(1));
        let by_words = wanted_words.iter().map(closest).sum::<f64>() / count;
        // A name with further words is less similar than one without.
        let score = strsim::jaro_winkler(&wanted, &normalized(&object.name)).max(by_words * 0.95);
        (score * 100.0).round() / 100.0
    };
    let mut scored: Vec<_> = objects.iter().map(|object| (score(object), object)).collect();
    scored.retain(|(score, _)| *score > SIMILAR);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    scored.truncate(most);
    scored
}

/// Returns the names that complete a text: those that begin with it, then those with a word that does, then the others that
/// contain it.
#[must_use]
pub fn completions(text: &str, objects: &[Named], most: usize) -> Vec<String> {
    let wanted = normalized(text);
    let rank = |name: &str| match normalized(name) {
        name if name.starts_with(&wanted) => 0,
        name if words(&name).iter().any(|word| word.starts_with(&wanted)) => 1,
        _ => 2,
    };
    let mut names: Vec<_> = objects.iter().map(|object| neutralize(&object.name).into_owned()).collect();
    names.sort_by_cached_key(|name| (rank(name), name.to_lowercase()));
    names.dedup();
    names.truncate(most);
    names
}

/// Returns a short text that names similar to `text` are likely to contain: the beginning of its longest word.
#[must_use]
pub fn stem(text: &str) -> Option<String> {
    let longest = words(text).into_iter().rev().max_by_key(|word| word.chars().count())?;
    Some(longest.chars().take(3).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<Named> {
        let user = |(number, name): (usize, &&str)| Named {
            id: format!("P{number}"),
            name: (*name).to_owned(),
            email: Some(format!("u{number}@acme.example")),
            ..Named::default()
        };
        names.iter().enumerate().map(user).collect()
    }

    fn ids(text: &str, objects: &[Named]) -> (Fit, Vec<String>) {
        let (fit, found) = matches(text, objects);
        (fit, found.into_iter().map(|object| object.id.clone()).collect())
    }

    #[test]
    fn exact_name_precedes_words() {
        let objects = users(&["Payments API", "Payments", "payments  api"]);
        assert_eq!(ids("PAYMENTS", &objects), (Fit::Exact, vec!["P1".to_owned()]));
        assert_eq!(ids(" payments\tAPI ", &objects), (Fit::Exact, vec!["P0".to_owned(), "P2".to_owned()]));
        assert_eq!(ids("U1@Acme.Example", &objects), (Fit::Exact, vec!["P1".to_owned()]));
    }

    #[test]
    fn words_match_whole_and_in_any_order() {
        let objects = users(&["Ada Lovelace", "Adam Smith", "Canada", "Tomás O'Neil"]);
        assert_eq!(ids("ada", &objects), (Fit::Words, vec!["P0".to_owned()]));
        assert_eq!(ids("Lovelace, Ada", &objects), (Fit::Words, vec!["P0".to_owned()]));
        assert_eq!(ids("TOMÁS", &objects), (Fit::Words, vec!["P3".to_owned()]));
        assert_eq!(ids("ad", &objects), (Fit::Words, vec![]));
        assert_eq!(ids("--", &objects), (Fit::Words, vec![]));
    }

    #[test]
    fn nearest_names_come_with_falling_similarity() {
        let objects = users(&["Checkout API", "Checkout", "Voucher Service", "Search"]);
        let near = nearest("Chekout", &objects, 5);
        assert_eq!(
            near.iter().map(|(_, object)| object.name.as_str()).collect::<Vec<_>>(),
            ["Checkout", "Checkout API"]
        );
        assert!(near[0].0 > near[1].0 && near[0].0 < 1.0, "{near:?}");
        assert!(nearest("qqqq", &objects, 5).is_empty());
    }

    #[test]
    fn completions_begin_with_the_text_before_others() {
        let objects = users(&["Data Platform", "Platform", "Microplatforms", "platform EU", "Platform"]);
        let names = completions("plat", &objects, 9);
        assert_eq!(names, ["Platform", "platform EU", "Data Platform", "Microplatforms"]);
        assert_eq!(completions("", &objects, 1), ["Data Platform"]);
    }

    #[test]
    fn deleted_object_has_no_name() {
        let of = |value: serde_json::Value| Named::from_members(value.as_object().unwrap());
        let user = serde_json::json!({"id": "P1", "summary": "Ada", "deleted_at": null});
        assert_eq!(of(user).unwrap().name, "Ada");
        assert_eq!(of(serde_json::json!({"id": "P1", "name": "Ada", "deleted_at": "2026-01-01T00:00:00Z"})), None);
        assert_eq!(of(serde_json::json!({"id": "P1"})), None);
    }
}
