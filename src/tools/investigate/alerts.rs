//! `get_alerts`, and the alerts of an incident for other tools.

use std::collections::HashMap;

use jiff::Timestamp;
use pagerduty_api::operations::alerts::{ALERTS, GET_INCIDENT_ALERT, LIST_INCIDENT_ALERTS};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_payloads::{Group, Kind, Link, STAYS_OPEN};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};

use crate::budget::Budget;
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Alert, Incident, Model, Row, Shape, shown_link};
use crate::pagination::{End, ListRequest, Listing};
use crate::params::{Choice, Choices, Extras, Include, Limit, Offset, given, shorten};
use crate::reply::{NAME_FIELDS, Reply};
use crate::tools::scope::id_excludes;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::words::quoted;
use crate::tools::{Context, Tool};

/// Returns the alerts of an incident with the facts and links of their events.
pub(super) const GET_ALERTS: Tool = Tool::new::<Params>(
    "get_alerts",
    About {
        title: "Alerts (alarms) and raw payloads",
        description: "Alerts (alarms) of an incident: raw payload of the monitor as facts (include +body: all of it), graph links, repeats.",
        hint: "alert alarm raw payload labels graph link monitor datadog fired show",
    },
    &[&LIST_INCIDENT_ALERTS, &GET_INCIDENT_ALERT, &GET_INCIDENT, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, get_alerts),
);

/// The statuses of an alert.
#[derive(Clone, Copy, Debug)]
pub struct AlertStatuses;

impl Choice for AlertStatuses {
    const WORDS: &'static [&'static str] = &["triggered", "resolved"];
}

/// The parts of a row that the tool composes.
#[derive(Clone, Debug)]
pub struct AlertParts;

impl Extras for AlertParts {
    const NAMES: &'static [&'static str] = &["line", "facts", "links", "repeats", SOURCES];
}

/// The places in the event that the facts were read from. It is not among the default fields.
const SOURCES: &str = "sources";

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Only this one"
        alert_id: Option<Id<Alert>>,
        "Default: all"
        statuses: Choices<AlertStatuses>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<Alert, AlertParts>,
    }
}

/// Reads the first alerts of an incident, the oldest first.
pub(in crate::tools) async fn read(cx: &Context, incident: &Id<Incident>, limit: usize) -> Result<Vec<Alert>> {
    let wanted = ListRequest { limit, offset: 0, budget: Budget::unlimited() };
    let query = Query::new().with("sort_by", Some("created_at:asc"));
    let listing = cx.api.pages_below(&LIST_INCIDENT_ALERTS, incident, query, wanted, &Alert::facts_only()).await?;
    Ok(listing.rows.into_iter().map(|row| row.facts).collect())
}

async fn get_alerts(cx: Context, params: Params) -> Result<Reply> {
    let (incident, local) = tokio::join!(cx.api.incident_id(&params.incident_id), Local::of(&cx, None));
    let incident = incident?;
    let selection = params.include.selection();
    let reply = if let Some(id) = &params.alert_id {
        let ignored = id_excludes("alert_id", &given!(params, [statuses]), &given!(params, [limit, offset]))?;
        let row = cx.api.one_below(&GET_INCIDENT_ALERT, &incident, id, &selection).await?;
        let shown = Object::from_members(composed(&row, &params.include, None, &local));
        cx.object(&ALERTS, shown, &params.include, Shape::One, NAME_FIELDS).warned(ignored)
    } else {
        let query = Query::new().with("sort_by", Some("created_at:desc"));
        let query = query.with_all("statuses", params.statuses.words());
        let wanted = cx.want(params.limit, params.offset);
        let all = ListRequest { budget: Budget::unlimited(), ..wanted.clone() };
        let listing = cx.api.pages_below(&LIST_INCIDENT_ALERTS, &incident, query, all, &selection).await?;
        folded(listing, wanted, &params.include, &local)
    };
    let mut reply = reply.warned(params.statuses.warning("statuses"));
    local.name_in(&mut reply);
    Ok(reply)
}

/// The alerts that repeat one.
struct Repeated {
    count: usize,
    first: Option<Timestamp>,
    is_guess: bool,
}

