//! Adds, changes and removes overrides and custom shifts of schedules of either kind.
//!
//! PagerDuty has no key that identifies a request to add one. After a lost response, those of the period are listed and
//! compared by user, times and place.

use jiff::Timestamp;
use pagerduty_api::Operation;
use pagerduty_api::operations::schedules::{
    CREATE_CUSTOM_SHIFTS, CREATE_OVERRIDES, CREATE_SCHEDULE_OVERRIDE, DELETE_CUSTOM_SHIFT, DELETE_OVERRIDE,
    DELETE_SCHEDULE_OVERRIDE, GET_CUSTOM_SHIFT, GET_OVERRIDE, LIST_CUSTOM_SHIFTS, LIST_OVERRIDES,
    LIST_SCHEDULE_OVERRIDES, UPDATE_CUSTOM_SHIFT, UPDATE_OVERRIDE,
};
use pagerduty_rows::decode::text;
use pagerduty_rows::facts;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::{Changed, Seen, Verify};
use crate::client::accounts::memory::{Earlier, Outcome};
use crate::client::decode::{self, Unreadable};
use crate::client::request::Write;
use crate::client::{Api, Query, Request};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Cover, Model, NewCover, Place, Row, Schedule};
use crate::pagination::{self, ListRequest};

/// The number of times that an earlier write is verified before it is sent once more: enough to find one that was queued
/// for seconds.
const VERIFICATIONS_BEFORE_REPEAT: u32 = 6;

/// The kinds of overrides and custom shifts, each with separate endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverKind {
    /// Overrides of a schedule of layers.
    Layers,
    /// Overrides of a schedule of shifts.
    Shifts,
    /// Custom shifts.
    Extra,
}

/// The operations of a kind.
struct Operations {
    list: &'static Operation,
    create: &'static Operation,
    remove: &'static Operation,
    /// Reads and changes a single one. A schedule of layers has neither.
    single: Option<[&'static Operation; 2]>,
}

impl CoverKind {
    fn of(place: &Place) -> Self {
        match place {
            Place::Layers => Self::Layers,
            Place::Rotation { .. } | Place::CustomShift { .. } => Self::Shifts,
            Place::Extra => Self::Extra,
        }
    }

    const fn operations(self) -> Operations {
        let (list, create, remove, single) = match self {
            Self::Layers => (&LIST_SCHEDULE_OVERRIDES, &CREATE_SCHEDULE_OVERRIDE, &DELETE_SCHEDULE_OVERRIDE, None),
            Self::Shifts => {
                (&LIST_OVERRIDES, &CREATE_OVERRIDES, &DELETE_OVERRIDE, Some([&GET_OVERRIDE, &UPDATE_OVERRIDE]))
            }
            Self::Extra => {
                let single = Some([&GET_CUSTOM_SHIFT, &UPDATE_CUSTOM_SHIFT]);
                (&LIST_CUSTOM_SHIFTS, &CREATE_CUSTOM_SHIFTS, &DELETE_CUSTOM_SHIFT, single)
            }
        };
        Operations { list, create, remove, single }
    }

    /// Returns the name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layers | Self::Shifts => "override",
            Self::Extra => "custom_shift",
        }
    }

    /// Returns the keys of one and of several in bodies.
    const fn keys(self) -> (&'static str, &'static str) {
        match self {
            Self::Layers | Self::Shifts => ("override", "overrides"),
            Self::Extra => ("custom_shift", "custom_shifts"),
        }
    }
}

/// The outcome of adding several.
#[derive(Debug)]
pub struct Added {
    /// The ID of each, or why PagerDuty refused it, in the order in which they were given.
    pub outcomes: Vec<Result<String, String>>,
    /// Additional information for the caller.
    pub warning: Option<String>,
    /// Set if an earlier call added them, so that nothing was sent.
    pub earlier: bool,
}

