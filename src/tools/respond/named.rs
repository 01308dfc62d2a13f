//! The names of objects in answers. A value that comes from a parameter or a receipt has only the ID.

use std::collections::BTreeMap;

use pagerduty_api::Resource;
use pagerduty_api::operations::escalation_policies::ESCALATION_POLICIES;
use pagerduty_api::operations::incidents::INCIDENTS;
use pagerduty_api::operations::priorities::PRIORITIES;
use pagerduty_api::operations::services::SERVICES;
use pagerduty_api::operations::users::USERS;
use serde_json::{Value, json};

use super::report::Row;
use crate::ids::Id;
use crate::models::User;
use crate::receipts::Fields;
use crate::tools::Context;

/// The fields with objects, and the resource of each.
const OBJECTS: &[(&str, &Resource)] = &[
    ("assignees", &USERS),
    ("priority", &PRIORITIES),
    ("escalation_policy", &ESCALATION_POLICIES),
    ("service", &SERVICES),
    ("incident", &INCIDENTS),
    ("merged_into", &INCIDENTS),
];

/// The most objects other than users that are read for their names.
const MOST_READ: usize = 20;

/// The objects in values, by ID: the resource, and the name if it is known.
type Objects = BTreeMap<String, (&'static Resource, Option<String>)>;

/// Writes the objects in the values of rows as `{id, name}`, and returns warnings about names that could not be read.
pub async fn fill(cx: &Context, rows: &mut [Row]) -> Vec<String> {
    let mut objects = Objects::new();
    for fields in rows.iter().flat_map(|row| [&row.before, &row.after]) {
        collect(fields, &mut objects);
    }
    let warnings = read(cx, &mut objects).await;
    for row in rows {
        for fields in [&mut row.before, &mut row.after] {
            for (name, _) in OBJECTS {
                if let Some(value) = fields.get_mut(*name) {
                    write(value, &objects);
                }
            }
        }
    }
    warnings
}

/// Returns the ID in a value, and the name beside it.
fn parts(value: &Value) -> Option<(&str, Option<&str>)> {
    match value {
        Value::String(id) => Some((id, None)),
        Value::Object(object) => Some((object.get("id")?.as_str()?, object.get("name").and_then(Value::as_str))),
        _ => None,
    }
}

fn collect(fields: &Fields, objects: &mut Objects) {
    for (name, resource) in OBJECTS {
        let value = fields.get(*name);
        let values = value
            .and_then(Value::as_array)
            .map_or_else(|| value.into_iter().collect(), |all| all.iter().collect::<Vec<_>>());
        for (id, name) in values.into_iter().filter_map(parts) {
            let known = objects.entry(id.to_owned()).or_insert((resource, None));
            known.1 = known.1.take().or_else(|| name.map(str::to_owned));
        }
    }
}

fn write(value: &mut Value, objects: &Objects) {
    if let Value::Array(all) = value {
        for one in all {
            write(one, objects);
        }
        return;
    }
    if let Some((id, _)) = parts(value) {
        let name = objects.get(id).and_then(|(_, name)| name.as_deref());
        *value = json!({"id": id, "name": name});
    }
}

/// Reads the names that are missing.
async fn read(cx: &Context, objects: &mut Objects) -> Vec<String> {
    let missing = |resource: &Resource| -> Vec<String> {
        let is_missing = |of: &(&'static Resource, Option<String>)| of.0 == resource && of.1.is_none();
        objects.iter().filter(|(_, of)| is_missing(of)).map(|(id, _)| id.clone()).collect()
    };
    let users: Vec<_> = missing(&USERS).iter().filter_map(|id| Id::<User>::parse(id)).collect();
    let others: Vec<_> = OBJECTS.iter().map(|(_, resource)| *resource).filter(|resource| **resource != USERS).collect();
    let mut unnamed: Vec<_> =
        others.into_iter().flat_map(|of| missing(of).into_iter().map(move |id| (of, id))).collect();
    unnamed.sort_by(|one, other| one.1.cmp(&other.1));
    unnamed.dedup_by(|one, other| one.1 == other.1);
    unnamed.truncate(MOST_READ);
    if users.is_empty() && unnamed.is_empty() {
        return Vec::new();
    }
    let read = unnamed.iter().map(|(resource, id)| cx.api.object_by_id(resource, id));
    let ((people, mut warnings), found) = tokio::join!(cx.api.people(users), futures_util::future::join_all(read));
    let mut names: Vec<_> = people.into_iter().map(|(id, person)| (id, person.name)).collect();
    for ((resource, id), found) in unnamed.into_iter().zip(found) {
        match found {
            Ok(found) => names.push((id, found.map(|object| object.name))),
            Err(error) => warnings.push(format!("The name of {} {id} could not be read: {error}", resource.noun)),
        }
    }
    for (id, name) in names {
        if let Some(known) = objects.get_mut(&id) {
            known.1 = name;
        }
    }
    warnings
}
