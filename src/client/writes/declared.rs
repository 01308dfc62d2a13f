//! Changes as data: what is sent, how the objects are read, and which state shows that the change took effect.
//!
//! There are three kinds of changes. [`Proof::Set`] sets fields of objects, [`Proof::New`] and [`Proof::Another`] add an
//! object, and [`Proof::Gone`] removes one. A tool declares a value of one kind, and the code here sends and verifies it, so that no
//! tool decides by itself what a lost response means.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use pagerduty_api::{Answer, Effect};
use pagerduty_rows::decode::{Content, envelope, text};
use pagerduty_rows::fields::{Field, Selection};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Changed, Seen, Verify};
use crate::client::accounts::memory::{Earlier, Outcome};
use crate::client::decode::Unreadable;
use crate::client::request::Write;
use crate::client::{Api, Request};
use crate::error::{Code, Error, Result};
use crate::receipts::Fields;

/// The number of objects that are read at the same time.
const PARALLEL: usize = 20;

/// The number of times that an earlier addition is verified before it is sent once more: enough to find one that was
/// queued for seconds.
const VERIFICATIONS_BEFORE_REPEAT: u32 = 6;

/// The fields of objects, by ID.
pub type State = BTreeMap<String, Fields>;

/// The way to the state of one object, or of a list of objects.
#[derive(Clone, Debug)]
pub struct Source {
    pub request: Request,
    /// The fields to read of each object.
    pub fields: &'static [Field],
    /// Returns the values by which the state of an object is compared and shown.
    pub read: fn(&Map<String, Value>) -> Fields,
}

/// The state that shows that a change took effect.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Objects have the wanted values.
    Set(Vec<Expected>),
    /// An object with these values was created, since the change was sent if it has a time under `at`.
    New { fields: Fields, at: Option<&'static str> },
    /// An object with these values is there besides the known ones. Objects of this kind have no time.
    Another { fields: Fields, known: Vec<String> },
    /// Something with these values was started, since the change was sent by the time under `at`. It is never started
    /// again. If there is no source, nothing shows it. The objects `known` were there before.
    Started { fields: Fields, at: &'static str, known: Vec<String> },
    /// The object with this ID is gone.
    Gone(String),
}

/// The state of one object after a change.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub id: String,
    /// The wanted values.
    pub fields: Fields,
    /// Values before the change that it replaces by others, which only PagerDuty determines.
    pub replaced: Fields,
    /// The values of the object if the list that was read does not have it.
    pub unlisted: Option<Fields>,
}

/// The content of a response that confirms a change.
#[derive(Clone, Copy, Debug)]
pub enum Echo {
    /// The changed objects, without these fields.
    Objects(&'static [&'static str]),
    /// Anything in the envelope of the operation.
    Envelope,
    /// Nothing.
    Nothing,
}

/// A change as a value.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The request, without its body.
    pub request: Request,
    pub body: Value,
    /// The action on the subject, as a gerund: "changing".
    pub gerund: &'static str,
    /// The call that shows the objects: `get_incidents with incident_id=Q1`.
    pub check: String,
    /// The reads of the objects, from which the outcome is determined after a lost response.
    pub sources: Vec<Source>,
    pub proof: Proof,
    pub echo: Echo,
}

/// The outcome of a change that took effect.
#[derive(Debug)]
pub struct Done {
    /// The objects after it, as far as a response or a read showed them.
    pub after: State,
    /// Additional information for the caller.
    pub warning: Option<String>,
}

impl Api {
    /// Makes a change by the author `from`.
    pub async fn make(&self, declared: &Declared, from: Option<String>) -> Result<Done> {
        let Declared { request, body, gerund, check, .. } = declared;
        let key = format!("{} {} {body}", request.operation.method.as_str(), request.path);
        let later = format!("Check it: {check}. Wait some minutes before calling again: it may still take effect.");
        let hint = match declared.proof {
            Proof::Started { .. } => {
                format!("Check it: {check}. Calling again in this process does not start it twice.")
            }
            // No key distinguishes it from an identical one that is late.
            Proof::New { at: None, .. } | Proof::Another { .. } => later,
            Proof::Set(_) if request.operation.effect == Effect::Once => later,
            _ => format!("Check it: {check}. Calling again is safe, too: it checks first."),
        };
        let write = Write { gerund, hint, key };
        let request = request.clone().writing(body.clone(), from, write);
        let changed = self.write(&request, Sent { declared, verified: 0 }).await?;
        Ok(Done { after: from_object(&changed.shown), warning: changed.warning })
    }

