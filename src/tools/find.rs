//! `find`.

mod keys;

use futures_util::future::join_all;
use pagerduty_api::Resource;
use pagerduty_api::operations::escalation_policies::{
    ESCALATION_POLICIES, GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES,
};
use pagerduty_api::operations::incidents::{GET_INCIDENT, INCIDENTS, LIST_INCIDENTS};
use pagerduty_api::operations::schedules::{
    GET_SCHEDULE, GET_SCHEDULE_V3, LIST_SCHEDULES, LIST_SCHEDULES_V3, SCHEDULES,
};
use pagerduty_api::operations::services::{GET_SERVICE, LIST_SERVICES, SERVICES};
use pagerduty_api::operations::teams::{GET_TEAM, LIST_TEAMS, TEAMS};
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER, LIST_USERS, USERS};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::{About, Context, Tool, Toolset, run};
use crate::error::{Code, Error, Result};
use crate::ids::is_unusual;
use crate::models::{Match, Model, Page, Row};
use crate::names::{Fit, Named, matches};
use crate::pagination;
use crate::params::{Choice, Choices, Limit, Offset, Texts, Written, shorten};
use crate::reply::Reply;

/// The tools that find objects of any kind.
pub(super) const SET: Toolset = Toolset {
    name: "find",
    title: "Find anything",
    about: "The IDs of objects of any kind.",
    default: false,
    instructions: "",
    tools: &[&FIND],
};

/// Returns what texts stand for, in the whole account.
pub(super) const FIND: Tool = Tool::new::<Params>(
    "find",
    About {
        title: "Look up IDs by name, email or URL",
        description: "Look up the ID of anything by name, email address, web URL or number; unclear: candidates. Without text, all \
                      of one kind.",
        hint: "look up lookup id ids name email e-mail url which",
    },
    &[
        &LIST_SERVICES,
        &GET_SERVICE,
        &LIST_TEAMS,
        &GET_TEAM,
        &LIST_USERS,
        &GET_USER,
        &LIST_SCHEDULES,
        &GET_SCHEDULE,
        &LIST_SCHEDULES_V3,
        &GET_SCHEDULE_V3,
        &LIST_ESCALATION_POLICIES,
        &GET_ESCALATION_POLICY,
        &LIST_INCIDENTS,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, find),
);

/// The kinds of objects that are searched, in the order of the answer.
const KINDS: [&Resource; 6] = [&SERVICES, &TEAMS, &USERS, &SCHEDULES, &ESCALATION_POLICIES, &INCIDENTS];

/// The names of [`KINDS`].
#[derive(Clone, Debug)]
pub struct Kinds;

impl Choice for Kinds {
    const WORDS: &'static [&'static str] =
        &["services", "teams", "users", "schedules", "escalation_policies", "incidents"];
}

crate::params! {
    struct Params {
        "Names, email addresses, web URLs, IDs, incident numbers or integration keys"
        text: Texts,
        "Default: all"
        kinds: Choices<Kinds>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
    }
}

/// The most objects of one kind with a text in their names that are read.
const MOST_READ: usize = 1_000;

/// The most similar names of one text.
const MOST_NEAREST: usize = 5;

/// How well an object fits a text, the best first.
const FITS: [&str; 3] = ["exact", "words", "part"];

/// The fit of an object that only has a similar name.
const SIMILAR: &str = "similar";

/// The objects found for a text or a part of it, and remarks.
#[derive(Default)]
struct Found {
    rows: Vec<Map<String, Value>>,
    remarks: Vec<String>,
}

async fn find(cx: Context, params: Params) -> Result<Reply> {
    let kinds = chosen(&params.kinds);
    let want = cx.want(params.limit, params.offset);
    let texts = params.text.as_slice();
    if texts.is_empty() {
        let [kind] = kinds.as_slice() else {
            return Err(Error::new(Code::MissingParameter, "there is neither text nor one kind")
                .hint(format!("Pass text, or kinds with one of {}.", Kinds::WORDS.join(", "))));
        };
        let most = want.offset.saturating_add(want.limit).saturating_add(1);
        let listed = cx.api.search(kind, None, most).await?;
        let found = listed.objects.iter().map(|object| row(kind, object)).collect();
        return Ok(answer(
            Found { rows: found, remarks: listed.missing.iter().map(ToString::to_string).collect() },
            want,
            &params,
        ));
    }
    let outcomes = join_all(texts.iter().map(|text| sought(&cx, &kinds, text))).await;
    let mut all = Found::default();
    let mut failure = None;
    for (text, outcome) in texts.iter().zip(outcomes) {
        match outcome {
            Ok(mut found) => {
                if texts.len() > 1 {
                    let text = keys::hidden(text);
                    found.rows.iter_mut().for_each(|row| _ = row.insert("text".to_owned(), text.clone().into()));
                }
                all.rows.append(&mut found.rows);
                all.remarks.append(&mut found.remarks);
            }
            Err(error) if texts.len() == 1 => return Err(error),
            Err(error) => {
                all.remarks.push(format!("{:?} could not be looked up: {error}", keys::hidden(text)));
                failure = Some(error);
            }
        }
    }
    match failure {
        Some(error) if all.remarks.len() == texts.len() && all.rows.is_empty() => Err(error),
        _ => {
            let mut seen = std::collections::HashSet::new();
            all.remarks.retain(|remark| seen.insert(remark.clone()));
            Ok(answer(all, want, &params))
        }
    }
}

