//! `wait_for`: waits until something happens to an incident, or until a new one is triggered.

pub(in crate::tools) mod pace;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use pagerduty_api::operations::alerts::LIST_INCIDENT_ALERTS;
use pagerduty_api::operations::incidents::{GET_INCIDENT, LIST_INCIDENTS};
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Service, Team};
use crate::params::{Choice, Choices, Form, Ids, Limit, Moment, Param, given, shorten};
use crate::reply::Reply;
use crate::tools::subject::Subject;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};
use pace::Pace;
use watch::{Happened, Watch};

/// Waits for an event.
pub(super) const WAIT_FOR: Tool = Tool::new::<Params>(
    "wait_for",
    About {
        title: "Watch an incident until it changes",
        description: "Watch an incident and tell me when it is acknowledged, resolved or changes; without one, the next new \
                      incident; some minutes.",
        hint: "wait watch watching tell me when resolved acknowledged until keep notify",
    },
    &[&LIST_INCIDENTS, &GET_INCIDENT, &LIST_INCIDENT_LOG_ENTRIES, &LIST_INCIDENT_ALERTS, &GET_CURRENT_USER],
    |cx, arguments| run(cx, arguments, wait_for),
)
.waiting(LONGEST);

/// The longest wait. Some clients end a call after five minutes.
pub(in crate::tools) const LONGEST: Duration = Duration::from_mins(4);

/// The events to wait for.
#[derive(Clone, Copy, Debug)]
struct Events;

/// A new incident, the only event without an incident's ID.
const NEW_INCIDENT: &str = "new_incident";

impl Choice for Events {
    const WORDS: &'static [&'static str] = &[
        "acknowledged",
        "resolved",
        "triggered_again",
        "new_alert",
        "new_note",
        "responder_joined",
        "escalated",
        NEW_INCIDENT,
    ];
}

crate::params! {
    struct Params {
        "ID or number; none: new_incident"
        incident_id: Option<Id<Incident>>,
        "Default all"
        until: Choices<Events>,
        "For new_incident; default mine"
        team_ids: Ids<Team>,
        "new_incident: services"
        service_ids: Ids<Service>,
        "since of the previous answer, to go on"
        since: Option<Marker>,
        "At most 4"
        minutes: Option<Limit>,
    }
}

/// The place in a list at which a call continues: a time, and the IDs of what was seen at it.
#[derive(Clone, Debug)]
pub struct Place {
    at: Timestamp,
    seen: Vec<String>,
}

/// The places at which a call continues, in each list that it reads.
#[derive(Clone, Debug)]
pub struct Marker {
    /// The log, or the incidents.
    main: Place,
    /// The alerts of the incident.
    alerts: Place,
}

impl Param for Marker {
    const FORM: Form = Form::Text;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let text = value.as_str().unwrap_or_default();
        let (main, alerts) = text.split_once(ALERTS).map_or((text, None), |(main, alerts)| (main, Some(alerts)));
        let places = Place::parse(main).and_then(|main| {
            let alerts = alerts.map_or_else(|| Some(Place::new(main.at)), Place::parse)?;
            Some(Self { main, alerts })
        });
        places.ok_or_else(|| {
            let message = format!("{name} is {}, which does not begin with a time", shorten(&value.to_string()));
            Error::new(Code::InvalidTimestamp, message)
                .hint("Pass the since of the previous answer as it is, or leave it out.")
        })
    }
}

/// The text between the two places of a marker.
const ALERTS: &str = " alerts ";

impl Place {
    fn new(at: Timestamp) -> Self {
        Self { at, seen: Vec::new() }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace();
        let at = parts.next().and_then(Moment::parse).map(Moment::instant)?;
        Some(Self { at, seen: parts.map(str::to_owned).collect() })
    }

    fn shown(&self) -> String {
        let seen: String = self.seen.iter().flat_map(|id| [" ", id.as_str()]).collect();
        format!("{}{seen}", self.at)
    }

    /// Records what was seen at a time.
    fn pass(&mut self, at: Timestamp, id: &str) {
        if at > self.at {
            *self = Self::new(at);
        }
        if at == self.at {
            self.seen.push(id.to_owned());
        }
    }
}

impl Marker {
    fn new(at: Timestamp) -> Self {
        Self { main: Place::new(at), alerts: Place::new(at) }
    }

    fn shown(&self) -> String {
        let Self { main, alerts } = self;
        if main.at == alerts.at && alerts.seen.is_empty() {
            return main.shown();
        }
        format!("{}{ALERTS}{}", main.shown(), alerts.shown())
    }
}

/// The requests that follow soon after the beginning, when something may have been done that has an effect.
const FIRST: usize = 4;

/// The requests that follow soon after something happened.
const AFTER_EVENT: usize = 3;

/// The longest time of a request.
pub(in crate::tools) const REQUEST: Duration = Duration::from_secs(10);

