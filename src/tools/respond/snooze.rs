//! `snooze_incident`: lets an acknowledged incident rest until a time.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::incidents::{CREATE_INCIDENT_SNOOZE, GET_INCIDENT};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::undo::since;
use super::{start, update};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Incident;
use crate::params::{Flag, Moment, When};
use crate::receipts::{Fields, Receipt};
use crate::reply::Reply;
use crate::tools::times::Local;

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "snooze";

/// Snoozes an incident.
pub(super) const SNOOZE_INCIDENT: Tool = Tool::new::<Params>(
    "snooze_incident",
    About {
        title: "Snooze (mute) an incident",
        description: "Mute (snooze) an acknowledged page until later; then it pages again.",
        hint: "snooze mute until later remind again morning hours page",
    },
    &[&CREATE_INCIDENT_SNOOZE, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, snooze_incident),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "ISO 8601, local time without an offset; at most 7 days ahead"
        until: When,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The longest time that PagerDuty takes.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The difference between two times of return that are equal for a user.
const SAME: SignedDuration = SignedDuration::from_mins(1);

/// The field with the time at which an incident is triggered again.
const RETURNS: &str = "returns_at";

async fn snooze_incident(cx: Context, params: Params) -> Result<Reply> {
    let read = Local::read(&cx, None, [Some(params.until)]).await?;
    let local = read.local(&cx, None).await;
    let until = read.moments.first().copied().flatten().map_or_else(Timestamp::now, Moment::instant);
    let length = until.duration_since(Timestamp::now());
    if length < SignedDuration::from_secs(1) {
        let message = format!("until is {}, which is not in the future", local.iso(until));
        return Err(Error::new(Code::InvalidTimeRange, message).hint("Pass a time within the next 7 days."));
    }
    if length > LONGEST {
        let message = format!("until is {}, and an incident can be snoozed for at most 7 days", local.iso(until));
        return Err(Error::new(Code::InvalidTimeRange, message).hint("Pass a time within the next 7 days."));
    }
    let dry_run = params.dry_run.is_on();
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), start::author(&cx, dry_run))?;
    let _held = start::hold(&cx, std::slice::from_ref(&id), dry_run).await;
    let before = state(&cx, &id).await?;
    let mut report = Report::new(KIND, "incidents");
    report.warnings.extend(local.warning());
    report.warnings.extend(read.remarks);
    report.more.insert("time_zone".to_owned(), local.name().into());
    let mut row = planned(&id, &before, until, &local);
    // PagerDuty has no request that ends a snooze.
    report.without_receipt = returns(&before).is_none();
    let cost = if report.without_receipt { ENDED_BY } else { "undo snoozes it until the earlier time." };
    match row.outcome {
        Outcome::DryRun if dry_run => {
            report.preview(json!([]), cost);
            report.more.insert("pages_then".to_owned(), before.get("assignees").cloned().unwrap_or_default());
        }
        Outcome::DryRun => {
            send(&cx, &id, &before, (until, &local), from, (&mut row, &mut report)).await?;
            report.warnings.extend(report.without_receipt.then(|| ENDED_BY.to_owned()));
        }
        _ => {}
    }
    report.rows.push(row);
    report.reply(&cx).await
}

/// The way to end a snooze that replaced no earlier time.
const ENDED_BY: &str = "No receipt ends a snooze. To end it, set status=triggered with update_incidents, which pages the \
                        assignees, or snooze it until another time.";

/// Reads the fields of an incident.
async fn state(cx: &Context, id: &Id<Incident>) -> Result<Fields> {
    let mut fields = cx.api.incident_fields(std::slice::from_ref(id), &[]).await;
    let read = fields.pop().unwrap_or_else(|| Err(Error::new(Code::Internal, "the incident was not read")));
    Ok(read?.1)
}

