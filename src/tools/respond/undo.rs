//! `undo`: takes back a change by its receipt, unless the objects were changed since.
//!
//! A kind of changes that can be taken back is a row of [`KINDS`].

mod incidents;
mod parts;
pub(in crate::tools) mod since;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pagerduty_api::operations::alerts::{GET_INCIDENT_ALERT, UPDATE_INCIDENT_ALERTS};
use pagerduty_api::operations::communications::{LIST_BUSINESS_SERVICE_SUBSCRIBERS, SET_INCIDENT_IMPACT};
use pagerduty_api::operations::dependencies::{GET_BUSINESS_SERVICE, GET_INCIDENT_IMPACTS};
use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::{
    CREATE_INCIDENT_SNOOZE, GET_INCIDENT, LIST_INCIDENT_NOTES, LIST_INCIDENTS, SET_INCIDENT_FIELD_VALUES,
    UPDATE_INCIDENT, UPDATE_INCIDENT_NOTE, UPDATE_INCIDENTS,
};
use pagerduty_api::operations::log_entries::{LIST_INCIDENT_LOG_ENTRIES, LIST_LOG_ENTRIES};
use pagerduty_api::operations::maintenance::{
    DELETE_MAINTENANCE_WINDOW, GET_MAINTENANCE_WINDOW, LIST_MAINTENANCE_WINDOWS, UPDATE_MAINTENANCE_WINDOW,
};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::priorities::LIST_PRIORITIES;
use pagerduty_api::operations::responders::CANCEL_RESPONDER_REQUEST;
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::teams::GET_TEAM;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{alerts, maintenance, note, responders, snooze, update};
use crate::error::{Code, Error, Result};
use crate::params::{Content, Flag};
use crate::receipts::Receipt;
use crate::reply::Reply;
use crate::tools::communicate::impact;

/// Takes back a change.
pub(super) const UNDO: Tool = Tool::new::<Params>(
    "undo",
    About {
        title: "Undo (revert) a change",
        description: "Revert (undo, roll back) a change just made, by its receipt.",
        hint: "undo revert roll back rollback mistake oops just did",
    },
    &[
        &UPDATE_INCIDENT,
        &UPDATE_INCIDENTS,
        &SET_INCIDENT_FIELD_VALUES,
        &UPDATE_INCIDENT_NOTE,
        &UPDATE_INCIDENT_ALERTS,
        &CANCEL_RESPONDER_REQUEST,
        &UPDATE_MAINTENANCE_WINDOW,
        &DELETE_MAINTENANCE_WINDOW,
        &GET_MAINTENANCE_WINDOW,
        &LIST_MAINTENANCE_WINDOWS,
        &LIST_INCIDENTS,
        &GET_SERVICE,
        &GET_ESCALATION_POLICY,
        &LIST_INCIDENT_NOTES,
        &GET_INCIDENT_ALERT,
        &SET_INCIDENT_IMPACT,
        &GET_INCIDENT_IMPACTS,
        &GET_BUSINESS_SERVICE,
        &LIST_BUSINESS_SERVICE_SUBSCRIBERS,
        &GET_TEAM,
        &LIST_INCIDENT_LOG_ENTRIES,
        &LIST_LOG_ENTRIES,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
        &GET_USER,
        &LIST_ON_CALLS,
        &CREATE_INCIDENT_SNOOZE,
        &LIST_PRIORITIES,
        &GET_ESCALATION_POLICY,
    ],
    |cx, arguments| run(cx, arguments, undo),
)
.destructive();

/// A kind of changes that can be taken back.
struct Kind {
    /// The name in receipts.
    name: &'static str,
    undo: Undo,
}

/// Reads the objects of a receipt, and takes the change back if they were not changed since. A dry run sends nothing.
type Undo = for<'c> fn(&'c Context, &'c Receipt, bool) -> BoxFuture<'c, Result<Report>>;

/// The kinds of changes. Their operations are in [`UNDO`].
const KINDS: &[Kind] = &[
    Kind { name: update::KIND, undo: |cx, receipt, dry_run| incidents::undo(cx, receipt, dry_run).boxed() },
    Kind { name: alerts::KIND, undo: |cx, receipt, dry_run| parts::undo(cx, receipt, dry_run).boxed() },
    Kind { name: note::KIND, undo: |cx, receipt, dry_run| parts::undo(cx, receipt, dry_run).boxed() },
    Kind { name: maintenance::KIND, undo: |cx, receipt, dry_run| maintenance::undo(cx, receipt, dry_run).boxed() },
    Kind { name: responders::KIND, undo: |cx, receipt, dry_run| responders::undo(cx, receipt, dry_run).boxed() },
    Kind { name: impact::KIND, undo: |cx, receipt, dry_run| impact::undo(cx, receipt, dry_run).boxed() },
    Kind { name: snooze::KIND, undo: |cx, receipt, dry_run| snooze::undo(cx, receipt, dry_run).boxed() },
];

crate::params! {
    struct Params {
        "From the answer of the change"
        receipt: Content,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

async fn undo(cx: Context, params: Params) -> Result<Reply> {
    let key = cx.api.receipt_key().await?;
    let receipt = Receipt::read(params.receipt.as_str(), &key, Timestamp::now())?;
    // The signature is the same for every way in which a receipt is quoted.
    let signed = receipt.sign(&key);
    if cx.api.has_used_receipt(&signed) {
        return Err(Error::new(Code::InvalidReceipt, "the change of this receipt was taken back before")
            .hint("Nothing was sent. To make the change again, pass the receipt of the answer that took it back."));
    }
    let dry_run = params.dry_run.is_on();
    let kind = KINDS.iter().find(|kind| kind.name == receipt.kind).ok_or_else(|| {
        let message = format!("the receipt is for {}, which this version cannot undo", receipt.kind);
        Error::new(Code::InvalidReceipt, message).hint("Change the object directly.")
    })?;
    let report = (kind.undo)(&cx, &receipt, dry_run).await?;
    let is_done = |row: &Row| matches!(row.outcome, Outcome::Applied | Outcome::AlreadySo);
    if !dry_run && report.rows.iter().all(is_done) {
        cx.api.uses_receipt(&signed);
    }
    report.reply(&cx).await
}
