//! The types of answers as `TypedDict`s: `types.py`, from the field tables of the models.

use std::fmt::Write;

use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::{Answer, Resource};
use pagerduty_rows::fields::{Field, Keep, plain};

use super::methods::Method;
use crate::models::{Model, ShiftSchedule, TABLES, Table};
use crate::tools::SETS;

/// The types of fields that are shown as PagerDuty sends them. Other fields may have any type.
const SCALARS: &[(&str, &[&str])] = &[
    ("bool", &["blacklisted", "created_via_sso", "enabled", "invitation_sent", "is_mergeable"]),
    ("dict[str, Any]", &["alert"]),
    ("dict[str, int]", &["alert_counts"]),
    ("float", &["rendered_coverage_percentage"]),
    (
        "int",
        &[
            "acknowledgement_timeout",
            "auto_resolve_timeout",
            "country_code",
            "escalation_delay_in_minutes",
            "escalation_level",
            "incident_number",
            "num_loops",
            "shifts_per_member",
            "start_delay_in_minutes",
        ],
    ),
    (
        "str",
        &[
            "address",
            "alert_creation",
            "assigned_via",
            "at",
            "avatar_url",
            "client_url",
            "color",
            "content",
            "created_at",
            "default_role",
            "description",
            "email",
            "end",
            "html_url",
            "http_cal_url",
            "id",
            "incident_key",
            "job_title",
            "kind",
            "last_incident_timestamp",
            "last_status_change_at",
            "name",
            "on_call_handoff_notifications",
            "resolved_at",
            "role",
            "self",
            "start",
            "status",
            "summary",
            "time_zone",
            "title",
            "type",
            "updated_at",
            "urgency",
            "user_id",
            "web_cal_url",
        ],
    ),
];

/// Fields that are in no table: parameters and other endpoints add them.
const ADDED: &[(&str, &[(&str, &str)])] = &[
    (
        "Incident",
        &[
            ("past_incidents", "list[PastIncident]"),
            ("related_incidents", "list[RelatedIncident]"),
            ("notes", "list[Note]"),
        ],
    ),
    ("RenderedScheduleEntry", &[("source", "str")]),
];

/// The types of answers without rows.
const FLAT: &[(&str, &str)] = &[("build_user_context", "UserContext")];

/// The type of an answer or a row without a table.
const ANY: &str = "dict[str, Any]";

/// Returns the type of a method's answer.
pub(super) fn answer(method: Method) -> String {
    if let Some((_, answer)) = FLAT.iter().find(|(tool, _)| *tool == method.tool.name) {
        return (*answer).to_owned();
    }
    resource(method).map_or_else(|| ANY.to_owned(), |resource| format!("{}List", camel(resource.one)))
}

/// Returns the type of the rows that a stream yields.
pub(super) fn row(method: Method) -> String {
    resource(method).map_or_else(|| ANY.to_owned(), |resource| camel(resource.one))
}

/// Returns the name of the type that the stub has to import for a method.
pub(super) fn name(method: Method) -> String {
    if method.is_stream { row(method) } else { answer(method) }
}

/// Returns the resource of a method's rows, which the first operation of its tool returns.
///
/// Tools that are not on by default compose their rows or add members to them, so their rows have no table.
fn resource(method: Method) -> Option<&'static Resource> {
    if !SETS.iter().any(|set| set.default && set.contains(method.tool.name)) {
        return None;
    }
    let (Answer::One(resource) | Answer::Many(resource, _)) = method.tool.operations.first()?.answer else {
        return None;
    };
    TABLES.iter().map(|table| table.resource).find(|known| *known == resource)
}

/// Returns `types.py`.
#[must_use]
pub fn types_py() -> String {
    let mut classes = Classes(Vec::new());
    for table in TABLES {
        classes.add_rows(table);
    }
    let mut text = HEAD.to_owned();
    for Class { name, about, fields } in &classes.0 {
        let _ = write!(text, "\n\nclass {name}(_Object, total=False):\n    \"\"\"{about}\"\"\"\n\n");
        for (field, kind) in fields {
            let _ = writeln!(text, "    {field}: {kind}");
        }
    }
    text.push_str(OF_INCIDENTS);
    for resource in TABLES.iter().map(|table| table.resource) {
        let (one, many) = (camel(resource.one), resource.many);
        let metadata = if resource == &INCIDENTS { "IncidentMetadata" } else { "Metadata" };
        let _ = write!(
            text,
            "\n\nclass {one}List(TypedDict):\n    \"\"\"An answer with `{many}`.\"\"\"\n\n    metadata: {metadata}\n    \
             {many}: list[{one}]\n"
        );
    }
    text
}