    /// Reads the objects of one source.
    pub async fn state(&self, source: &Source) -> Result<State> {
        self.send(&source.request, |body| objects(body, source, source.request.operation.answer)).await
    }

    /// Reads the objects of several sources, some at a time.
    pub async fn states(&self, sources: &[Source]) -> Vec<Result<State>> {
        let mut all = Vec::with_capacity(sources.len());
        for some in sources.chunks(PARALLEL) {
            all.extend(join_all(some.iter().map(|source| self.state(source))).await);
        }
        all
    }
}

/// Returns the objects in a response, by ID. One without an ID is no object of PagerDuty's.
fn objects(body: &[u8], source: &Source, answer: Answer) -> Result<State, Unreadable> {
    let key = match answer {
        Answer::One(resource) => resource.one,
        Answer::Many(resource, _) => resource.many,
        Answer::Outcomes(_) | Answer::Nothing => return Ok(State::new()),
    };
    let body = text(body);
    let items = match envelope(&body, key, &Selection::new(source.fields.to_vec(), &[]))?.content {
        Content::One(item) => vec![item],
        Content::Many(items) => items,
    };
    let object = |item: pagerduty_rows::decode::Item<'_>| {
        let members = item.ok()?.0.members();
        Some((members.get("id")?.as_str()?.to_owned(), (source.read)(&members)))
    };
    items
        .into_iter()
        .map(|item| object(item).ok_or_else(|| Unreadable::because(format!("{key}: an object without an id"))))
        .collect()
}

/// Returns a value for comparison: an object with an ID is its ID, and the order of a list does not matter.
#[must_use]
pub fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.get("id").cloned().unwrap_or_else(|| value.clone()),
        Value::Array(values) => {
            let mut values: Vec<_> = values.iter().map(comparable).collect();
            values.sort_by_cached_key(Value::to_string);
            values.into()
        }
        other => other.clone(),
    }
}

/// Returns whether an object has these values. A value that is absent is null.
#[must_use]
pub fn has(object: &Fields, wanted: &Fields) -> bool {
    wanted.iter().all(|(name, value)| is(object, name, value))
}

fn is(object: &Fields, name: &str, value: &Value) -> bool {
    comparable(object.get(name).unwrap_or(&Value::Null)) == comparable(value)
}