/// Returns the answer with the alerts that fit, in which repeats are counted with the newest one.
fn folded(
    mut listing: Listing<Alert>,
    wanted: ListRequest,
    include: &Include<Alert, AlertParts>,
    local: &Local,
) -> Reply {
    let mut budget = wanted.budget;
    let mut groups: Vec<(Row<Alert>, Repeated)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut rows_read = 0;
    for (place, row) in std::mem::take(&mut listing.rows).into_iter().enumerate() {
        let (key, is_guess) = repeat_key(&row.facts);
        let group = key.as_ref().and_then(|key| groups.get_mut(*known.get(key)?));
        if let Some((_, repeated)) = group {
            repeated.count += 1;
            repeated.first = row.facts.created_at.or(repeated.first);
            rows_read += 1;
            continue;
        }
        let shown = Object::from_members(composed(&row, include, None, local));
        if !budget.take(&shown) && place > 0 {
            let unreadable = listing.left_out.iter().filter(|(offset, _)| *offset < wanted.offset + place).count();
            listing.end = End::Budget(wanted.offset + place + unreadable);
            break;
        }
        rows_read += 1;
        known.extend(key.map(|key| (key, groups.len())));
        let first = row.facts.created_at;
        groups.push((row, Repeated { count: 1, first, is_guess }));
    }
    let count = groups.len();
    let rows = groups.into_iter().map(|(row, repeated)| {
        let repeated = (repeated.count > 1).then_some(repeated);
        let shown = Object::from_members(composed(&row, include, repeated.as_ref(), local));
        Row { shown, ..row }
    });
    listing.rows = rows.collect();
    let warnings = include.warnings(Shape::List, listing.rows.iter().map(|row| &row.shown));
    let mut reply = Reply::list(&ALERTS, listing, "statuses or limit").warned(warnings);
    if count < rows_read {
        reply.set("alerts_read", rows_read);
    }
    reply
}

/// Returns the key under which alerts count as repeats, and whether it is a guess.
fn repeat_key(alert: &Alert) -> (Option<String>, bool) {
    match &alert.payload.repeats {
        Some(repeats) => (Some(repeats.key.clone()), repeats.is_guess),
        None => (alert.key.clone(), false),
    }
}

/// Returns a row: the fields that were requested, in the order of the table, then the composed parts.
fn composed(
    row: &Row<Alert>,
    include: &Include<Alert, AlertParts>,
    repeated: Option<&Repeated>,
    local: &Local,
) -> Map<String, Value> {
    let mut members = row.shown.members();
    let alert = &row.facts;
    if let (Some(shown), Some(at)) = (members.get_mut("created_at"), alert.created_at) {
        *shown = local.iso(at).into();
    }
    let repeats = repeated.map(|repeated| {
        let first = repeated.first.map(|at| local.iso(at));
        let mut shown = Map::new();
        shown.insert("count".to_owned(), repeated.count.into());
        shown.extend(first.map(|first| ("first_at".to_owned(), first.into())));
        shown.extend(repeated.is_guess.then(|| ("guess".to_owned(), "same client and title but for digits".into())));
        Value::Object(shown)
    });
    let parts = [
        ("line", Some(line(alert, local).into())),
        ("facts", Some(facts(alert, local).into())),
        ("links", Some(links(&alert.payload.links))),
        ("repeats", repeats),
        (SOURCES, include.names(SOURCES).then(|| sources(alert))),
    ];
    for (name, value) in parts {
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        if let Some(value) = value.filter(|value| include.has_composed(name) && !is_empty(value)) {
            members.insert(name.to_owned(), value);
        }
    }
    include.arrange(members, AlertParts::NAMES)
}

/// Returns the content of the event of an alert, for an answer.
pub(in crate::tools) fn facts(alert: &Alert, local: &Local) -> Map<String, Value> {
    let payload = &alert.payload;
    let mut shown = Map::new();
    shown.extend(payload.sender.map(|sender| ("sender".to_owned(), sender.into())));
    let is_counted = payload.group.as_ref().is_some_and(|group| group.firing.is_some());
    for fact in payload.facts.iter().filter(|fact| fact.kind != Kind::Count || !is_counted) {
        let value = fact.at.map_or_else(|| fact.value.clone(), |at| local.iso(at));
        shown.insert(fact.kind.name().to_owned(), value.into());
        if fact.kind == Kind::Since && fact.at.is_none() {
            shown.insert("since_zone".to_owned(), "not said".into());
        }
    }
    shown.extend(payload.group.as_ref().map(|group| ("alerts".to_owned(), group_of(group).into())));
    shown.extend(payload.details.clone().map(|details| ("details".to_owned(), details)));
    if payload.left_out > 0 {
        shown.insert("details_left_out".to_owned(), payload.left_out.into());
    }
    // The title in PagerDuty's lists may say more than the part that the rule of the sender names.
    let what = payload.value(Kind::What);
    let title = alert.summary.as_deref().filter(|title| what.is_some_and(|what| what.trim() != title.trim()));
    shown.extend(title.map(|title| ("title".to_owned(), shorten(title).into())));
    let is_resolved = alert.status.as_deref() == Some("resolved");
    let remarks: Vec<_> =
        payload.remarks.iter().copied().filter(|remark| !is_resolved || *remark != STAYS_OPEN).collect();
    if !remarks.is_empty() {
        shown.insert("remarks".to_owned(), remarks.into());
    }
    shown
}

