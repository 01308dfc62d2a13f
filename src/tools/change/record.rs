//! The record of a change for the audit log.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use pagerduty_api::Resource;
use serde_json::Value;

use crate::audit::Record;
use crate::client::{Api, Change};
use crate::error::{Code, Error, Result};
use crate::ids::is_id;
use crate::reply::{ASKED, Reply};
use crate::tools::Tool;
use crate::tools::toolbox::Call;
use crate::trace::{Trace, seconds};

/// The outcomes of calls that changed nothing and had nothing to change.
const WITHOUT_CHANGE: [&str; 2] = ["dry_run", ASKED];

/// The end of a call.
pub(super) struct Ended<'c> {
    pub outcome: &'c Result<Reply>,
    pub elapsed: Duration,
    /// Set if the client did not wait for the answer.
    pub withdrawn: bool,
}

/// Returns the record of a call, unless it ended before it got as far as a change.
pub(super) fn of<'c>(call: &'c Call, api: Option<&Api>, ended: &Ended<'_>, with_arguments: bool) -> Option<Record<'c>> {
    let changes = api.map(Api::changes).unwrap_or_default();
    let error = ended.outcome.as_ref().err().map(Error::code);
    let reported = ended.outcome.as_ref().ok().and_then(Reply::outcome);
    let sent = api.is_some_and(Api::has_sent);
    let is_change = match (reported, error) {
        _ if !changes.is_empty() => true,
        (Some(reported), _) => !WITHOUT_CHANGE.contains(&reported),
        (None, Some(error)) => [Code::NotConfirmed, Code::ConfirmationUnavailable].contains(&error),
        (None, None) => false,
    };
    let outcome = match (reported, error) {
        (Some(reported), _) => reported,
        (None, None) if sent => "applied",
        (None, None) => "already_so",
        (None, Some(Code::OutcomeUnknown)) => "unknown",
        (None, Some(Code::NotConfirmed | Code::ConfirmationUnavailable)) => "not_confirmed",
        (None, Some(_)) => "failed",
    };
    is_change.then(|| Record {
        timestamp: format!("{:.3}", Timestamp::now()),
        tool: call.tool.name,
        objects: objects(call, &changes, ended.outcome.as_ref().ok()),
        outcome: outcome.to_owned(),
        error: error.map(Code::as_str),
        sent,
        withdrawn: ended.withdrawn,
        door: call.caller.door.as_str(),
        author: changes.iter().find_map(|change| change.author.clone()),
        user_id: api.and_then(Api::user_id),
        credential: api.map(|api| api.credential().source()),
        credential_fingerprint: api.map(|api| api.credential().fingerprint().short()),
        client: call.caller.client_name.as_deref(),
        request_ids: api.map(Api::request_ids).unwrap_or_default(),
        trace_id: Trace::current().map(|trace| trace.id().to_owned()),
        elapsed_s: seconds(ended.elapsed),
        arguments: with_arguments.then_some(&call.arguments),
    })
}

/// Returns the objects of a call in words: those of its changes and of its answer, or else those that its arguments name.
fn objects(call: &Call, changes: &[Change], reply: Option<&Reply>) -> Vec<String> {
    let named = |change: &Change| -> Vec<String> {
        match change.id.as_str() {
            // The object is new, so its ID is only in the answer.
            "" => Vec::new(),
            several if several.contains(',') => {
                several.split(',').map(|id| format!("{} {id}", change.resource.noun)).collect()
            }
            _ => vec![change.object.clone()],
        }
    };
    let mut objects: Vec<_> = changes.iter().flat_map(named).collect();
    let is_concerned = |outcome: &str| changes.is_empty() || !["already_so", "conflict"].contains(&outcome);
    let rows = reply.map(Reply::changed).unwrap_or_default();
    let rows = rows.into_iter().filter(|(.., outcome)| is_concerned(outcome));
    let rows: Vec<_> = rows.map(|(list, id, _)| (noun(call.tool, list), id.to_owned())).collect();
    let given = if reply.is_none() || (objects.is_empty() && rows.is_empty()) { given(call) } else { Vec::new() };
    for (noun, id) in rows.into_iter().chain(given) {
        if !objects.iter().any(|object| object.contains(&id)) {
            objects.push(format!("{noun} {id}"));
        }
    }
    if objects.is_empty() {
        // The path of a request that names no object, or the words for an object that was not created.
        objects.extend(changes.iter().map(|change| change.object.clone()));
    }
    let mut known = HashSet::new();
    objects.retain(|object| known.insert(object.clone()));
    objects
}

/// Returns the noun of the objects in a list of the answer.
fn noun(tool: &Tool, list: &str) -> &'static str {
    let mut resources = tool.operations.iter().flat_map(|operation| [Some(operation.resource), operation.part]);
    let of_list = resources.find_map(|resource| resource.filter(|resource| resource.many == list));
    of_list.map(|resource| resource.noun).or(tool.changes()).unwrap_or("object")
}

/// Returns the objects whose IDs the arguments have: those of the resources that the tool changes, or else all.
fn given(call: &Call) -> Vec<(&'static str, String)> {
    let mut objects = Vec::new();
    for declaration in call.tool.params {
        let Some((resource, value)) = declaration.form.resource().zip(call.arguments.get(declaration.name)) else {
            continue;
        };
        let texts = match value {
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => text.split(',').map(str::trim).collect(),
            _ => Vec::new(),
        };
        objects.extend(texts.into_iter().filter(|text| is_id(text)).map(|id| (resource, id.to_owned())));
    }
    let writes = || call.tool.operations.iter().filter(|operation| !operation.effect.is_read());
    let is_changed = |resource: &Resource| writes().any(|operation| operation.resource == resource);
    let any = objects.iter().any(|(resource, _)| is_changed(resource));
    objects.retain(|(resource, _)| !any || is_changed(resource));
    objects.into_iter().map(|(resource, id)| (resource.noun, id)).collect()
}