/// Returns the fields of an object that differ between two states, with the values of the first one.
#[must_use]
pub fn changed(one: &Fields, other: &Fields) -> Fields {
    let differs = |(name, value): &(&String, &Value)| !is(other, name, value);
    one.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Proof {
    /// Returns the objects that show the change in a state, or `None` if it has not taken effect there.
    fn holds(&self, state: &State, since: Option<Timestamp>) -> Option<State> {
        match self {
            Proof::Set(expected) => {
                let is_set = |expected: &Expected| {
                    let object = state.get(&expected.id).or(expected.unlisted.as_ref())?;
                    let is_replaced = expected.replaced.iter().all(|(name, value)| !is(object, name, value));
                    (has(object, &expected.fields) && is_replaced).then(|| (expected.id.clone(), object.clone()))
                };
                expected.iter().map(is_set).collect()
            }
            Proof::New { fields, at } => newest(state, fields, *at, since),
            Proof::Started { fields, at, .. } => newest(state, fields, Some(*at), since),
            Proof::Another { fields, known } => {
                let found = state.iter().find(|(id, object)| !known.contains(id) && has(object, fields));
                found.map(|(id, object)| State::from([(id.clone(), object.clone())]))
            }
            Proof::Gone(id) => (!state.contains_key(id)).then(State::new),
        }
    }

    /// Returns whether the change adds an object.
    fn is_new(&self) -> bool {
        matches!(self, Proof::New { .. } | Proof::Another { .. })
    }

    /// Returns the same proof without fields that a response does not have.
    fn without(&self, absent: &[&str]) -> Self {
        let keep = |fields: &Fields| {
            let kept = fields.iter().filter(|(name, _)| !absent.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        match self {
            Proof::Set(expected) => {
                let shown = |one: &Expected| Expected { fields: keep(&one.fields), ..Expected::of(&one.id) };
                Proof::Set(expected.iter().map(shown).collect())
            }
            // The response to this change is about this object.
            Proof::New { fields, .. } | Proof::Another { fields, .. } | Proof::Started { fields, .. } => {
                Proof::New { fields: keep(fields), at: None }
            }
            Proof::Gone(id) => Proof::Gone(id.clone()),
        }
    }
}

/// Returns the object that has these values, since a time if it has one under `at`.
fn newest(state: &State, fields: &Fields, at: Option<&str>, since: Option<Timestamp>) -> Option<State> {
    let is_recent = |object: &Fields| {
        let Some(at) = at else { return true };
        let at = object.get(at).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        since.zip(at).is_some_and(|(since, at)| at >= since)
    };
    let found = state.iter().find(|(_, object)| has(object, fields) && is_recent(object));
    found.map(|(id, object)| State::from([(id.clone(), object.clone())]))
}

impl Expected {
    /// Creates an expectation for the object with this ID.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// A change that is being made.
struct Sent<'d> {
    declared: &'d Declared,
    /// The number of verifications so far.
    verified: u32,
}

impl Sent<'_> {
    fn is_start(&self) -> bool {
        matches!(self.declared.proof, Proof::Started { .. })
    }

    /// Reads the objects once, and returns those that show the change.
    ///
    /// Objects that were known before do not count, unless an earlier call may have made them.
    async fn find(&self, api: &Api, sent: Instant, is_earlier: bool) -> Result<Option<State>> {
        let mut state = State::new();
        for read in api.states(&self.declared.sources).await {
            match read {
                Ok(objects) => state.extend(objects),
                // An object that is read by its ID and not found is gone, or not there so far.
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if let Proof::Started { known, .. } = &self.declared.proof
            && !is_earlier
        {
            state.retain(|id, _| !known.contains(id));
        }
        Ok(self.declared.proof.holds(&state, api.since(sent)))
    }
}

impl Verify for Sent<'_> {
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable> {
        let Declared { request, sources, proof, echo, .. } = self.declared;
        let absent = match echo {
            Echo::Objects(absent) => absent,
            Echo::Envelope => {
                let key = request.operation.key().unwrap_or_default();
                envelope(&text(body), key, &Selection::new(Vec::new(), &[]))?;
                return Ok(to_object(State::new()));
            }
            Echo::Nothing => return Ok(to_object(State::new())),
        };
        let Some(source) = sources.first() else { return Ok(to_object(State::new())) };
        let state = objects(body, source, request.operation.answer)?;
        let shown = proof.without(absent).holds(&state, None);
        shown.map(to_object).ok_or_else(|| Unreadable::because("it does not show the change".to_owned()))
    }

    async fn verify(&mut self, api: &Api, sent: Instant, error: &Error) -> Seen {
        self.verified += 1;
        if self.is_start() && self.declared.sources.is_empty() {
            return Seen::Unknown("PagerDuty does not list what was started".to_owned());
        }
        match self.find(api, sent, false).await {
            Ok(Some(state)) => {
                let warning =
                    format!("PagerDuty did not confirm the change ({}), but it is in effect.", error.message());
                Seen::Done(Changed { warning: Some(warning), ..Changed::new(to_object(state)) })
            }
            Ok(None) => Seen::NotYet("it has not taken effect so far".to_owned()),
            Err(error) => Seen::Unknown(format!("reading it failed: {}", error.message())),
        }
    }

    async fn made_earlier(&mut self, api: &Api, request: &Request, earlier: &Earlier) -> Result<Option<Object>> {
        let is_new = self.declared.proof.is_new() || self.is_start();
        let is_unknown = matches!(earlier.outcome, Outcome::Unknown);
        let most = if is_unknown && is_new { VERIFICATIONS_BEFORE_REPEAT } else { 1 };
        let mut verified = 1;
        let why = loop {
            match self.find(api, earlier.sent, true).await {
                Ok(Some(state)) => return Ok(Some(to_object(state))),
                Ok(None) if self.is_start() && !is_unknown => return Ok(Some(to_object(State::new()))),
                Ok(None) if self.is_start() && self.declared.sources.is_empty() => {
                    break "PagerDuty does not list what was started".to_owned();
                }
                Ok(None) if api.verify_again(verified, most).await => verified += 1,
                Ok(None) if self.is_start() => break "it is not listed so far".to_owned(),
                // Twice has the effect of once.
                Err(_) if !is_new => return Ok(None),
                Ok(None) => return Ok(None),
                Err(error) => break format!("reading it failed: {}", error.message()),
            }
        };
        let ago = earlier.sent.elapsed().as_secs();
        let message = format!(
            "an identical call sent it {ago} s ago and its outcome is not known; it was not sent again, because {why}"
        );
        let hint = request.write.as_ref().map_or_else(String::new, |write| write.hint.clone());
        Err(Error::new(Code::OutcomeUnknown, message).hint(hint))
    }

    fn repeat_warning(&self, earlier: &Earlier) -> Option<String> {
        let is_new = self.declared.proof.is_new();
        let ago = earlier.sent.elapsed().as_secs();
        (is_new && matches!(earlier.outcome, Outcome::Unknown)).then(|| {
            format!(
                "An identical call sent this {ago} s ago, and its outcome is not known. It was not found, so it was sent \
                 now; the earlier one may still appear."
            )
        })
    }
}

fn to_object(state: State) -> Object {
    Object::from_members(state.into_iter().map(|(id, fields)| (id, Value::Object(fields))).collect())
}

fn from_object(object: &Object) -> State {
    let fields = |(id, value)| match value {
        Value::Object(fields) => Some((id, fields)),
        _ => None,
    };
    object.members().into_iter().filter_map(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    fn state(objects: &[(&str, Value)]) -> State {
        objects.iter().map(|(id, value)| ((*id).to_owned(), fields(value.clone()))).collect()
    }

    #[test]
    fn values_are_compared_by_id_and_without_order() {
        let object = fields(json!({"priority": {"id": "P1", "name": "one"}, "assignees": [{"id": "B"}, {"id": "A"}]}));
        assert!(has(&object, &fields(json!({"priority": {"id": "P1"}, "assignees": ["A", "B"], "title": null}))));
        assert!(!has(&object, &fields(json!({"priority": null}))));
        let other = fields(json!({"priority": "P1", "assignees": ["A"]}));
        assert_eq!(changed(&object, &other).keys().collect::<Vec<_>>(), ["assignees"]);
    }

    #[test]
    fn set_requires_every_value_of_every_object() {
        let one = Expected { fields: fields(json!({"status": "resolved"})), ..Expected::of("Q1") };
        let moved = Expected { replaced: fields(json!({"assignees": ["A"]})), ..Expected::of("Q2") };
        let proof = Proof::Set(vec![one, moved]);
        let holds = |first: &str, assignees: Value| {
            let state = state(&[("Q1", json!({"status": first})), ("Q2", json!({"assignees": assignees}))]);
            proof.holds(&state, None).is_some()
        };
        assert!(holds("resolved", json!(["B"])));
        assert!(!holds("triggered", json!(["B"])) && !holds("resolved", json!(["A"])));
        assert!(proof.holds(&state(&[("Q1", json!({"status": "resolved"}))]), None).is_none(), "Q2 was not read");
    }

    #[test]
    fn new_object_has_the_values_and_is_recent() {
        let since = "2026-11-30T10:00:00Z".parse().ok();
        let proof = Proof::New { fields: fields(json!({"key": "k"})), at: Some("created_at") };
        let holds = |key: &str, at: &str, since| {
            proof.holds(&state(&[("Q1", json!({"key": key, "created_at": at}))]), since).is_some()
        };
        assert!(holds("k", "2026-11-30T10:00:00Z", since));
        assert!(!holds("k", "2026-11-30T09:59:59Z", since) && !holds("k", "2026-11-30T10:00:00Z", None));
        assert!(!holds("other", "2026-11-30T10:00:00Z", since));
        let another = |known: &[&str]| Proof::Another {
            fields: fields(json!({"key": "k"})),
            known: known.iter().map(|id| (*id).to_owned()).collect(),
        };
        let both = state(&[("Q1", json!({"key": "k"})), ("Q2", json!({"key": "other"}))]);
        assert!(another(&[]).holds(&both, None).is_some() && another(&["Q1"]).holds(&both, None).is_none());
        assert!(Proof::Gone("Q2".to_owned()).holds(&state(&[("Q1", json!({}))]), None).is_some());
        assert!(Proof::Gone("Q1".to_owned()).holds(&state(&[("Q1", json!({}))]), None).is_none());
    }
}
