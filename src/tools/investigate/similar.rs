//! `get_similar_incidents`.

mod compare;
pub(super) mod read;

use std::fmt::Write;

use jiff::SignedDuration;
use pagerduty_api::Resource;
use pagerduty_api::operations::incidents::{
    GET_INCIDENT, GET_OUTLIER_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS, LIST_INCIDENT_NOTES, LIST_INCIDENTS,
};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;

use crate::error::Result;
use crate::ids::Id;
use crate::models::Incident;
use crate::params::{Choice, Choices, Flag, Limit, Moment, When};
use crate::reply::Reply;
use crate::tools::gather::in_time;
use crate::tools::subject::Subject;
use crate::tools::times::{Local, length};
use crate::tools::tool::{About, run};
use crate::tools::words::{name, quoted, sentence};
use crate::tools::{Context, Tool};
use read::{Finder, Kind, Remark, Similar, endings, occurrence};

/// Returns the incidents like one, and how they ended.
pub(super) const GET_SIMILAR_INCIDENTS: Tool = Tool::new::<Params>(
    "get_similar_incidents",
    About {
        title: "Similar incidents and how they were fixed",
        description: "Has this happened before and how was it fixed last time: past incidents like it, related ones now, how rare.",
        hint: "has this happened before past previous similar fix fixed last time seen",
    },
    &[
        &GET_INCIDENT,
        &GET_PAST_INCIDENTS,
        &GET_RELATED_INCIDENTS,
        &GET_OUTLIER_INCIDENT,
        &LIST_INCIDENTS,
        &LIST_INCIDENT_NOTES,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, get_similar_incidents),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Default all"
        kinds: Choices<Kinds>,
        "ISO 8601; default 6 months before it"
        since: Option<When>,
        "Read how they ended"
        resolutions: Flag<true>,
        "Max results, default 100"
        limit: Option<Limit>,
    }
}

/// The parts of the answer.
#[derive(Debug)]
struct Kinds;

impl Choice for Kinds {
    const WORDS: &'static [&'static str] = &["past", "related", "outlier"];
}

/// The rows of the answer.
const SIMILAR: Resource =
    Resource { noun: "similar incident", one: "similar_incident", many: "similar_incidents", pages: &[] };

/// The most incidents of the service that are compared by words.
const MAX_COMPARED: usize = 1_000;

/// The most incidents whose end is read.
const MAX_ENDINGS: usize = 10;

/// The most characters of a note within a line, and beside it.
const NOTE_IN_LINE: usize = 160;
const MAX_NOTE: usize = 400;

async fn get_similar_incidents(cx: Context, params: Params) -> Result<Reply> {
    let read = Local::read(&cx, None, [params.since]).await?;
    let [since] = read.moments.map(|moment| moment.map(Moment::instant));
    let words = params.kinds.words();
    let wants = |word: &str| words.is_empty() || words.contains(&word);
    let (subject, late) = (SetOnce::new(), SetOnce::new());
    // PagerDuty compares incidents by their IDs only.
    let id = if params.incident_id.is_number() {
        let known = Subject::read(&cx, &params.incident_id).await?;
        let id = known.id.clone();
        let _ = subject.set(known);
        id
    } else {
        params.incident_id.clone()
    };
    let most = params.limit.map(Limit::get);
    let finder = Finder::new(&cx, &id, &subject, MAX_COMPARED).since(since);
    let main = async {
        if subject.get().is_none() {
            let _ = subject.set(Subject::read(&cx, &id).await?);
        }
        let _ = late.set(cx.api.grace());
        Ok(())
    };
    let past = async { if wants("past") { Some(in_time(finder.past(most), &late).await) } else { None } };
    let related = async { if wants("related") { Some(in_time(finder.related(), &late).await) } else { None } };
    let rarity = async { if wants("outlier") { Some(in_time(finder.rarity(), &late).await) } else { None } };
    let parts = async { Ok(tokio::join!(past, related, rarity, read.local(&cx, None))) };
    let ((), (past, related, rarity, local)) = tokio::try_join!(main, parts)?;
    let (mut rows, mut warnings, mut failures) = (Vec::new(), read.remarks, Vec::new());
    let rarity = rarity.map(|rarity| rarity.map_err(|error| failures.push(("Its rarity", error))).ok());
    let mut is_anything_read = matches!(rarity, Some(Some(_)));
    let has_past = matches!(past, Some(Ok(_)));
    for (what, part) in [("Past incidents", past), ("Related incidents", related)] {
        match part {
            Some(Ok(found)) => {
                rows.extend(found);
                is_anything_read = true;
            }
            Some(Err(error)) => failures.push((what, error)),
            None => {}
        }
    }
    if !is_anything_read && !failures.is_empty() {
        return Err(failures.swap_remove(0).1);
    }
    warnings.extend(failures.into_iter().map(|(what, error)| format!("{what} could not be read: {error}")));
    rows.truncate(most.unwrap_or(Limit::DEFAULT));
    if params.resolutions.is_on() {
        // How a related incident stands is known already.
        let past = rows.iter().take_while(|row| row.kind == Kind::Past).count();
        warnings.extend(endings(&cx, rows.get_mut(..past.min(MAX_ENDINGS)).unwrap_or_default()).await);
        if past > MAX_ENDINGS {
            warnings
                .push(format!("The end is shown for {MAX_ENDINGS} of {past} past incidents: pass their IDs for more."));
        }
    }
    let by_words = finder.is_by_words();
    if by_words {
        warnings.push(BY_WORDS.to_owned());
    }
    let main = subject.wait().await;
    let shown = rows.iter().map(|row| Object::from_members(shown(row, main, &local))).collect();
    let mut reply = cx.composed(&SIMILAR, shown, "kinds or limit");
    reply.set("incident", main.label());
    reply.set("compared_by", if by_words { "title words" } else { "PagerDuty" });
    if has_past {
        reply.set("summary", summary(&rows));
    }
    if let Some(Some(rarity)) = rarity {
        reply.set("occurrence", occurrence(&rarity, |at| local.iso(at)));
    }
    local.name_in(&mut reply);
    Ok(reply.warned(warnings))
}

