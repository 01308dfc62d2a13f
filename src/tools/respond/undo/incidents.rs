//! Takes back changes of incidents.

use serde_json::Value;

use super::super::report::{Outcome, Report, Row};
use super::super::update;
use super::since::{changed_since, differences, later_change, since};
use crate::client::{IncidentChange, comparable};
use crate::error::Result;
use crate::ids::Id;
use crate::models::Incident;
use crate::receipts::{Receipt, Row as Change};
use crate::tools::Context;

/// Takes back changes of incidents.
pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let wanted = |change: &Change, id: &String| Some((Id::<Incident>::parse(id)?, change.clone()));
    let targets: Vec<_> =
        receipt.rows.iter().flat_map(|change| change.ids.iter().filter_map(|id| wanted(change, id))).collect();
    let ids: Vec<_> = targets.iter().map(|(id, _)| id.clone()).collect();
    let names: Vec<_> = receipt.rows.iter().flat_map(|change| change.before.keys().cloned()).collect();
    let from = if dry_run { None } else { cx.api.author().await? };
    let _held = if dry_run { Vec::new() } else { cx.api.hold_incidents(&ids).await };
    let (states, logs) = tokio::join!(cx.api.incident_fields(&ids, &names), since(cx, receipt, &ids));
    let mut logs = logs.into_iter();
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
    for ((id, change), state) in targets.into_iter().zip(states) {
        let later = logs.next().flatten().and_then(|entries| later_change(&entries, &change.after));
        let now = match state {
            Ok((_, now)) => now,
            Err(error) => {
                rows.push(Row::failed(&id, error));
                continue;
            }
        };
        let mut row = update::planned(&id, &now, &change.before);
        row.problem = None;
        let differs = differences(&change.after, &now);
        if update::is_so(&now, &change.before) {
            row.outcome = Outcome::AlreadySo;
        } else if !differs.is_empty() || later.is_some() {
            row.outcome = Outcome::Conflict;
            row.problem = Some(changed_since(&differs, &now, later.as_deref()));
        } else {
            row.outcome = Outcome::DryRun;
            changes.push((rows.len(), IncidentChange { id, before: now, wanted: change.before }));
        }
        rows.push(row);
    }
    let mut report = Report { rows, ..Report::new(update::KIND, "incidents") };
    if !changes.is_empty() {
        let (users, warnings) = update::paged(cx, &changes).await;
        report.more.insert("pages".to_owned(), users);
        report.warnings.extend(warnings);
    }
    if dry_run {
        return Ok(report);
    }
    let wanted: Vec<_> = changes.iter().map(|(place, change)| (*place, change.wanted.clone())).collect();
    update::apply(cx, changes, from.as_deref(), &mut report).await;
    for (place, wanted) in wanted {
        let Some(row) = report.rows.get(place).filter(|row| row.outcome == Outcome::Applied) else { continue };
        let left: Vec<_> =
            wanted.iter().filter(|(name, value)| is_left(row, name, value)).map(|(name, _)| name).collect();
        if !left.is_empty() {
            let names = left.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            report.warnings.push(format!("PagerDuty did not set back {names} of incident {}.", row.id));
        }
    }
    Ok(report)
}

/// Returns whether a field of an incident has another value than the wanted one after the change.
fn is_left(row: &Row, name: &str, wanted: &Value) -> bool {
    row.after.get(name).is_some_and(|now| comparable(now) != comparable(wanted))
}
