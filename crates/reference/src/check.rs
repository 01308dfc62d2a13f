//! Checks the parameters and the body of a request, and writes an example of a body.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use crate::{Members, Operation, Reference};

/// The similarity from which two names are taken for the same one, misspelled.
const SIMILAR: f64 = 0.85;

/// The deepest nesting of a description of a body: of `{"incident": {"priority": {"id": "string"}}}` it is three.
const DEEPEST: usize = 3;

/// A part of a request that PagerDuty would refuse or ignore.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place of the part: `team_ids[]`, `incident.priority.id`.
    pub place: String,
    /// The fault: "is missing", "is \"hihg\", not one of high, low".
    pub fault: String,
    /// The known name that is the most similar one.
    pub nearest: Option<&'static str>,
    /// Whether the description may be incomplete, so that the request could be right.
    pub is_doubtful: bool,
}

impl Reference {
    /// Checks query parameters, and returns them with the names that PagerDuty expects: `team_ids` is `team_ids[]`.
    pub fn query(
        &'static self,
        operation: &'static Operation,
        given: &[(String, String)],
    ) -> Result<Vec<(String, String)>, Vec<Problem>> {
        let (mut pairs, mut problems) = (Vec::new(), Vec::new());
        for (name, text) in given {
            let listed = format!("{name}[]");
            let member = member(&operation.query, name).or_else(|| member(&operation.query, &listed));
            let Some((known, kind)) = member else {
                problems.push(unknown(name, &operation.query, false));
                continue;
            };
            let one = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')).unwrap_or(kind);
            match fault_of_text(one, text) {
                Some(fault) => problems.push(Problem::new(known, fault)),
                None => pairs.push((known.to_owned(), text.clone())),
            }
        }
        for (name, _) in required(&operation.query) {
            if !pairs.iter().any(|(given, _)| given == name) && !problems.iter().any(|problem| problem.place == name) {
                problems.push(Problem::new(name, "is missing".to_owned()));
            }
        }
        if problems.is_empty() { Ok(pairs) } else { Err(problems) }
    }

