//! `request_responders`: asks users, or the users on call for policies, to join an incident, or withdraws that.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::responders::{CANCEL_RESPONDER_REQUEST, CREATE_RESPONDER_REQUEST};
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER, LIST_USERS};
use pagerduty_rows::text::neutralize;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{reach, start, update};
use crate::client::{PENDING, Responder};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Incident, User};
use crate::params::{Content, Flag, Ids};
use crate::receipts::{Fields, Receipt};
use crate::reply::Reply;
use crate::tools::oncall::read;
use crate::tools::words::quoted;

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "responders";

/// Requests responders.
pub(super) const REQUEST_RESPONDERS: Tool = Tool::new::<Params>(
    "request_responders",
    About {
        title: "Add responders to an incident",
        description: "Add responders: page more people or a policy's on-call to join and help; or withdraw that.",
        hint: "responders people join ask call bring more help page engineer request",
    },
    &[
        &CREATE_RESPONDER_REQUEST,
        &CANCEL_RESPONDER_REQUEST,
        &GET_INCIDENT,
        &GET_ESCALATION_POLICY,
        &LIST_ON_CALLS,
        &GET_CURRENT_USER,
        &GET_USER,
        &LIST_USERS,
    ],
    |cx, arguments| run(cx, arguments, request_responders),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Users to page"
        user_ids: Ids<User>,
        "Policies whose on-call to page"
        policy_ids: Ids<EscalationPolicy>,
        "The reason, sent with the page"
        message: Option<Content>,
        "Withdraw pending requests instead"
        cancel: Flag<false>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The most characters of a title in a message.
const MAX_TITLE: usize = 200;

/// A change of the requests to join an incident.
struct Wish {
    responders: Vec<Responder>,
    cancel: bool,
    message: Option<String>,
    /// The requests to withdraw: who made each, and when. Null is any.
    requests: Vec<Value>,
    dry_run: bool,
}

async fn request_responders(cx: Context, params: Params) -> Result<Reply> {
    let cancel = params.cancel.is_on();
    let users = params.user_ids.as_slice().iter().map(|id| Responder { id: id.to_string(), is_policy: false });
    let policies = params.policy_ids.as_slice().iter().map(|id| Responder { id: id.to_string(), is_policy: true });
    let mut responders: Vec<Responder> = Vec::new();
    for responder in users.chain(policies) {
        if !responders.contains(&responder) {
            responders.push(responder);
        }
    }
    if responders.is_empty() {
        return Err(Error::new(Code::MissingParameter, "neither user_ids nor policy_ids was given")
            .hint("Pass the users, or the policies whose users on call are wanted."));
    }
    if cancel && params.message.is_some() {
        return Err(Error::new(Code::ConflictingParameters, "message contradicts cancel=true")
            .hint("Pass a message only with a new request."));
    }
    let message = params.message.as_ref().map(|message| neutralize(message.as_str()).into_owned());
    let wish = Wish { responders, cancel, message, requests: Vec::new(), dry_run: params.dry_run.is_on() };
    change(&cx, &params.incident_id, wish).await?.reply(&cx).await
}

/// Withdraws the requests of a receipt.
pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let incident = Id::parse(&receipt.owner).ok_or_else(|| {
        Error::new(Code::InvalidReceipt, "the receipt has no usable ID").hint("Change the object directly.")
    })?;
    let (mut responders, mut requests) = (Vec::new(), Vec::new());
    for row in &receipt.rows {
        let is_policy = row.after.contains_key("escalation_policy");
        for id in &row.ids {
            responders.push(Responder { id: id.clone(), is_policy });
            requests.push(row.after.get("request").cloned().unwrap_or_default());
        }
    }
    change(cx, &incident, Wish { responders, cancel: true, message: None, requests, dry_run }).await
}