/// Returns the time at which an incident is triggered again.
fn returns(state: &Fields) -> Option<Timestamp> {
    time(state.get(RETURNS)?)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn shown(at: Option<Timestamp>, local: &Local) -> Fields {
    Fields::from_iter([(RETURNS.to_owned(), at.map(|at| local.iso(at)).into())])
}

fn is_same(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= SAME
}

/// Returns the row of an incident before anything is sent for it.
fn planned(id: &Id<Incident>, before: &Fields, until: Timestamp, local: &Local) -> Row {
    let mut row = Row { head: update::head(before), ..Row::new(id, Outcome::DryRun) };
    let problem = match before.get("status").and_then(Value::as_str).unwrap_or_default() {
        "acknowledged" => None,
        "resolved" => Some("It is resolved.".to_owned()),
        other => Some(format!("It is {other}. Acknowledge it first: acknowledge_incident.")),
    };
    if problem.is_some() {
        return Row { outcome: Outcome::Conflict, problem, ..row };
    }
    row.before = shown(returns(before), local);
    if returns(before).is_some_and(|at| is_same(at, until)) {
        return Row { outcome: Outcome::AlreadySo, ..row };
    }
    row.after = shown(Some(until), local);
    row
}

/// Snoozes an incident until a time.
async fn send(
    cx: &Context,
    id: &Id<Incident>,
    before: &Fields,
    (until, local): (Timestamp, &Local),
    from: Option<String>,
    (row, report): (&mut Row, &mut Report),
) -> Result<()> {
    // A page must not come before the given time.
    let length = (until.duration_since(cx.api.time_of_changes()).as_millis() + 999) / 1_000;
    let length = i64::try_from(length).unwrap_or(1).clamp(1, LONGEST.as_secs());
    let done = cx.api.snooze(id, length, before.get(RETURNS).unwrap_or(&Value::Null), from).await;
    report.sent = cx.api.has_sent();
    let done = done?;
    let after = done.after.get(id.as_str()).and_then(returns);
    (row.outcome, row.after) = (Outcome::Applied, shown(after.or(Some(until)), local));
    report.warnings.extend(done.warning);
    if let Some(after) = after.filter(|after| !is_same(*after, until)) {
        report.warnings.push(format!("PagerDuty snoozed it until {}, not {}.", local.iso(after), local.iso(until)));
    }
    Ok(())
}

/// Snoozes an incident until the time at which it would have been triggered again before a snooze.
pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let mut report = Report::new(KIND, "incidents");
    let local = Local::of(cx, None).await;
    report.warnings.extend(local.warning());
    report.more.insert("time_zone".to_owned(), local.name().into());
    for change in &receipt.rows {
        let until = change.before.get(RETURNS).and_then(time);
        let left = change.after.get(RETURNS).and_then(time);
        for id in change.ids.iter().filter_map(|id| Id::<Incident>::parse(id)) {
            let from = start::author(cx, dry_run).await?;
            let _held = start::hold(cx, std::slice::from_ref(&id), dry_run).await;
            let now = state(cx, &id).await?;
            let Some(until) = until else { continue };
            let mut row = planned(&id, &now, until, &local);
            let is_left = returns(&now).zip(left).is_some_and(|(now, left)| is_same(now, left));
            if row.outcome == Outcome::DryRun && !is_left {
                row.outcome = Outcome::Conflict;
                row.problem = Some(since::conflict(cx, receipt, &id, &[RETURNS], &now).await);
            } else if row.outcome == Outcome::DryRun && until <= cx.api.time_of_changes() {
                row.outcome = Outcome::Conflict;
                row.problem = Some(format!("The earlier time has passed. {ENDED_BY}"));
            }
            match row.outcome {
                Outcome::DryRun if dry_run => {
                    report.preview(json!([]), "the receipt of the undo snoozes it again.");
                }
                Outcome::DryRun => send(cx, &id, &now, (until, &local), from, (&mut row, &mut report)).await?,
                _ => {}
            }
            report.rows.push(row);
        }
    }
    Ok(report)
}
