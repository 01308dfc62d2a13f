//! `get_incident_brief`: all that matters about one incident, in one answer.

mod compose;
mod gather;
mod items;

use std::fmt::Write;

use pagerduty_api::operations::alerts::LIST_INCIDENT_ALERTS;
use pagerduty_api::operations::automations::{
    LIST_AUTOMATION_ACTIONS, LIST_INVOCATIONS, LIST_MEMORIES, LIST_WORKFLOW_TRIGGERS,
};
use pagerduty_api::operations::changes::{LIST_INCIDENT_RELATED_CHANGE_EVENTS, LIST_SERVICE_CHANGE_EVENTS};
use pagerduty_api::operations::dependencies::{
    GET_BUSINESS_SERVICE, GET_IMPACTS, GET_INCIDENT_IMPACTS, GET_TECHNICAL_SERVICE_DEPENDENCIES,
};
use pagerduty_api::operations::escalation_policies::GET_ESCALATION_POLICY;
use pagerduty_api::operations::incidents::{
    GET_INCIDENT, GET_PAST_INCIDENTS, GET_RELATED_INCIDENTS, LIST_INCIDENT_NOTES, LIST_INCIDENTS,
};
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::maintenance::LIST_MAINTENANCE_WINDOWS;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::Incident;
use crate::params::{Choice, Choices, Form, Moment, Param, When, shorten};
use crate::reply::Reply;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};
use compose::{Draft, Part};
use gather::{Gathered, gather};
use items::Frame;

/// Returns the brief of an incident.
pub(super) const GET_INCIDENT_BRIEF: Tool = Tool::new::<Params>(
    "get_incident_brief",
    About {
        title: "Everything about one incident",
        description: "Everything about one incident in one answer (what is going on): alerts, changes, who is on it, timeline, notes, \
                      similar incidents, impact, runbooks. Start here.",
        hint: "what is going on with incident everything about summary overview brief details context at once",
    },
    &[
        &GET_INCIDENT,
        &LIST_INCIDENT_ALERTS,
        &LIST_INCIDENT_LOG_ENTRIES,
        &LIST_INCIDENT_NOTES,
        &LIST_INCIDENT_RELATED_CHANGE_EVENTS,
        &LIST_SERVICE_CHANGE_EVENTS,
        &GET_PAST_INCIDENTS,
        &GET_RELATED_INCIDENTS,
        &LIST_INCIDENTS,
        &GET_INCIDENT_IMPACTS,
        &LIST_ON_CALLS,
        &GET_ESCALATION_POLICY,
        &GET_TECHNICAL_SERVICE_DEPENDENCIES,
        &GET_SERVICE,
        &GET_IMPACTS,
        &GET_BUSINESS_SERVICE,
        &LIST_MAINTENANCE_WINDOWS,
        &LIST_WORKFLOW_TRIGGERS,
        &LIST_AUTOMATION_ACTIONS,
        &LIST_INVOCATIONS,
        &LIST_MEMORIES,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, get_incident_brief),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Default all"
        parts: Choices<Parts>,
        "Only what is new after this ISO 8601 time: as_of of the previous brief"
        since: Option<When>,
        "From 500 to 20000, default 3000"
        max_tokens: Option<Tokens>,
    }
}

/// The parts that a brief has.
#[derive(Debug)]
struct Parts;

impl Choice for Parts {
    const WORDS: &'static [&'static str] = &[
        Part::Alerts.name(),
        Part::Changes.name(),
        Part::Oncall.name(),
        Part::Notes.name(),
        Part::Similar.name(),
        Part::Impact.name(),
        Part::Service.name(),
        Part::Related.name(),
        Part::Timeline.name(),
        Part::Automation.name(),
        Part::Memories.name(),
    ];
}

/// The size of a brief in tokens.
#[derive(Clone, Copy, Debug)]
struct Tokens(usize);

impl Tokens {
    const LEAST: usize = 500;
    const MOST: usize = 20_000;
    const DEFAULT: Self = Self(3_000);
}

impl Param for Tokens {
    const FORM: Form = Form::Integer;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.filter(|number| (Self::LEAST..=Self::MOST).contains(number)).map(Self).ok_or_else(|| {
            let message = format!("{name} is {}", shorten(&value.to_string()));
            Error::new(Code::InvalidParameter, message).hint(format!(
                "Pass a whole number from {} to {}.",
                Self::LEAST,
                Self::MOST
            ))
        })
    }
}

/// The parts that have something new. The others describe a state.
const NEWS: [Part; 5] = [Part::Alerts, Part::Changes, Part::Notes, Part::Related, Part::Timeline];

async fn get_incident_brief(cx: Context, params: Params) -> Result<Reply> {
    let began = Instant::now();
    let read = Local::read(&cx, None, [params.since]).await?;
    let [since] = read.moments.map(|moment| moment.map(Moment::instant));
    let words = params.parts.words();
    let wants = |part: Part| match (words, since) {
        ([], None) => true,
        ([], Some(_)) => NEWS.contains(&part),
        (words, _) => words.contains(&part.name()),
    };
    let wanted: Vec<_> = Part::ALL.into_iter().filter(|part| wants(*part)).collect();
    let Gathered { subject, local, read: parts, mut warnings } =
        gather(&cx, &params.incident_id, &wanted, since, &read).await?;
    // Events during the requests are new to the next brief.
    let now = cx.api.time_there(began);
    let frame = Frame { subject: &subject, local: &local, now, since };
    let mut draft = Draft { headline: frame.headline(), ..Draft::default() };
    let unread = parts.items(&frame, &wanted, &mut draft.items, &mut warnings);
    warnings.extend(unread);
    warnings.extend(read.remarks);
    warnings.extend(params.parts.warning("parts"));
    if since.is_some_and(|since| since > now) {
        warnings.push(format!("since is in the future: PagerDuty's clock shows {}.", local.text(now)));
    }
    draft.warnings.clone_from(&warnings);
    draft.members.insert("incident".to_owned(), frame.incident());
    draft.members.insert("as_of".to_owned(), local.iso(now).into());
    draft.members.insert("time_zone".to_owned(), local.name().into());
    if let Some(since) = since
        && draft.items.is_empty()
    {
        let _ = write!(draft.headline, " Nothing new after {}.", local.text(since));
    }
    let most = params.max_tokens.unwrap_or(Tokens::DEFAULT).0;
    let most = cx.budget().left().map_or(most, |left| most.min(left));
    Ok(Reply::flat(draft.within(most)).warned(warnings))
}