impl Api {
    /// Waits until no other call with this credential changes who is on call on a schedule, and prevents others from
    /// changing it until the returned guard is dropped.
    ///
    /// PagerDuty accepts overrides that overlap, and lets one of them win. So the schedule is read and changed under one
    /// guard.
    pub async fn hold_schedule(&self, schedule: &Id<Schedule>) -> OwnedMutexGuard<()> {
        self.account.memory.lock(&format!("{schedule} who is on call")).await
    }

    /// Returns whether the removal of an override or custom shift was sent before.
    #[must_use]
    pub fn has_removed(&self, schedule: &Id<Schedule>, id: &Id<Cover>) -> bool {
        self.account.memory.was_removed(&removal(schedule, id))
    }

    /// Lists the overrides or custom shifts of a schedule in a range, with their whole periods.
    pub async fn covers(
        &self,
        schedule: &Id<Schedule>,
        kind: CoverKind,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Cover>> {
        let operation = kind.operations().list;
        let query = Query::new().with("since", Some(since)).with("until", Some(until)).with("overflow", Some(true));
        let selection = Cover::facts_only();
        let rows = if kind == CoverKind::Layers {
            self.page_below::<Cover, _>(operation, schedule, query, &selection).await?.rows
        } else {
            let page = |offset, size| {
                let query = query.clone().with("limit", Some(size)).with("offset", Some(offset));
                let request = Request::on(operation, schedule, query);
                async move { self.page::<Cover>(&request, &Cover::facts_only()).await }
            };
            let room = || self.account.rate.room();
            pagination::collect(ListRequest::all(), Vec::new(), room, page).await?.into_rows()
        };
        Ok(rows.into_iter().filter_map(|row| row.ok().map(|row: Row<Cover>| row.facts)).collect())
    }

    /// Reads an override or custom shift of a schedule of shifts by its ID. Returns `None` if there is neither.
    pub async fn cover(&self, schedule: &Id<Schedule>, id: &Id<Cover>) -> Result<Option<(CoverKind, Cover)>> {
        for kind in [CoverKind::Shifts, CoverKind::Extra] {
            match self.cover_of(schedule, kind, id).await {
                Ok(cover) => return Ok(Some((kind, cover))),
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn cover_of(&self, schedule: &Id<Schedule>, kind: CoverKind, id: &Id<Cover>) -> Result<Cover> {
        let [get, _] = kind.operations().single.unwrap_or([&GET_OVERRIDE, &UPDATE_OVERRIDE]);
        let request = Request::below(get, schedule, id, Query::new());
        self.send(&request, |body| Ok(decode::one::<Cover>(body, kind.keys().0, &Cover::facts_only())?.facts)).await
    }

    /// Adds overrides, or custom shifts, which all belong to one endpoint. `key` is the same for an identical call.
    pub async fn add_covers(&self, schedule: &Id<Schedule>, covers: &[NewCover], key: &str) -> Result<Added> {
        let Some(kind) = covers.first().map(|cover| CoverKind::of(&cover.place)) else {
            return Ok(Added { outcomes: Vec::new(), warning: None, earlier: false });
        };
        let (_, many) = kind.keys();
        let hint = format!(
            "Check before making it again: get_schedules with schedule_id={schedule}, since and until shows who is on call. \
             Calling again is safe, too: it checks first."
        );
        let write = Write {
            gerund: if kind == CoverKind::Extra { "adding the custom shift to" } else { "adding the override to" },
            hint,
            key: format!("{schedule} {many} {key}"),
        };
        let body = json!({many: covers.iter().map(NewCover::body).collect::<Vec<_>>()});
        let request = Request::on(kind.operations().create, schedule, Query::new()).writing(body, None, write);
        let changed = self.write(&request, NewCovers { schedule, kind, covers, verified: 0 }).await?;
        let outcomes = outcomes(&changed.shown);
        Ok(Added { outcomes, warning: changed.warning, earlier: changed.earlier })
    }

    /// Changes an override or custom shift of a schedule of shifts. Only what is given changes.
    pub async fn change_cover(
        &self,
        schedule: &Id<Schedule>,
        kind: CoverKind,
        id: &Id<Cover>,
        to: CoverChange,
    ) -> Result<Option<String>> {
        let [_, update] = kind.operations().single.unwrap_or([&GET_OVERRIDE, &UPDATE_OVERRIDE]);
        let hint = format!("Check it: get_schedules with schedule_id={schedule}. Calling again is safe, too.");
        let key = format!("{schedule} {id} {to:?}");
        let write = Write { gerund: "changing", hint, key };
        let body = json!({kind.keys().0: to.body(kind)});
        let request = Request::below(update, schedule, id, Query::new()).writing(body, None, write);
        Ok(self.write(&request, Changing { schedule, kind, id, to }).await?.warning)
    }

    /// Removes an override or custom shift that ends at `end`. PagerDuty ends a running one now.
    pub async fn remove_cover(
        &self,
        schedule: &Id<Schedule>,
        kind: CoverKind,
        id: &Id<Cover>,
        end: Option<Timestamp>,
    ) -> Result<Option<String>> {
        let hint = format!("Check it: get_schedules with schedule_id={schedule}. Calling again is safe, too.");
        let write = Write { gerund: "removing", hint, key: removal(schedule, id) };
        self.account.memory.removes(removal(schedule, id));
        let request =
            Request::below(kind.operations().remove, schedule, id, Query::new()).writing(Value::Null, None, write);
        Ok(self.write(&request, Removal { schedule, kind, id, end }).await?.warning)
    }
}

/// Returns the key of the removal of an override or custom shift.
fn removal(schedule: &Id<Schedule>, id: &Id<Cover>) -> String {
    format!("{schedule} {id} removed")
}

/// The parts of an override or custom shift to change.
#[derive(Clone, Debug, Default)]
pub struct CoverChange {
    /// The start.
    pub start: Option<Timestamp>,
    /// The end.
    pub end: Option<Timestamp>,
    /// The ID of the user.
    pub user: Option<String>,
}

impl CoverChange {
    fn body(&self, kind: CoverKind) -> Value {
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
        set("start_time", self.start.map(|at| json!(at)));
        set("end_time", self.end.map(|at| json!(at)));
        let member = self.user.as_ref().map(|id| json!({"type": "user_member", "user_id": id}));
        if kind == CoverKind::Extra {
            let assigned = member.map(|member| json!([{"type": "shift_assignment", "member": member}]));
            set("assignments", assigned);
        } else {
            set("overriding_member", member);
        }
        body.into()
    }

    /// Returns whether nothing changes.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.user.is_none()
    }

    fn is_made(&self, cover: &Cover) -> bool {
        self.start.is_none_or(|at| cover.start == Some(at))
            && self.end.is_none_or(|at| cover.end == Some(at))
            && self.user.as_ref().is_none_or(|id| cover.user.as_ref().is_some_and(|user| user.id == *id))
    }
}

/// The member of the result of [`NewCovers`] with the outcome of each: its ID, or an object with the reason.
const OUTCOMES: &str = "outcomes";

fn outcomes(shown: &Object) -> Vec<Result<String, String>> {
    let members = shown.members();
    let all = members.get(OUTCOMES).and_then(Value::as_array).into_iter().flatten();
    let refused = |item: &Value| item["refused"].as_str().unwrap_or_default().to_owned();
    all.map(|item| item.as_str().map(str::to_owned).ok_or_else(|| refused(item))).collect()
}

fn shown(outcomes: Vec<Result<String, String>>) -> Object {
    let item = |outcome: Result<String, String>| outcome.map_or_else(|why| json!({"refused": why}), Value::from);
    let outcomes: Value = outcomes.into_iter().map(item).collect();
    Object::from_members(Map::from_iter([(OUTCOMES.to_owned(), outcomes)]))
}

/// Overrides or custom shifts that are being added.
struct NewCovers<'c> {
    schedule: &'c Id<Schedule>,
    kind: CoverKind,
    covers: &'c [NewCover],
    /// The number of verifications so far.
    verified: u32,
}

impl NewCovers<'_> {
    /// Searches for them, and returns the ID of each that exists.
    async fn find(&self, api: &Api) -> Result<Vec<Option<String>>> {
        let since = self.covers.iter().map(|cover| cover.start).min().unwrap_or_default();
        let until = self.covers.iter().map(|cover| cover.end).max().unwrap_or_default();
        let known = api.covers(self.schedule, self.kind, since, until).await?;
        let id = |new: &NewCover| known.iter().find(|known| new.is(known)).and_then(|known| known.id.clone());
        Ok(self.covers.iter().map(id).collect())
    }
}

/// Returns the outcomes if all are known.
fn complete(found: &[Option<String>]) -> Option<Object> {
    let found: Option<Vec<_>> = found.iter().cloned().collect();
    found.map(|found| shown(found.into_iter().map(Ok).collect()))
}

impl Verify for NewCovers<'_> {
    /// A schedule of layers has an outcome for each one. For a schedule of shifts, success applies to all.
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable> {
        let because = |why: &str| Unreadable::because(why.to_owned());
        let body = facts::parse(&text(body)).ok_or_else(|| because("it is not JSON"))?;
        let (one, many) = self.kind.keys();
        let items = if self.kind == CoverKind::Layers { Some(&body) } else { body.get(many) };
        let items = items.and_then(Value::as_array).ok_or_else(|| because("it has no list of what was created"))?;
        if items.len() != self.covers.len() {
            return Err(because("it does not have an entry for each"));
        }
        let outcome = |item: &Value| {
            let object = if self.kind == CoverKind::Layers { item.get(one) } else { Some(item) };
            if let Some(id) = object.and_then(|object| object.get("id")?.as_str()) {
                return Ok(Ok(id.to_owned()));
            }
            let errors = item.get("errors").and_then(Value::as_array).into_iter().flatten();
            let errors: Vec<_> = errors.filter_map(Value::as_str).collect();
            let refused = item.get("status").and_then(Value::as_f64).is_some_and(|status| status >= 400.0);
            if refused || !errors.is_empty() { Ok(Err(errors.join("; "))) } else { Err(because("an entry has no id")) }
        };
        items.iter().map(outcome).collect::<Result<_, _>>().map(shown)
    }