/// Returns the alerts within one event.
fn group_of(group: &Group) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.extend(group.firing.map(|count| ("firing".to_owned(), count.into())));
    shown.extend(group.resolved.map(|count| ("resolved".to_owned(), count.into())));
    let labels: Map<_, _> = group.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    if !labels.is_empty() {
        shown.insert("labels".to_owned(), labels.into());
    }
    if !group.instances.is_empty() {
        shown.insert("instances".to_owned(), group.instances.clone().into());
    }
    if group.more > 0 {
        shown.insert("more".to_owned(), group.more.into());
    }
    shown
}

/// Returns links for an answer.
pub(in crate::tools) fn links(links: &[Link]) -> Value {
    links.iter().map(shown_link).collect()
}

/// Returns the places in the event that the facts and links were read from.
fn sources(alert: &Alert) -> Value {
    let facts = alert.payload.facts.iter().map(|fact| (fact.kind.name().to_owned(), fact.from.as_str().into()));
    let facts: Map<_, _> = facts.collect();
    let links: Vec<_> = alert.payload.links.iter().map(|link| link.from.as_str()).collect();
    json!({"facts": facts, "links": links})
}

/// The most characters of a quotation in a line.
const MOST: usize = 120;

/// The places in a line.
const PLACES: &[(Kind, &str)] = &[
    (Kind::Host, "on"),
    (Kind::Service, "service"),
    (Kind::Cluster, "cluster"),
    (Kind::Namespace, "namespace"),
    (Kind::Region, "region"),
];

/// Returns an alert in a sentence.
pub(in crate::tools) fn line(alert: &Alert, local: &Local) -> String {
    let payload = &alert.payload;
    let value = |kind| payload.value(kind).map(|value| quoted(value, MOST));
    // The title says more than the name of the rule.
    let is_name = payload.value(Kind::What) == payload.value(Kind::Name);
    let what = payload.value(Kind::What).filter(|_| !is_name).or(alert.summary.as_deref());
    let what = what.map_or_else(|| "an alert without a title".to_owned(), |what| quoted(what, MOST));
    let sender = payload.sender.filter(|sender| !what.trim_start_matches('“').starts_with(sender));
    let mut line = sender.map(|sender| format!("{sender}: ")).unwrap_or_default() + &what;
    let mut add = |part: String| line = std::mem::take(&mut line) + ", " + &part;
    let mut places = PLACES.iter().filter_map(|(kind, word)| Some(format!("{word} {}", value(*kind)?))).peekable();
    let source = value(Kind::Source).filter(|_| places.peek().is_none()).map(|source| format!("source {source}"));
    places.chain(source).for_each(&mut add);
    match (severity(alert), alert.severity.as_deref()) {
        (Some(own), Some(severity)) => add(format!("severity {} (in PagerDuty: {severity})", quoted(own, MOST))),
        (Some(own), None) => add(format!("severity {}", quoted(own, MOST))),
        (None, Some(severity)) => add(format!("severity {severity}")),
        (None, None) => {}
    }
    if let Some(value) = value(Kind::Value) {
        add(format!("value {value}"));
    }
    let is_resolved = alert.status.as_deref() == Some("resolved");
    match payload.group.as_ref().filter(|_| !is_resolved).map(|group| (group.firing, group.resolved)) {
        Some((Some(firing), Some(resolved))) if resolved > 0 => add(format!("{firing} firing, {resolved} resolved")),
        Some((Some(firing), _)) if firing > 1 => add(format!("{firing} firing")),
        Some(_) => {}
        None if payload.group.is_some() => {}
        None => {
            if let Some(count) = value(Kind::Count) {
                add(format!("count {count}"));
            }
        }
    }
    add(since(alert, local));
    if is_resolved {
        let at = alert.resolved_at.map(|at| format!(" {}", local.text(at))).unwrap_or_default();
        add(format!("resolved{at}"));
    }
    line.push('.');
    line
}

/// Returns the sender's own word for the severity, if it differs from PagerDuty's.
fn severity(alert: &Alert) -> Option<&str> {
    let own = alert.payload.value(Kind::Severity)?;
    let is_same = alert.severity.as_deref().is_some_and(|severity| severity.eq_ignore_ascii_case(own));
    (!is_same).then_some(own)
}

/// Returns the start of the problem as far as the event has it.
fn since(alert: &Alert, local: &Local) -> String {
    let received = alert.created_at.map(|at| format!("received {}", local.text(at)));
    match alert.payload.fact(Kind::Since) {
        Some(fact) => match (fact.at, received) {
            (Some(at), _) => format!("since {}", local.text(at)),
            (None, Some(received)) => format!("since {} (zone not said; {received})", quoted(&fact.value, MOST)),
            (None, None) => format!("since {} (zone not said)", quoted(&fact.value, MOST)),
        },
        None => format!("start not said{}", received.map(|text| format!(" ({text})")).unwrap_or_default()),
    }
}
