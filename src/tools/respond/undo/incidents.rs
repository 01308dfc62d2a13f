//! Takes back changes of incidents.

use serde_json::Value;

use super::super::report::{Outcome, Report, Row};
use super::super::{start, update};
use super::since::{Later, differences};
use crate::client::{IncidentChange, RESOLUTION, comparable};
use crate::error::Result;
use crate::ids::Id;
use crate::models::Incident;
use crate::receipts::{Fields, Receipt, Row as Change};
use crate::tools::Context;
use crate::tools::times::Local;
use crate::tools::words::quoted;

/// The state of an incident, with its ID.
type State = Result<(Id<Incident>, Fields)>;

pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let wanted = |change: &Change, id: &String| Some((Id::<Incident>::parse(id)?, change.clone()));
    let targets: Vec<_> =
        receipt.rows.iter().flat_map(|change| change.ids.iter().filter_map(|id| wanted(change, id))).collect();
    let given: Vec<_> = targets.iter().map(|(id, _)| id.clone()).collect();
    let names: Vec<_> = receipt.rows.iter().flat_map(|change| change.before.keys().cloned()).collect();
    let from = start::author(cx, dry_run).await?;
    let mut states = cx.api.incident_fields(&given, &names).await;
    let ids = ids(&states);
    let _held = match cx.api.hold_incidents_at_once(&ids) {
        held @ Some(_) => held,
        None if dry_run => None,
        None => {
            let held = cx.api.hold_incidents(&ids).await;
            // The call that held them may have changed them.
            states = cx.api.incident_fields(&given, &names).await;
            Some(held)
        }
    };
    let (later, local) = tokio::join!(Later::of(cx, receipt, &ids, from.as_deref()), Local::of(cx, None));
    let (mut later, mut report) = (later.into_iter(), Report::new(update::KIND, "incidents"));
    let (mut changes, mut unchecked) = (Vec::new(), Vec::new());
    for ((id, change), state) in targets.into_iter().zip(states) {
        let Some((id, now)) = state.map_err(|error| report.rows.push(Row::failed(&id, error))).ok() else { continue };
        let Some(later) = later.next() else { continue };
        let mut row = update::planned(&id, &now, &change.before);
        row.problem = None;
        let (differs, touched) = (differences(&change.after, &now), later.touched(&change.after));
        if update::is_so(&now, &change.before) {
            row.outcome = Outcome::AlreadySo;
            let into = now.get("merged_into").and_then(|into| into.get("name")?.as_str());
            row.problem = into.map(|into| format!("It was merged into {}.", quoted(into, 100)));
        } else if !differs.is_empty() || !touched.is_empty() {
            row.outcome = Outcome::Conflict;
            let why = later.conflict(&differs, &touched, &now, &local);
            row.problem = Some(format!("{why} Set the values with update_incidents."));
        } else {
            row.outcome = Outcome::DryRun;
            unchecked.extend((!later.is_known()).then(|| id.to_string()));
            changes.push((report.rows.len(), IncidentChange { id, before: now, wanted: change.before }));
        }
        report.rows.push(row);
    }
    if !unchecked.is_empty() {
        let (count, some) = (unchecked.len(), unchecked.get(..10).unwrap_or(&unchecked).join(", "));
        report.warnings.push(format!(
            "The logs of {count} incidents could not be read ({some}), so later changes to the same values were not seen."
        ));
    }
    if report.rows.iter().any(|row| row.outcome == Outcome::Conflict) {
        report.warnings.extend(local.warning());
    }
    if !changes.is_empty() {
        let paged = update::paged(cx, &changes).await;
        report.preview(paged.users, "the receipt of the undo makes the change again.");
        report.warnings.extend(paged.warnings);
    }
    if receipt.rows.iter().any(|change| change.after.contains_key(RESOLUTION)) {
        report.warnings.push("The resolution stays as a note.".to_owned());
    }
    if changes.iter().any(|(_, change)| change.wanted.get("status").is_some_and(|status| status == "acknowledged")) {
        report
            .warnings
            .push("An acknowledgement that is set back is that of the user who undoes the change.".to_owned());
    }
    if dry_run {
        return Ok(report);
    }
    report.more.shift_remove("undo");
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

/// Returns the IDs of the incidents that were read. A receipt may have their numbers.
fn ids(states: &[State]) -> Vec<Id<Incident>> {
    states.iter().flatten().map(|(id, _)| id.clone()).collect()
}

/// Returns whether a field of an incident has another value than the wanted one after the change.
fn is_left(row: &Row, name: &str, wanted: &Value) -> bool {
    row.after.get(name).is_some_and(|now| comparable(now) != comparable(wanted))
}