    /// Checks a body against the type of the operation.
    #[must_use]
    pub fn body(&'static self, operation: &'static Operation, body: Option<&Value>) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (operation.body, body) {
            (Some(kind), Some(body)) => self.check(kind, body, "", &mut problems),
            (Some(kind), None) if self.object(kind).is_none_or(|members| required(members).next().is_some()) => {
                problems.push(Problem::new("body", "is missing".to_owned()));
            }
            (None, Some(_)) if operation.media.is_none() => {
                problems.push(Problem::new("body", "is given, and the operation takes none".to_owned()));
            }
            _ => {}
        }
        problems
    }

    /// Returns an example of the body: the required members of each object, or all of its members if none is required.
    #[must_use]
    pub fn example(&'static self, operation: &'static Operation) -> Option<Value> {
        operation.body.map(|kind| self.example_of(kind, ""))
    }

    /// Returns the members of the body with their types, nested as they are in it. Members that are deeper than `DEEPEST` are
    /// only said to be objects.
    #[must_use]
    pub fn fields(&'static self, operation: &'static Operation) -> Value {
        operation.body.map_or(Value::Null, |kind| self.described(kind, 0))
    }

    fn described(&'static self, kind: &'static str, depth: usize) -> Value {
        let inner = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']'));
        match (self.object(kind), inner) {
            (Some(_), _) if depth >= DEEPEST => "object".into(),
            (Some(members), _) => {
                let member = |(name, kind): (&&'static str, &&'static str)| {
                    ((*name).to_owned(), self.described(kind, depth + 1))
                };
                Value::Object(members.iter().map(member).collect())
            }
            (None, Some(inner)) => json!([self.described(inner, depth)]),
            // A single allowed value ends in the mark that separates values.
            (None, None) => kind.trim_end_matches('|').into(),
        }
    }

    fn object(&'static self, kind: &str) -> Option<&'static Members> {
        self.types.get(kind.strip_prefix('#')?.parse::<usize>().ok()?)
    }

    fn check(&'static self, kind: &'static str, value: &Value, place: &str, problems: &mut Vec<Problem>) {
        let at = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let here = || if place.is_empty() { "body".to_owned() } else { place.to_owned() };
        if let Some(members) = self.object(kind) {
            let Value::Object(object) = value else {
                problems.push(Problem::new(&here(), format!("is {}, not an object", shown(value))));
                return;
            };
            for (name, value) in object {
                match member(members, name) {
                    // PagerDuty takes null for most members, which clears them.
                    Some(_) if value.is_null() => {}
                    Some((_, kind)) => self.check(kind, value, &at(name), problems),
                    None => problems.push(Problem { place: at(name), ..unknown(name, members, true) }),
                }
            }
            for (name, _) in required(members) {
                if !object.contains_key(name) {
                    problems.push(Problem::new(&at(name), "is missing".to_owned()));
                }
            }
        } else if let Some(inner) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            let Value::Array(values) = value else {
                problems.push(Problem::new(&here(), format!("is {}, not a list", shown(value))));
                return;
            };
            for (index, value) in values.iter().enumerate() {
                self.check(inner, value, &format!("{}[{index}]", here()), problems);
            }
        } else if let Some(fault) = fault_of_value(kind, value) {
            problems.push(Problem::new(&here(), fault));
        }
    }

    fn example_of(&'static self, kind: &'static str, name: &str) -> Value {
        if let Some(members) = self.object(kind) {
            let is_required = members.keys().any(|name| name.ends_with('*'));
            let shown = members.iter().filter(|(name, _)| !is_required || name.ends_with('*'));
            let example = |(name, kind): (&&'static str, &&'static str)| {
                let name = name.trim_end_matches('*');
                (name.to_owned(), self.example_of(kind, name))
            };
            return Value::Object(shown.map(example).collect::<Map<_, _>>());
        }
        if let Some(inner) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            return json!([self.example_of(inner, name)]);
        }
        match kind {
            "integer" => json!(1),
            "number" => json!(1.5),
            "boolean" => json!(true),
            "time" => json!("2026-12-01T08:00:00Z"),
            "any" => json!({}),
            "string" if name == "id" || name.ends_with("_id") => json!("PABC123"),
            "string" => json!(format!("<{name}>")),
            values => json!(values.split('|').next()),
        }
    }
}

impl Problem {
    fn new(place: &str, fault: String) -> Self {
        Self { place: place.to_owned(), fault, nearest: None, is_doubtful: false }
    }
}

/// Returns a member's name and type, regardless of whether it is required.
fn member(members: &'static Members, name: &str) -> Option<(&'static str, &'static str)> {
    let is_it = |known: &&str| known.trim_end_matches('*') == name;
    members.iter().find(|(known, _)| is_it(known)).map(|(known, kind)| (known.trim_end_matches('*'), *kind))
}

fn required(members: &'static Members) -> impl Iterator<Item = (&'static str, &'static str)> {
    members.iter().filter_map(|(name, kind)| Some((name.strip_suffix('*')?, *kind)))
}

/// Returns the problem of a name that is not known. A body may have members that the description leaves out, unless a known
/// one is meant.
fn unknown(name: &str, members: &'static Members, may_be_incomplete: bool) -> Problem {
    let score = |known: &str| strsim::jaro_winkler(name, known.trim_end_matches("[]"));
    let names = members.keys().map(|known| known.trim_end_matches('*'));
    let nearest = names.map(|known| (score(known), known)).max_by(|one, other| one.0.total_cmp(&other.0));
    let near = nearest.filter(|(score, _)| *score >= SIMILAR).map(|(_, known)| known);
    Problem {
        nearest: near,
        is_doubtful: may_be_incomplete && near.is_none(),
        ..Problem::new(name, "is not known".to_owned())
    }
}

/// Returns what is wrong with the text of a parameter.
fn fault_of_text(kind: &str, text: &str) -> Option<String> {
    let (is_right, expected) = match kind {
        "integer" => (text.parse::<i64>().is_ok(), "a whole number"),
        "number" => (text.parse::<f64>().is_ok(), "a number"),
        "boolean" => (matches!(text, "true" | "false"), "true or false"),
        "time" => (is_time(text), "a time in ISO 8601"),
        "string" | "any" => (true, ""),
        values => (values.split('|').any(|value| value == text && !value.is_empty()), ""),
    };
    (!is_right).then(|| fault(&format!("{text:?}"), kind, expected))
}

