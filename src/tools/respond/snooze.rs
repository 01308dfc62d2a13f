//! `snooze_incident`: lets an acknowledged incident rest until a time.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::incidents::{CREATE_INCIDENT_SNOOZE, GET_INCIDENT};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::Value;

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::update;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Incident;
use crate::params::{Moment, When};
use crate::receipts::Fields;
use crate::reply::Reply;
use crate::tools::times::Local;

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
    }
}

/// The longest time that PagerDuty takes.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The difference between two times of return that are equal for a user.
const SAME: SignedDuration = SignedDuration::from_mins(1);

async fn snooze_incident(cx: Context, params: Params) -> Result<Reply> {
    let read = Local::read(&cx, None, [Some(params.until)]).await?;
    let local = read.local(&cx, None).await;
    let until = read.moments.first().copied().flatten().map_or_else(Timestamp::now, Moment::instant);
    let length = until.duration_since(Timestamp::now());
    if length < SignedDuration::from_secs(1) || length > LONGEST {
        let message = format!("until is {}, and an incident can be snoozed for at most 7 days", local.iso(until));
        return Err(Error::new(Code::InvalidTimeRange, message).hint("Pass a time within the next 7 days."));
    }
    let (id, from) = tokio::try_join!(cx.api.incident_id(&params.incident_id), cx.api.author())?;
    let _held = cx.api.hold_incidents(std::slice::from_ref(&id)).await;
    let mut fields = cx.api.incident_fields(std::slice::from_ref(&id), &[]).await;
    let (id, before) = fields.pop().unwrap_or_else(|| Err(Error::new(Code::Internal, "the incident was not read")))?;
    let mut row = Row { head: update::head(&before), ..Row::new(&id, Outcome::Applied) };
    let mut report = Report::new("incidents", "incidents");
    report.warnings.extend(local.warning());
    report.warnings.extend(read.remarks);
    let returns = before.get("returns_at").cloned().unwrap_or_default();
    let returns_at = |value: &Value| value.as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let shown =
        |at: Option<Timestamp>| Fields::from_iter([("returns_at".to_owned(), at.map(|at| local.iso(at)).into())]);
    let status = before.get("status").and_then(Value::as_str).unwrap_or_default();
    row.before = shown(returns_at(&returns));
    if status != "acknowledged" {
        row.outcome = Outcome::Conflict;
        row.problem = Some(match status {
            "resolved" => "It is resolved.".to_owned(),
            other => format!("It is {other}. Acknowledge it first: acknowledge_incident."),
        });
        row.before.clear();
    } else if returns_at(&returns).is_some_and(|at| at.duration_since(until).abs() <= SAME) {
        row.outcome = Outcome::AlreadySo;
    } else {
        let length = until.duration_since(Timestamp::now()).as_secs().max(1);
        let done = cx.api.snooze(&id, length, &returns, from).await;
        report.sent = cx.api.has_sent();
        let done = done?;
        let after = done.after.get(id.as_str()).and_then(|after| returns_at(after.get("returns_at")?));
        row.after = shown(after.or(Some(until)));
        report.warnings.extend(done.warning);
        report
            .warnings
            .push("To take it back, snooze it again, or set status=triggered with update_incidents.".to_owned());
    }
    report.rows.push(row);
    report.without_receipt = true;
    report.more.insert("time_zone".to_owned(), local.name().into());
    report.reply(&cx).await
}
