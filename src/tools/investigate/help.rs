//! `who_can_help`: the users to ask about an incident.

mod people;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Resource;
use pagerduty_api::operations::changes::{LIST_INCIDENT_RELATED_CHANGE_EVENTS, LIST_SERVICE_CHANGE_EVENTS};
use pagerduty_api::operations::incidents::{GET_INCIDENT, GET_PAST_INCIDENTS, LIST_INCIDENTS};
use pagerduty_api::operations::log_entries::LIST_NOTIFICATIONS;
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER, LIST_USERS, USERS};
use pagerduty_rows::object::Object;
use tokio::sync::SetOnce;

use super::changes;
use super::similar::BY_WORDS;
use super::similar::read::Finder;
use crate::client::Query;
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{Change, EscalationPolicy, Incident, Model, Notification, Service};
use crate::pagination::{End, ListRequest};
use crate::params::{Flag, Limit, Moment};
use crate::reply::Reply;
use crate::shifts::Shift;
use crate::tools::gather::{in_time, side_by_side};
use crate::tools::oncall::read::{Duty, duties, reach};
use crate::tools::subject::Subject;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};
use people::{Helper, helpers};

/// Returns the users to ask about an incident.
pub(super) const WHO_CAN_HELP: Tool = Tool::new::<Params>(
    "who_can_help",
    About {
        title: "Experts who can help",
        description: "Experts to ask about an incident, best first: who knows the service, is awake, on call, fixed it before, made the \
                      change.",
        hint: "expert experts knows sme help awake bring in ask service",
    },
    &[
        &GET_INCIDENT,
        &GET_PAST_INCIDENTS,
        &LIST_INCIDENTS,
        &LIST_INCIDENT_RELATED_CHANGE_EVENTS,
        &LIST_SERVICE_CHANGE_EVENTS,
        &LIST_ON_CALLS,
        &LIST_USERS,
        &GET_USER,
        &LIST_NOTIFICATIONS,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, who_can_help),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Only where it is day"
        awake_only: Flag<false>,
        "Max results, default 100"
        limit: Option<Limit>,
    }
}

/// The rows of the answer.
const HELPERS: Resource = Resource { noun: "helper", one: "helper", many: "helpers", pages: &[] };

/// The most past incidents whose resolvers are counted.
const MAX_PAST: usize = 100;

/// The most incidents of the service that are compared by words.
const MAX_COMPARED: usize = 300;

/// The time before an incident in which changes of its service are read.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// The most changes of the service.
const MAX_CHANGES: usize = 20;

/// The most authors of changes that are looked up.
const MAX_AUTHORS: usize = 5;

/// The time before now in which the last page of a user is searched for.
const PAGES: SignedDuration = SignedDuration::from_hours(24);

/// The most notifications of the account that are read.
const MAX_PAGES: usize = 500;

async fn who_can_help(cx: Context, params: Params) -> Result<Reply> {
    let (subject, late) = (SetOnce::new(), SetOnce::new());
    let id = if params.incident_id.is_number() {
        let known = Subject::read(&cx, &params.incident_id).await?;
        let id = known.id.clone();
        let _ = subject.set(known);
        id
    } else {
        params.incident_id.clone()
    };
    let main = async {
        if subject.get().is_none() {
            let _ = subject.set(Subject::read(&cx, &id).await?);
        }
        let _ = late.set(cx.api.grace());
        Ok(())
    };
    let finder = Finder::new(&cx, &id, &subject, MAX_COMPARED);
    let past = async {
        let mut past = finder.past(Some(MAX_PAST)).await?;
        finder.endings_of(&mut past).await?;
        Ok(past)
    };
    let parts = async {
        Ok(tokio::join!(
            in_time(past, &late),
            in_time(on_call(&cx, &subject), &late),
            in_time(changes::of_incident(&cx, &id), &late),
            in_time(changes_of_service(&cx, &subject), &late),
            Local::of(&cx, None),
        ))
    };
    let ((), (past, on_call, related, of_service, local)) = tokio::try_join!(main, Box::pin(parts))?;
    let subject = subject.wait().await;
    let now = cx.api.now_there();
    let mut unread = Unread::default();
    let past = unread.take("past incidents", past);
    let on_call = unread.take("on-call users", on_call);
    let mut changed: Vec<Change> = unread.take("related changes", related);
    let more = unread.take("changes of the service", of_service).into_iter();
    let more: Vec<_> = more.filter(|one| !changed.iter().any(|known| known.id == one.id)).collect();
    changed.extend(more);
    if unread.failures == 4 {
        return Err(unread.error.unwrap_or_else(|| Error::new(crate::error::Code::Internal, "no part failed")));
    }
    let until = SetOnce::new_with(Some(cx.api.grace()));
    let users = async {
        let authors = in_time(async { Ok(authors(&cx, &changed).await) }, &until).await;
        let found: Vec<Helper> =
            helpers(subject, &on_call, &past, &changed, authors.as_ref().unwrap_or(&HashMap::new()), now);
        let ids = found.iter().map(|one| one.person.id.clone());
        // The authors of changes may have taken all of the time.
        let until = if authors.is_ok() { until.clone() } else { SetOnce::new_with(Some(cx.api.grace())) };
        let (users, warnings) = reach(&cx, ids, &until).await;
        (authors, found, users, warnings)
    };
    let ((authors, mut found, users, warnings), pages) =
        tokio::join!(Box::pin(users), in_time(last_pages(&cx, now), &until));
    unread.warnings.extend(warnings);
    unread.take("authors of changes", authors);
    let pages = unread.take("notifications", pages);
    for one in &mut found {
        one.complete(users.get(&one.person.id), &pages, now);
    }
    found.retain(|one| !one.person.deleted);
    let me = cx.api.user_id();
    for one in &mut found {
        one.is_caller = me.as_deref() == Some(one.person.id.as_str());
    }
    found.sort_by_key(|one| (one.is_at_work(), std::cmp::Reverse(one.points())));
    let all = found.len();
    if params.awake_only.is_on() {
        found.retain(|one| one.is_awake != Some(false));
    }
    let asleep = all - found.len();
    let limit = params.limit.map_or(Limit::DEFAULT, Limit::get);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let rows = found.iter().map(|one| Object::from_members(one.shown(&local, now))).collect();
    let mut reply = cx.composed(&HELPERS, rows, "awake_only or limit");
    if has_more {
        reply.set("has_more", true);
    }
    reply.set("incident", subject.label());
    local.name_in(&mut reply);
    if asleep > 0 {
        reply.set("left_out_asleep", asleep);
    }
    let by_words = finder.is_by_words().then(|| BY_WORDS.to_owned());
    Ok(reply.warned(by_words).warned(unread.warnings))
}