const HEAD: &str = r#""""The types of answers, for annotations and type checkers.

An answer is a plain `dict`; these types exist at run time only if a program imports this module. A
row has the fields that `include` selects, without empty ones, so that each of its fields may be
missing: read a field that is not certain with `row.get("title")`.

Generated from the field tables: `UPDATE_DOCS=1 cargo test docs` writes it anew.
"""

from __future__ import annotations

from typing import Any, TypedDict


class _Object(TypedDict, total=False):
    deleted_at: str


class _Counted(TypedDict):
    count: int
    description: str


class Metadata(_Counted, total=False):
    """The metadata of an answer."""

    has_more: bool
    next_offset: int
    warnings: list[str]
    sandbox: bool


class IncidentMetadata(Metadata, total=False):
    """The metadata of an answer with incidents."""

    status_counts: dict[str, int]
    autoresolve_count: int
    no_data_count: int
    past_incidents_count: int
    related_incidents_count: int
    notes_count: int


class _UserContext(TypedDict):
    user_id: str
    name: str
    email: str
    team_ids: list[str]
    service_ids: list[str]
    escalation_policy_ids: list[str]


class UserContext(_UserContext, total=False):
    """The answer of `build_user_context`."""

    warnings: list[str]
"#;

const OF_INCIDENTS: &str = r#"

class PastIncident(Incident, total=False):
    """A similar incident of the past."""

    similarity_score: float


class RelatedIncident(Incident, total=False):
    """A related incident on another service."""

    relationship_type: str
    relationship_metadata: Any
"#;

struct Class {
    name: String,
    about: String,
    fields: Vec<(String, String)>,
}

/// The classes so far, each after those that it names.
struct Classes(Vec<Class>);

impl Classes {
    /// Adds the row of a resource, with the default fields and the others.
    fn add_rows(&mut self, table: &'static Table) {
        let named = |field: &Field| table.named.iter().find(|one| one.name == field.name).copied().unwrap_or(*field);
        let default = table.default.iter().map(named);
        let mut fields: Vec<Field> = default.chain(table.other.iter().map(|name| plain(name))).collect();
        if table.resource == &SCHEDULES {
            // `get_schedules` returns both kinds of schedules.
            fields.extend(ShiftSchedule::DEFAULT);
            fields.extend(ShiftSchedule::OTHER.iter().map(|name| plain(name)));
        }
        let about = format!("A row of `{}`.", table.resource.many);
        self.add(camel(table.resource.one), about, &fields);
    }

    /// Adds a class after those of its fields. Of fields with the same name, the first counts.
    fn add(&mut self, name: String, about: String, fields: &[Field]) {
        let mut known: Vec<(String, String)> = Vec::new();
        for field in fields {
            if known.iter().all(|(name, _)| name != field.name) {
                let kind = self.kind(field);
                known.push((field.name.to_owned(), kind));
            }
        }
        let added = ADDED.iter().filter(|(class, _)| *class == name).flat_map(|(_, fields)| fields.iter());
        known.extend(added.map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())));
        self.0.push(Class { name, about, fields: known });
    }

    /// Returns the type of a field.
    fn kind(&mut self, field: &Field) -> String {
        if let Some((kind, _)) = SCALARS.iter().find(|(_, names)| names.contains(&field.name)) {
            return (*kind).to_owned();
        }
        let one = match (field.keep, field.derive) {
            (Keep::Only(parts), None) => self.part(field.name, parts),
            (Keep::Only(_), Some(_)) => "dict[str, Any]".to_owned(),
            _ => return "Any".to_owned(),
        };
        // The tables do not distinguish an object from a list of objects; the names do.
        if field.name.ends_with('s') { format!("list[{one}]") } else { one }
    }

    /// Returns the class of an object inside a row. The same parts are the same class.
    fn part(&mut self, field: &str, parts: &'static [Field]) -> String {
        let names: Vec<_> = parts.iter().map(|part| part.name).collect();
        let (name, about) = match names[..] {
            ["id", "summary"] => ("Reference".to_owned(), "A reference to another object.".to_owned()),
            ["id", "summary", "type"] => {
                ("TypedReference".to_owned(), "A reference to another object, with its type.".to_owned())
            }
            _ => (camel(&singular(field)), format!("An object in `{field}`.")),
        };
        if self.0.iter().all(|class| class.name != name) {
            self.add(name.clone(), about, parts);
        }
        name
    }
}

/// Returns `EscalationPolicy` for `escalation_policy`.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    name.split('_').map(capital).collect()
}

/// Returns the singular of a field's name.
fn singular(name: &str) -> String {
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.strip_suffix('s').unwrap_or(name).to_owned(),
    }
}