async fn wait_for(cx: Context, params: Params) -> Result<Reply> {
    let began = Instant::now();
    check(&params)?;
    let asked = params
        .minutes
        .map(|minutes| Duration::from_mins(1).saturating_mul(minutes.get().try_into().unwrap_or(u32::MAX)));
    let too_long = asked.filter(|asked| *asked > LONGEST).map(|_| "A call waits at most 4 minutes.".to_owned());
    let asked = asked.map(|asked| asked.min(LONGEST));
    let end = asked.map_or(cx.waits_until, |asked| cx.waits_until.min(began + asked));
    let mut pace = Pace::default();
    // The time zone of the user may take a request, too.
    pace.note(began);
    let (watch, local) = if params.incident_id.is_some() {
        tokio::join!(begin(&cx, &params, &mut pace), Local::of(&cx, None))
    } else {
        // The first response shows PagerDuty's time, from which incidents are new.
        let local = Local::of(&cx, None).await;
        (begin(&cx, &params, &mut pace).await, local)
    };
    let mut watch = watch?;
    if params.since.is_none() {
        pace.hurry(FIRST);
    }
    let mut is_over = watch.is_over();
    // Events since the previous call are there already, in each source.
    let mut is_due = params.since.is_some();
    if is_due {
        watch.catch_up();
    }
    while !is_over {
        let now = Instant::now();
        let at = if is_due { now } else { pace.next(now, watch.next_action(cx.api.now_there())) };
        if at >= end {
            sleep_until(end).await;
            break;
        }
        sleep_until(at).await;
        pace.note(Instant::now());
        let within = end.min(Instant::now() + REQUEST);
        let seen = timeout_at(within, watch.look(&cx.api.once(within), &local)).await;
        is_due &= watch.is_behind() && matches!(seen, Ok(Ok(_)));
        match seen {
            Ok(Ok(true)) => pace.hurry(AFTER_EVENT),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) if !error.is_retryable() => return Err(error),
            Ok(Err(error)) => {
                let wait = error.retry_after_seconds().map(Duration::from_secs);
                pace.hold(Instant::now() + wait.unwrap_or_default());
            }
        }
        if !watch.is_behind() {
            watch.settle();
        }
        is_over = watch.is_over() && !watch.is_behind();
    }
    let failure = watch.failure();
    let warning = failure.map(|error| format!("The last request failed, so the newest events may be missing: {error}"));
    let warning = warning.into_iter().chain(too_long);
    Ok(answer(&mut watch, &local, cx.api.now_there(), began.elapsed())
        .warned(warning)
        .warned(params.until.warning("until")))
}

/// Checks that the parameters fit each other.
fn check(params: &Params) -> Result<()> {
    let conflict = |message: String, hint: &str| Err(Error::new(Code::ConflictingParameters, message).hint(hint));
    let filters = given!(params, [team_ids, service_ids]);
    let filter = filters.iter().find(|(_, is_given)| *is_given).map(|(name, _)| *name);
    let words = params.until.words();
    match (&params.incident_id, filter) {
        (Some(_), Some(filter)) => conflict(
            format!("incident_id cannot be combined with {filter}"),
            "Pass incident_id alone, or leave it out.",
        ),
        (Some(_), None) if words == [NEW_INCIDENT] => {
            conflict("until is new_incident, which needs no incident_id".to_owned(), "Leave incident_id out.")
        }
        (None, _) if words.iter().any(|word| *word != NEW_INCIDENT) => {
            let words: Vec<_> = words.iter().filter(|word| **word != NEW_INCIDENT).copied().collect();
            conflict(
                format!("until is {}, which needs incident_id", words.join(", ")),
                "Pass incident_id, or until=new_incident.",
            )
        }
        _ => Ok(()),
    }
}

async fn begin(cx: &Context, params: &Params, pace: &mut Pace) -> Result<Watch> {
    let Some(id) = &params.incident_id else {
        pace.note(Instant::now());
        let teams = params.team_ids.as_slice();
        let services = params.service_ids.as_slice();
        return Watch::of_account(cx, teams, services, params.since.clone()).await;
    };
    pace.note(Instant::now());
    let subject = Subject::read(cx, id).await?;
    let words: Vec<_> = params.until.words().iter().copied().filter(|word| *word != NEW_INCIDENT).collect();
    Ok(Watch::of_incident(cx, subject, &words, params.since.clone()))
}

/// The most events of an answer.
const MAX_EVENTS: usize = 50;

fn answer(watch: &mut Watch, local: &Local, now: Timestamp, waited: Duration) -> Reply {
    let mut fields = Map::new();
    let seconds = waited.as_secs();
    let awaited = watch.words.join(", ");
    let Happened { words, line, events } = watch.happened();
    fields.insert("happened".to_owned(), words.into());
    fields.insert(
        "line".to_owned(),
        line.unwrap_or_else(|| format!("Awaited and not seen in {seconds} s: {awaited}.")).into(),
    );
    if watch.was_so {
        fields.insert("already".to_owned(), true.into());
        let state = watch.subject().and_then(|subject| subject.state(local, now));
        fields.extend(state.map(|state| ("state".to_owned(), state.into())));
    }
    fields.insert("waited_seconds".to_owned(), seconds.into());
    let skipped = events.len().saturating_sub(MAX_EVENTS);
    let shown = events.iter().skip(skipped).map(|event| {
        let mut shown = Map::from_iter([
            ("at".to_owned(), Value::from(local.iso(event.at))),
            ("line".to_owned(), event.line.as_str().into()),
        ]);
        shown.extend(event.incident.clone().map(|incident| ("incident".to_owned(), incident)));
        Value::Object(shown)
    });
    fields.insert("events".to_owned(), shown.collect());
    if let Some(subject) = watch.subject() {
        let status = subject.status.as_deref();
        fields.insert(
            "incident".to_owned(),
            json!({"id": subject.id.as_str(), "number": subject.number, "status": status}),
        );
    }
    fields.insert("since".to_owned(), watch.marker().shown().into());
    if watch.can_go_on() {
        fields.insert("go_on".to_owned(), "To wait on, call again with this since.".into());
    }
    fields.insert("time_zone".to_owned(), local.name().into());
    let left = (skipped > 0).then(|| format!("{skipped} earlier events are left out: see get_timeline."));
    Reply::flat(fields).warned(local.warning()).warned(left)
}