/// The warning that PagerDuty did not compare the incidents.
pub(super) const BY_WORDS: &str = "PagerDuty refused to compare incidents, which needs its AIOps plan and the permission to \
                                   read them. Instead, past incidents are those of the service in the 180 days before whose \
                                   titles have the same words, and related ones those of other services within 2 h that \
                                   have the same words or a team in common.";

/// Returns the row of an incident.
fn shown(row: &Similar, main: &Subject, local: &Local) -> Map<String, Value> {
    let Similar { kind, incident, score, relation, last_note } = row;
    let mut members = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        members.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("kind", Some(kind.as_str().into()));
    set("id", Some(incident.id.as_str().into()));
    set("incident_number", incident.number.map(Value::from));
    set("title", Some(incident.title.as_str().into()));
    set("line", Some(line(row, main, local).into()));
    set("status", incident.status.as_deref().map(Value::from));
    set(
        "service",
        incident.service.as_ref().filter(|_| *kind == Kind::Related).map(super::super::oncall::read::Named::shown),
    );
    set("created_at", incident.created_at.map(|at| local.iso(at).into()));
    set("score", score.map(Value::from));
    set("relation", relation.as_deref().map(Value::from));
    set("ended", incident.ended(|at| local.iso(at)));
    set("last_note", last_note.as_ref().map(|note| noted(note, local)));
    members
}

fn noted(note: &Remark, local: &Local) -> Value {
    let mut text: String = note.text.chars().take(MAX_NOTE).collect();
    if text.len() < note.text.len() {
        text.push('…');
    }
    json!({"text": text, "by": note.by, "at": note.at.map(|at| local.iso(at))})
}

/// Returns an incident as a sentence: `#42 “disk is full” on Mon 2026-11-02 08:10 EST: resolved by Ada after 22 min.`
pub(super) fn line(row: &Similar, main: &Subject, local: &Local) -> String {
    let incident = &row.incident;
    let mut line = incident.label();
    match (row.kind, incident.created_at, main.created_at) {
        (Kind::Past, Some(at), _) => _ = write!(line, " on {}", local.text(at)),
        (Kind::Related, Some(at), Some(start)) => {
            if let Some(service) = &incident.service {
                let _ = write!(line, " on {}", service.label());
            }
            let by = at.duration_since(start);
            let side = if by < SignedDuration::ZERO { "before" } else { "after" };
            let _ = write!(line, ", triggered {} {side} it", length(by.abs()));
        }
        _ => {}
    }
    if let Some(end) = incident.end() {
        let _ = write!(line, ": {end}");
    }
    line = sentence(line);
    if let Some(note) = &row.last_note {
        let by = note.by.as_deref().map(|by| format!(" by {}", name(by))).unwrap_or_default();
        let _ = write!(line, " Last note{by}: {}", quoted(&note.text, NOTE_IN_LINE));
        line = sentence(line);
    }
    line
}

/// The end of an incident that no user resolved.
const ALONE: &str = "resolved by itself";

/// Returns how past incidents ended, as a sentence: `3 past incidents like it: 2 resolved by Ada; median 22 min.`
fn summary(rows: &[Similar]) -> String {
    let past: Vec<_> = rows.iter().filter(|row| row.kind == Kind::Past).map(|row| &row.incident).collect();
    let mut text = match past.len() {
        0 => return "No past incident like it was found.".to_owned(),
        1 => "1 past incident like it".to_owned(),
        count => format!("{count} past incidents like it"),
    };
    let mut ends: Vec<(String, usize)> = Vec::new();
    let mut add = |end: String| match ends.iter_mut().find(|(known, _)| *known == end) {
        Some((_, count)) => *count += 1,
        None => ends.push((end, 1)),
    };
    for incident in &past {
        match (&incident.status, &incident.changed_by) {
            (None, _) => add("of unknown end".to_owned()),
            (Some(_), _) if !incident.is_resolved() => add("still open".to_owned()),
            (Some(_), Some(by)) if by.is_user => add(format!("resolved by {}", by.named.label())),
            (Some(_), Some(_)) => add(ALONE.to_owned()),
            (Some(_), None) => add("resolved".to_owned()),
        }
    }
    ends.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let said = ends.iter().map(|(end, count)| match (end.as_str(), *count) {
        (ALONE, 2..) => format!("{count} resolved by themselves"),
        _ => format!("{count} {end}"),
    });
    let _ = write!(text, ": {}", said.collect::<Vec<_>>().join(", "));
    let mut lasted: Vec<_> = past.iter().filter_map(|incident| incident.lasted()).collect();
    lasted.sort_unstable();
    if let Some(median) = lasted.get(lasted.len() / 2) {
        let _ = write!(text, "; median {}", length(*median));
    }
    text.push('.');
    text
}