    async fn verify(&mut self, api: &Api, _: Instant, _: &Error) -> Seen {
        self.verified += 1;
        let found = match self.find(api).await {
            Ok(found) => found,
            Err(error) => return Seen::Unknown(format!("reading them failed: {}", error.message())),
        };
        let done = |shown| Seen::Done(Changed::new(shown));
        if let Some(all) = complete(&found) {
            return done(all);
        }
        if self.verified > 1 && found.iter().any(Option::is_some) {
            // PagerDuty decides about all of them at once, so the others will not follow.
            let refused = || "PagerDuty did not confirm it, and it is not on the schedule".to_owned();
            return done(shown(found.into_iter().map(|id| id.ok_or_else(refused)).collect()));
        }
        Seen::NotYet(format!("the schedule does not have the {} so far", self.kind.keys().0.replace('_', " ")))
    }

    async fn made_earlier(&mut self, api: &Api, request: &Request, earlier: &Earlier) -> Result<Option<Object>> {
        let most = if matches!(earlier.outcome, Outcome::Unknown) { VERIFICATIONS_BEFORE_REPEAT } else { 1 };
        let mut verified = 1;
        loop {
            match self.find(api).await.map(|found| complete(&found)) {
                Ok(Some(shown)) => return Ok(Some(shown)),
                Ok(None) if !api.verify_again(verified, most).await => return Ok(None),
                Ok(None) => verified += 1,
                Err(error) => {
                    let why = format!(
                        "an identical call sent it {} s ago and its outcome is not known; reading the schedule failed, so \
                         it was not sent again: {}",
                        earlier.sent.elapsed().as_secs(),
                        error.message()
                    );
                    let hint = request.write.as_ref().map_or_else(String::new, |write| write.hint.clone());
                    return Err(Error::new(Code::OutcomeUnknown, why).hint(hint));
                }
            }
        }
    }