/// Requests responders, or withdraws requests.
async fn change(cx: &Context, incident: &Id<Incident>, wish: Wish) -> Result<Report> {
    let Wish { responders, cancel, message, requests, dry_run } = wish;
    let (from, id) = tokio::try_join!(start::author(cx, dry_run), cx.api.incident_id(incident))?;
    let _held = start::hold(cx, std::slice::from_ref(&id), dry_run).await;
    let ((id, before), names) = tokio::try_join!(cx.api.incident_with_responders(&id), async {
        Ok(join_all(responders.iter().map(|responder| name(cx, responder))).await)
    })?;
    let mut report = Report { owner: id.to_string(), without_receipt: cancel, ..Report::new(KIND, "responders") };
    let mut shown = Fields::from_iter([("id".to_owned(), Value::from(id.as_str()))]);
    shown.extend(update::head(&before));
    report.more.insert("incident".to_owned(), shown.into());
    let mut open = Vec::new();
    for (place, (responder, name)) in responders.iter().zip(names).enumerate() {
        let mut row = planned(responder, name, &before, cancel);
        let own = requests.get(place).filter(|own| !own.is_null());
        if row.outcome == Outcome::DryRun && own.is_some_and(|own| *own != responder.request(&before)) {
            row.outcome = Outcome::Conflict;
            row.problem = Some("Requested again since, by another request. Nothing was sent.".to_owned());
        }
        if row.outcome == Outcome::DryRun {
            open.push((report.rows.len(), responder.clone()));
        }
        report.rows.push(row);
    }
    let wanted: Vec<_> = open.iter().map(|(_, responder)| responder.clone()).collect();
    let mut reached = json!([]);
    if !cancel && dry_run && !wanted.is_empty() {
        let users = wanted.iter().filter(|one| !one.is_policy).map(|one| one.id.clone()).collect();
        let levels: BTreeSet<_> = wanted.iter().filter(|one| one.is_policy).map(|one| (one.id.clone(), 1)).collect();
        let (pages, warnings) = reach::pages(cx, users, &levels).await;
        reached = pages;
        report.warnings.extend(warnings);
    }
    let undo = if cancel {
        "To take it back, request them again, which pages them."
    } else {
        "undo withdraws the requests that are still pending; pages that were sent stay sent."
    };
    if !wanted.is_empty() {
        report.preview(reached, undo);
    }
    if dry_run || wanted.is_empty() {
        return Ok(report);
    }
    let title = before.get("title").and_then(Value::as_str).unwrap_or_default();
    let message = message.unwrap_or_else(|| format!("Please help with {}.", quoted(title, MAX_TITLE)));
    let message = (!cancel).then_some(message.as_str());
    let requester = cx.api.author_of_writes(from.as_deref()).await.ok_or_else(|| {
        Error::new(Code::NoUserContext, "the ID of the user who requests responders could not be read")
            .hint("Check the user's email address in PagerDuty, and call again. Nothing was sent.")
    })?;
    let made = cx.api.set_responders((&id, &before), &wanted, message, (&requester, from)).await;
    report.sent = cx.api.has_sent();
    let after = match made {
        Ok(done) => {
            report.warnings.extend(done.warning);
            match done.after.into_values().next() {
                // The response does not show everything: a user may have joined before the request was canceled.
                None => cx.api.incident_with_responders(&id).await.map(|(_, after)| Some(after)),
                shown => Ok(shown),
            }
        }
        Err(error) => {
            for (place, responder) in open {
                let Some(row) = report.rows.get_mut(place) else { continue };
                *row = Row { head: std::mem::take(&mut row.head), ..Row::failed(&responder.id, error.clone()) };
            }
            return Ok(report);
        }
    };
    let after = after.unwrap_or_else(|error| {
        report.warnings.push(format!("The responders could not be read after it: {error}"));
        None
    });
    for (place, responder) in open {
        let Some(row) = report.rows.get_mut(place) else { continue };
        settle(row, &responder, after.as_ref(), cancel);
    }
    Ok(report)
}

/// Reads the name of a user or a policy.
async fn name(cx: &Context, responder: &Responder) -> Option<String> {
    if responder.is_policy {
        let id: Id<EscalationPolicy> = Id::parse(&responder.id)?;
        return read::policy(cx, &id).await.ok()?.named.name;
    }
    let (mut people, _) = cx.api.people(Id::<User>::parse(&responder.id)).await;
    people.remove(&responder.id)?.name
}

/// Returns the row of a user or a policy before anything is sent.
fn planned(responder: &Responder, name: Option<String>, incident: &Fields, cancel: bool) -> Row {
    let state = responder.state(incident);
    let is_resolved = incident.get("status").is_some_and(|status| status == "resolved");
    let (outcome, problem) = match (state.as_str(), cancel) {
        (Some(PENDING), true) => (Outcome::DryRun, None),
        (Some("joined"), true) => (Outcome::Conflict, Some("Joined already, so the request cannot be withdrawn.")),
        (_, true) | (Some(PENDING | "joined"), false) => (Outcome::AlreadySo, None),
        (_, false) if is_resolved => (
            Outcome::Conflict,
            Some("The incident is resolved. Reopen it first: update_incidents with status=triggered."),
        ),
        (_, false) => (Outcome::DryRun, None),
    };
    let mut row = Row { problem: problem.map(str::to_owned), ..Row::new(&responder.id, outcome) };
    row.head.insert("name".to_owned(), name.into());
    row.head.insert("type".to_owned(), responder.kind().into());
    row.before.insert("state".to_owned(), state);
    if outcome == Outcome::DryRun {
        row.after.insert("state".to_owned(), if cancel { Value::Null } else { PENDING.into() });
    }
    row
}

/// Records what became of a request. `after` is the incident after it, if it could be read.
fn settle(row: &mut Row, responder: &Responder, after: Option<&Fields>, cancel: bool) {
    let state = after.map_or(Value::Null, |after| responder.state(after));
    row.outcome = Outcome::Applied;
    if cancel && state == "joined" {
        row.outcome = Outcome::Conflict;
        row.problem = Some("Joined in the meantime, so the request was not withdrawn.".to_owned());
    }
    if after.is_some() {
        row.after.insert("state".to_owned(), state);
    }
    let reverse = |state: Value| Fields::from_iter([(responder.kind().to_owned(), state)]);
    let mut left = reverse(PENDING.into());
    left.extend(after.map(|after| ("request".to_owned(), responder.request(after))));
    row.reverse = Some((reverse(row.before.get("state").cloned().unwrap_or_default()), left));
}