/// The failures of parts.
#[derive(Default)]
struct Unread {
    warnings: Vec<String>,
    failures: usize,
    error: Option<Error>,
}

impl Unread {
    /// Returns what was read. A failure is a warning.
    fn take<T: Default>(&mut self, what: &str, part: Result<T>) -> T {
        part.unwrap_or_else(|error| {
            self.failures += 1;
            self.warnings.push(format!("The {what} could not be read: {error}"));
            self.error.get_or_insert(error);
            T::default()
        })
    }
}

/// Reads the users on call of the incident's policy.
async fn on_call(cx: &Context, subject: &SetOnce<Subject>) -> Result<Vec<Shift<Duty>>> {
    let policy = subject.wait().await.policy.as_ref();
    let now = cx.api.now_there();
    let Some(policy) = policy.and_then(|policy| Id::<EscalationPolicy>::parse(&policy.id)) else {
        return Ok(Vec::new());
    };
    let query = Query::new().with_all("escalation_policy_ids", &[policy]);
    let range = (Moment::at(now), Moment::at(now + SignedDuration::from_mins(1)));
    Ok(duties(cx, query, range).await?.0)
}

/// Reads the changes of the incident's service since the day before it.
async fn changes_of_service(cx: &Context, subject: &SetOnce<Subject>) -> Result<Vec<Change>> {
    let subject = subject.wait().await;
    let now = cx.api.now_there();
    let service = subject.service.as_ref().and_then(|service| Id::<Service>::parse(&service.id));
    let Some((service, at)) = service.zip(subject.created_at) else { return Ok(Vec::new()) };
    let range = (Moment::at(at - BEFORE), Moment::at(now));
    changes::of_service(cx, &service, range, MAX_CHANGES).await
}

/// Returns the IDs of the users who made changes, by the text that names them in a change.
///
/// A text that names no user, or several, is left out: it may belong to a robot.
async fn authors(cx: &Context, changes: &[Change]) -> HashMap<String, String> {
    let mut texts: Vec<_> = changes.iter().filter_map(|change| change.author.clone()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.truncate(MAX_AUTHORS);
    let found = side_by_side(cx, texts.iter().map(|text| cx.api.named(&USERS, text))).await;
    let ids = texts.into_iter().zip(found).filter_map(|(text, found)| Some((text, found.ok()?.id.clone())));
    ids.collect()
}

/// Returns the time of the last page of each user, and whether all pages of that time were read.
async fn last_pages(cx: &Context, now: Timestamp) -> Result<(HashMap<String, Timestamp>, bool)> {
    let range = Query::new().with("since", Some(now - PAGES)).with("until", Some(now));
    let wanted = ListRequest { limit: MAX_PAGES, ..ListRequest::all() };
    let listing = cx.api.list::<Notification>(range, wanted, &Notification::facts_only()).await?;
    let mut last: HashMap<String, Timestamp> = HashMap::new();
    for page in listing.rows.iter().map(|row| &row.facts) {
        if let Some((user, at)) = page.user.as_ref().zip(page.at) {
            let known = last.entry(user.id.clone()).or_insert(at);
            *known = at.max(*known);
        }
    }
    Ok((last, listing.end == End::Complete))
}