    fn repeat_warning(&self, earlier: &Earlier) -> Option<String> {
        let ago = earlier.sent.elapsed().as_secs();
        matches!(earlier.outcome, Outcome::Unknown).then(|| {
            format!(
                "An identical call sent this change {ago} s ago, and its outcome is not known. It was not on the schedule, \
                 so it was made now; the earlier one may still appear, with the same person and times."
            )
        })
    }
}

/// A change of an override or custom shift.
struct Changing<'c> {
    schedule: &'c Id<Schedule>,
    kind: CoverKind,
    id: &'c Id<Cover>,
    to: CoverChange,
}

impl Verify for Changing<'_> {
    fn decode(&self, body: &[u8]) -> Result<Object, Unreadable> {
        let cover = decode::one::<Cover>(body, self.kind.keys().0, &Cover::facts_only())?.facts;
        let unseen = || Unreadable::because("it does not show the change".to_owned());
        self.to.is_made(&cover).then(nothing).ok_or_else(unseen)
    }

    async fn verify(&mut self, api: &Api, _: Instant, _: &Error) -> Seen {
        match api.cover_of(self.schedule, self.kind, self.id).await {
            Ok(cover) if self.to.is_made(&cover) => Seen::Done(Changed::new(nothing())),
            Ok(_) => Seen::NotYet("it is as it was".to_owned()),
            Err(error) if error.code() == Code::NotFound => Seen::Refused(error),
            Err(error) => Seen::Unknown(format!("reading it failed: {}", error.message())),
        }
    }
}

