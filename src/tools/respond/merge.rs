//! `merge_incidents`: merges incidents into one, which cannot be undone.

use pagerduty_api::operations::incidents::{GET_INCIDENT, MERGE_INCIDENTS as MERGE};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Map, Value, json};

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::{start, update};
use crate::client::comparable;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Incident;
use crate::params::{Flag, Targets};
use crate::receipts::Fields;
use crate::reply::Reply;
use crate::tools::words::quoted;

/// Merges incidents.
pub(super) const MERGE_INCIDENTS: Tool = Tool::new::<Params>(
    "merge_incidents",
    About {
        title: "Merge (combine) duplicate incidents",
        description: "Merge (combine) duplicate incidents, duplicates, into one. Cannot be undone.",
        hint: "merge duplicates duplicate combine same problem",
    },
    &[&MERGE, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, merge_incidents),
)
.destructive();

crate::params! {
    struct Params {
        "The one that stays"
        incident_id: Id<Incident>,
        "Incidents that end in it"
        source_ids: Targets<Incident>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The most alerts of an incident.
const MOST_ALERTS: u64 = 1_000;

async fn merge_incidents(cx: Context, params: Params) -> Result<Reply> {
    let mut given = vec![params.incident_id.clone()];
    given.extend_from_slice(params.source_ids.as_slice());
    let dry_run = params.dry_run.is_on();
    let (from, ids) = tokio::join!(start::author(&cx, dry_run), cx.api.incident_ids(&given));
    let from = from?;
    let ids = ids.into_iter().collect::<Result<Vec<_>>>()?;
    let _held = start::hold(&cx, &ids, dry_run).await;
    let states = cx.api.incident_fields(&ids, &[]).await.into_iter().collect::<Result<Vec<_>>>()?;
    let Some(((target, of_target), sources)) = states.split_first() else {
        return Err(Error::new(Code::Internal, "the incidents were not read"));
    };
    let mut report = Report::new("incidents", "merged");
    report.without_receipt = true;
    report.more.insert("into".to_owned(), shown(target, of_target));
    let mut open = Vec::new();
    for (place, (id, state)) in sources.iter().enumerate() {
        // An incident may be given by its number and by its ID.
        if sources.iter().take(place).any(|(earlier, _)| earlier == id) {
            continue;
        }
        let row = planned(target, of_target, id, state);
        if row.outcome == Outcome::DryRun {
            open.push(id.clone());
        }
        report.rows.push(row);
    }
    let alerts = |state: &Fields| state.get("alerts").and_then(Value::as_u64).unwrap_or_default();
    let of = |id: &Id<Incident>| sources.iter().find(|(source, _)| source == id).map(|(_, state)| alerts(state));
    let moved = open.iter().filter_map(of).sum::<u64>();
    report.more.insert("alerts_moved".to_owned(), moved.into());
    let is_too_many = alerts(of_target) + moved > MOST_ALERTS;
    // PagerDuty merges all of them or none, and merging fewer than given may not be wanted.
    let is_refused = is_too_many || report.rows.iter().any(|row| row.outcome == Outcome::Conflict);
    if is_too_many {
        report.warnings.push(format!("An incident can have at most {MOST_ALERTS} alerts, so nothing was sent."));
    }
    if is_refused {
        for row in report.rows.iter_mut().filter(|row| row.outcome == Outcome::DryRun) {
            row.outcome = Outcome::Conflict;
            row.problem = Some("Not merged because of the others.".to_owned());
        }
        return report.reply(&cx).await;
    }
    if open.is_empty() {
        return report.reply(&cx).await;
    }
    if dry_run {
        report.preview(json!([]), "A merge cannot be undone.");
        return report.reply(&cx).await;
    }
    let done = cx.api.merge(target, &open, from).await;
    report.sent = cx.api.has_sent();
    let outcome = match done {
        Ok(done) => {
            report.warnings.extend(done.warning);
            Outcome::Applied
        }
        // Another client may have merged them since they were read.
        Err(error)
            if error.http_status() == Some(400)
                && error.code() != Code::OutcomeUnknown
                && are_merged(&cx, target, &open).await =>
        {
            Outcome::AlreadySo
        }
        Err(error) => return Err(error),
    };
    for row in report.rows.iter_mut().filter(|row| row.outcome == Outcome::DryRun) {
        row.outcome = outcome;
    }
    report.reply(&cx).await
}

/// Returns whether all of these incidents are merged into one.
async fn are_merged(cx: &Context, target: &Id<Incident>, sources: &[Id<Incident>]) -> bool {
    let states = cx.api.incident_fields(sources, &[]).await;
    let is_merged = |(_, state): &(Id<Incident>, Fields)| {
        state.get("merged_into").is_some_and(|into| comparable(into) == target.as_str())
    };
    states.iter().all(|state| state.as_ref().is_ok_and(is_merged))
}

/// Returns the incident that stays, as the answer shows it.
fn shown(id: &Id<Incident>, state: &Fields) -> Value {
    let mut shown = Map::from_iter([("id".to_owned(), Value::from(id.as_str()))]);
    shown.extend(update::head(state));
    shown.into()
}

/// Returns the incident into which one was merged.
fn merged_into(state: &Fields) -> Option<&Value> {
    state.get("merged_into").filter(|target| !target.is_null())
}

/// Returns an incident for a sentence.
fn words(incident: Option<&Value>) -> String {
    let text = |name: &str| incident.and_then(|incident| incident.get(name)?.as_str()).unwrap_or_default();
    if text("name").is_empty() {
        text("id").to_owned()
    } else {
        format!("{} ({})", text("id"), quoted(text("name"), 100))
    }
}

/// Returns the row of an incident before anything is sent.
fn planned(target: &Id<Incident>, of_target: &Fields, id: &Id<Incident>, state: &Fields) -> Row {
    let status = |state: &Fields| state.get("status").cloned().unwrap_or_default();
    let merged = merged_into(state);
    let problem = match merged.map(comparable) {
        _ if id == target => Some("An incident cannot be merged into itself.".to_owned()),
        Some(other) if other != target.as_str() => Some(format!("It was merged into {} before.", words(merged))),
        None if merged_into(of_target).is_some() => {
            let into = words(merged_into(of_target));
            Some(format!("The incident to merge into was merged into {into}. Merge into that one instead."))
        }
        None if status(of_target) == "resolved" => {
            Some("The incident to merge into is resolved. Choose an open one, or reopen it.".to_owned())
        }
        Some(_) | None => None,
    };
    let outcome = match (&problem, merged) {
        (Some(_), _) => Outcome::Conflict,
        (None, Some(_)) => Outcome::AlreadySo,
        (None, None) => Outcome::DryRun,
    };
    let mut row = Row { head: update::head(state), problem, ..Row::new(id, outcome) };
    if outcome == Outcome::DryRun {
        row.before.insert("status".to_owned(), status(state));
        row.after.insert("status".to_owned(), "resolved".into());
        row.after.insert("merged_into".to_owned(), json!({"id": target.as_str(), "name": of_target.get("title")}));
    }
    row
}