/// Returns what is wrong with a value in a body.
fn fault_of_value(kind: &str, value: &Value) -> Option<String> {
    let text = value.as_str();
    let (is_right, expected) = match kind {
        "any" => (true, ""),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "true or false"),
        "string" => (text.is_some(), "a text"),
        "time" => (text.is_some_and(is_time), "a time in ISO 8601"),
        values => (text.is_some_and(|text| values.split('|').any(|value| value == text && !value.is_empty())), ""),
    };
    (!is_right).then(|| fault(&shown(value), kind, expected))
}

fn fault(given: &str, kind: &str, expected: &str) -> String {
    if expected.is_empty() {
        let values: Vec<_> = kind.split('|').filter(|value| !value.is_empty()).collect();
        format!("is {given}, not {}{}", if values.len() > 1 { "one of " } else { "" }, values.join(", "))
    } else {
        format!("is {given}, not {expected}")
    }
}

/// Returns whether a text is a time that PagerDuty reads: with an offset, without one, or a date.
fn is_time(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok()
}

/// Returns a value for a message, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(40).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: &str) -> &'static Operation {
        Reference::get().operations().iter().find(|one| one.id == id).unwrap()
    }

    fn query(id: &str, given: &[(&str, &str)]) -> Result<Vec<(String, String)>, Vec<Problem>> {
        let given: Vec<_> = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Reference::get().query(operation(id), &given)
    }

    fn body(id: &str, body: &Value) -> Vec<Problem> {
        Reference::get().body(operation(id), Some(body))
    }

    #[test]
    fn list_parameters_are_sent_with_their_brackets() {
        let pairs = query("listIncidents", &[("team_ids", "P1"), ("team_ids[]", "P2"), ("limit", "5")]).unwrap();
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["team_ids[]", "team_ids[]", "limit"]);
    }

    #[test]
    fn unknown_parameter_names_the_nearest() {
        let problems = query("listIncidents", &[("statues", "triggered")]).unwrap_err();
        assert_eq!((problems[0].nearest, problems[0].is_doubtful), (Some("statuses[]"), false));
        let problems = query("listIncidents", &[("limit", "many"), ("urgencies", "hihg")]).unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[1].fault.contains("\"hihg\", not one of high, low"), "{problems:?}");
    }

    #[test]
    fn missing_parameter_and_body_are_named() {
        let problems = query("listScheduleOverrides", &[("since", "yesterday")]).unwrap_err();
        let places: Vec<_> = problems.iter().map(|problem| (problem.place.as_str(), problem.fault.as_str())).collect();
        assert_eq!(places, [("since", "is \"yesterday\", not a time in ISO 8601"), ("until", "is missing")]);
        let missing = Reference::get().body(operation("createIncident"), None);
        assert_eq!(missing, [Problem::new("body", "is missing".to_owned())]);
    }

    #[test]
    fn body_is_checked_to_its_depths() {
        let problems =
            body("createIncident", &json!({"incident": {"title": 5, "service": {"idd": "P1"}, "urgency": "hihg"}}));
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        for place in ["incident.title", "incident.service.idd", "incident.urgency", "incident.type"] {
            assert!(places.contains(&place), "{place}: {problems:?}");
        }
        let nearest = problems.iter().find(|problem| problem.place == "incident.service.idd").unwrap();
        assert_eq!((nearest.nearest, nearest.is_doubtful), (Some("id"), false));
    }

    #[test]
    fn member_without_a_similar_one_is_only_doubtful() {
        let incident =
            json!({"type": "incident", "title": "t", "service": {"id": "P1", "type": "service_reference"}, "x9": 1});
        let problems = body("createIncident", &json!({ "incident": incident }));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].is_doubtful && problems[0].nearest.is_none());
    }

    #[test]
    fn every_example_passes_the_check() {
        let reference = Reference::get();
        for one in reference.operations().iter().filter(|one| one.body.is_some()) {
            let example = reference.example(one).unwrap();
            assert_eq!(reference.body(one, Some(&example)), [], "{}: {example}", one.id);
        }
    }
}