fn answer(found: Found, want: pagination::ListRequest, params: &Params) -> Reply {
    let rows = found.rows.into_iter().map(|row| Ok(Row { facts: Match, shown: Object::from_members(row) })).collect();
    let listing = pagination::cut(want, Page { rows, more: false, total: None });
    Reply::list(Match::RESOURCE, listing, "kinds").warned(found.remarks).warned(params.kinds.warning("kinds"))
}

/// Returns the kinds with these names, or all.
fn chosen(kinds: &Choices<Kinds>) -> Vec<&'static Resource> {
    let words = kinds.words();
    KINDS.into_iter().filter(|kind| words.is_empty() || words.contains(&kind.many)).collect()
}

/// Returns an object as a row.
fn row(kind: &Resource, object: &Named) -> Map<String, Value> {
    let mut row = Map::from_iter([("kind".to_owned(), kind.many.into())]);
    row.extend(object.members());
    row.extend(object.url.clone().map(|url| ("url".to_owned(), url.into())));
    row
}

/// Returns an object as a row that fits a text in this way.
fn fitting(kind: &Resource, object: &Named, fit: &str) -> Map<String, Value> {
    let mut row = row(kind, object);
    row.insert("match".to_owned(), fit.into());
    row
}

/// Looks up one text.
async fn sought(cx: &Context, kinds: &[&'static Resource], text: &str) -> Result<Found> {
    if keys::is_key(text) {
        return keys::find(cx, text).await;
    }
    let has = |kind: &Resource| kinds.contains(&kind);
    let (ids, names): (Vec<(&'static Resource, String)>, Vec<&'static Resource>) = match Written::of(text) {
        Written::Link(kind, id, subdomain) => {
            let found = by_ids(cx, vec![(kind, id)], text).await?;
            if let Some((theirs, ours)) =
                subdomain.zip(cx.api.subdomain().await).filter(|(theirs, ours)| theirs != ours)
            {
                let message = format!(
                    "{:?} belongs to the account {theirs}, but the credential belongs to {ours}",
                    shorten(text)
                );
                return Err(Error::new(Code::WrongAccount, message).hint("Use a credential of that account."));
            }
            return Ok(found);
        }
        Written::Me if has(&USERS) => {
            let me = cx.api.me().await?;
            return by_ids(cx, vec![(&USERS, me.id.to_string())], text).await;
        }
        Written::Email(email) if keys::is_address(&email) => return keys::find(cx, &email).await,
        Written::Email(_) if has(&USERS) => (Vec::new(), vec![&USERS]),
        Written::Id(id) => {
            let names = if is_unusual(&id) { kinds.to_vec() } else { Vec::new() };
            (kinds.iter().map(|kind| (*kind, id.clone())).collect(), names)
        }
        Written::Number(number) => {
            let incident = has(&INCIDENTS).then_some((&INCIDENTS, number)).into_iter().collect();
            (incident, if text.contains('#') { Vec::new() } else { kinds.to_vec() })
        }
        Written::Me | Written::Email(_) | Written::Text(_) => (Vec::new(), kinds.to_vec()),
    };
    if names.is_empty() {
        return by_ids(cx, ids, text).await;
    }
    if ids.is_empty() {
        return by_name(cx, &names, text).await;
    }
    let (by_id, by_name) = tokio::join!(existing(cx, ids), by_name(cx, &names, text));
    match by_id {
        Ok(found) if !found.rows.is_empty() => {
            let is_similar = |row: &Map<String, Value>| row.get("match").is_some_and(|fit| fit == SIMILAR);
            let by_name = by_name.ok().filter(|found| found.rows.iter().any(|row| !is_similar(row)));
            Ok(joined([found, by_name.unwrap_or_default()]))
        }
        _ => by_name,
    }
}

/// Returns the objects with these IDs, or a remark if there are none.
async fn by_ids(cx: &Context, ids: Vec<(&'static Resource, String)>, text: &str) -> Result<Found> {
    let mut found = existing(cx, ids).await?;
    if found.rows.is_empty() {
        found.remarks.push(format!("Nothing that this credential may see has the ID or number {:?}.", shorten(text)));
    }
    Ok(found)
}

/// Returns the objects of these kinds and IDs that exist.
async fn existing(cx: &Context, ids: Vec<(&'static Resource, String)>) -> Result<Found> {
    let objects = ids.iter().map(|(kind, id)| async move {
        let object = cx.api.object_by_id(kind, id).await;
        let rows = |object: Option<Named>| object.iter().map(|object| fitting(kind, object, "exact")).collect();
        (*kind, object.map(|object| Found { rows: rows(object), remarks: Vec::new() }))
    });
    combined(join_all(objects).await)
}

/// Returns what was found of each kind, with a remark on each kind that failed. It fails only if all of them do.
fn combined(outcomes: Vec<(&'static Resource, Result<Found>)>) -> Result<Found> {
    let count = outcomes.len();
    let mut failures = Vec::new();
    let mut all = Found::default();
    for (kind, outcome) in outcomes {
        match outcome {
            Ok(found) => all = joined([all, found]),
            Err(error) => {
                all.remarks.push(format!("{} could not be searched: {error}", kind.many.replace('_', " ")));
                failures.push(error);
            }
        }
    }
    match failures.pop() {
        Some(error) if failures.len() + 1 == count => Err(error),
        _ => Ok(all),
    }
}

fn joined(parts: [Found; 2]) -> Found {
    let mut all = Found::default();
    for part in parts {
        all.rows.extend(part.rows);
        all.remarks.extend(part.remarks);
    }
    all
}

/// Looks up a name in each kind, or else similar names. It fails only if every kind does.
async fn by_name(cx: &Context, kinds: &[&'static Resource], text: &str) -> Result<Found> {
    let text = &text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Incidents have no names.
    let kinds: Vec<_> = kinds.iter().copied().filter(|kind| **kind != INCIDENTS).collect();
    let kinds = kinds.as_slice();
    let outcomes = kinds.iter().map(|kind| async move { (*kind, named(cx, kind, text).await) });
    let mut found = combined(join_all(outcomes).await)?;
    if found.rows.is_empty() {
        found.rows = similar(cx, kinds, text).await;
        let near = if found.rows.is_empty() { "" } else { " The rows have similar names: ask which one is meant." };
        found.remarks.push(format!("Nothing has {:?} in its name.{near}", shorten(text)));
    } else {
        // An exact name comes before those with its words, whatever their kinds.
        found.rows.sort_by_key(|row| FITS.iter().position(|fit| row.get("match").is_some_and(|of| of == fit)));
    }
    Ok(found)
}

/// Returns the objects of a kind that have a text in their names, those that fit best.
async fn named(cx: &Context, kind: &'static Resource, text: &str) -> Result<Found> {
    let listed = cx.api.search(kind, Some(text), MOST_READ).await?;
    let mut remarks: Vec<_> = listed.missing.iter().map(ToString::to_string).collect();
    if listed.more {
        let many = kind.many.replace('_', " ");
        remarks.push(format!(
            "More than {MOST_READ} {many} have {:?} in their names; the first are compared.",
            shorten(text)
        ));
    }
    let (fit, best) = matches(text, &listed.objects);
    let rows = if best.is_empty() {
        listed.objects.iter().map(|object| fitting(kind, object, "part")).collect()
    } else {
        let fit = if fit == Fit::Exact { "exact" } else { "words" };
        best.into_iter().map(|object| fitting(kind, object, fit)).collect()
    };
    Ok(Found { rows, remarks })
}

/// Returns the objects of these kinds with the names most similar to a text.
async fn similar(cx: &Context, kinds: &[&'static Resource], text: &str) -> Vec<Map<String, Value>> {
    let near = kinds.iter().map(|kind| async move { (*kind, cx.api.similar(kind, text).await) });
    let near = join_all(near).await.into_iter().flat_map(|(kind, near)| near.into_iter().map(move |near| (kind, near)));
    let mut near: Vec<_> = near.collect();
    near.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
    near.truncate(MOST_NEAREST);
    let row = |(kind, (score, object)): (&Resource, (f64, Named))| {
        let mut row = fitting(kind, &object, SIMILAR);
        row.insert("score".to_owned(), score.into());
        row
    };
    near.into_iter().map(row).collect()
}