/// The removal of an override or custom shift.
struct Removal<'c> {
    schedule: &'c Id<Schedule>,
    kind: CoverKind,
    id: &'c Id<Cover>,
    /// Its end.
    end: Option<Timestamp>,
}

impl Removal<'_> {
    /// Returns whether it is gone, or over.
    async fn is_done(&self, api: &Api) -> Result<bool> {
        let now = Timestamp::now();
        let cover = if self.kind == CoverKind::Layers {
            // A single one cannot be read. Removing it leaves at most a part that is over.
            let year = now + jiff::SignedDuration::from_hours(24 * 365);
            let until = self.end.filter(|end| *end > now).unwrap_or(year);
            let all = api.covers(self.schedule, self.kind, now, until).await?;
            all.into_iter().find(|cover| cover.id() == Some(self.id.as_str()))
        } else {
            match api.cover_of(self.schedule, self.kind, self.id).await {
                Ok(cover) => Some(cover),
                Err(error) if error.code() == Code::NotFound => None,
                Err(error) => return Err(error),
            }
        };
        Ok(cover.is_none_or(|cover| cover.end.is_some_and(|end| end <= now + CLOCKS)))
    }
}

/// The time by which PagerDuty's clock may be ahead.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

impl Verify for Removal<'_> {
    /// The response has no content, or the part of a running override that is over.
    fn decode(&self, _: &[u8]) -> Result<Object, Unreadable> {
        Ok(nothing())
    }

    async fn verify(&mut self, api: &Api, _: Instant, _: &Error) -> Seen {
        match self.is_done(api).await {
            Ok(true) => Seen::Done(Changed::new(nothing())),
            Ok(false) => Seen::NotYet("it is still there".to_owned()),
            Err(error) => Seen::Unknown(format!("reading it failed: {}", error.message())),
        }
    }
}

/// Returns the result of a write that leaves no object to show.
fn nothing() -> Object {
    Object::from_members(Map::new())
}
