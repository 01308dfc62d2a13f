//! The record of a change for the audit log.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::audit::Record;
use crate::client::{Api, Change};
use crate::error::{Code, Error, Result};
use crate::ids::is_id;
use crate::reply::{ASKED, Reply};
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

/// Returns the objects of a call in words: those of its changes, or else those that its answer or its arguments name.
fn objects(call: &Call, changes: &[Change], reply: Option<&Reply>) -> Vec<String> {
    let ids = reply.map(Reply::changed_ids).unwrap_or_default();
    let noun = call.tool.changes().unwrap_or("object");
    let named = |change: &Change| -> Vec<String> {
        let noun = change.resource.noun;
        match change.id.as_str() {
            // The object is new, so its ID is only in the answer.
            "" => ids.iter().map(|id| format!("{noun} {id}")).collect(),
            several if several.contains(',') => several.split(',').map(|id| format!("{noun} {id}")).collect(),
            _ => vec![change.object.clone()],
        }
    };
    let mut objects: Vec<_> = changes.iter().flat_map(named).collect();
    if objects.is_empty() {
        objects = ids.iter().map(|id| format!("{noun} {id}")).collect();
    }
    if objects.is_empty() {
        objects = given(call);
    }
    let mut known = std::collections::HashSet::new();
    objects.retain(|object| known.insert(object.clone()));
    objects
}

/// Returns the objects whose IDs the arguments have.
fn given(call: &Call) -> Vec<String> {
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
        objects.extend(texts.into_iter().filter(|text| is_id(text)).map(|id| format!("{} {id}", resource.noun)));
    }
    objects
}
