//! Schedules of either kind: PagerDuty has separate endpoints for layer-based and shift-based ones, and a caller should
//! not have to know the kind of a schedule.

use std::collections::HashMap;
use std::sync::Mutex;

use pagerduty_api::operations::schedules::LIST_SCHEDULES;

use super::{Api, Query, Request};
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{Model, Rendered, Schedule, ScheduleKind, ShiftSchedule};
use crate::params::Moment;
use crate::sync::lock;

/// The most schedules whose kind is kept for one credential.
const MAX_KINDS: usize = 1_000;

/// The kinds of schedules by ID, learned from answers.
///
/// The kind only determines the endpoint of the first request, since an upgraded schedule keeps its ID.
#[derive(Debug, Default)]
pub struct Kinds(Mutex<HashMap<String, ScheduleKind>>);

impl Kinds {
    /// Returns the kind of a schedule, if it is known.
    pub fn of<M>(&self, id: &Id<M>) -> Option<ScheduleKind> {
        lock(&self.0).get(id.as_str()).copied()
    }

    /// Keeps the kind of a schedule.
    pub fn keep<M>(&self, id: &Id<M>, kind: ScheduleKind) {
        let mut kinds = lock(&self.0);
        if kinds.len() >= MAX_KINDS {
            kinds.clear();
        }
        kinds.insert(id.to_string(), kind);
    }
}

impl Api {
    /// Counts the layer-based schedules that have `name` in their name.
    /// <https://developer.pagerduty.com/docs/pagination>
    pub async fn count_schedules(&self, name: Option<&str>) -> Result<usize> {
        let query = Query::new().with("query", name).with("limit", Some(1)).with("total", Some(true));
        let request = Request::new(&LIST_SCHEDULES, query);
        let page = self.page::<Schedule>(&request, &Schedule::facts_only()).await?;
        page.total.ok_or_else(|| self.unexpected(&request, "total: missing"))
    }

    /// Returns the kinds of schedules that are known.
    #[must_use]
    pub fn schedule_kinds(&self) -> &Kinds {
        &self.account.schedule_kinds
    }

    /// Reads the turns of a schedule of either kind over a range. In a schedule of shifts, users have no names:
    /// [`Api::name_turns`] adds them.
    ///
    /// If the kind is not known, both endpoints get a request at the same time, so it takes one round trip.
    pub async fn rendered(&self, id: &Id<Schedule>, since: Moment, until: Moment) -> Result<Rendered> {
        let rendered = match self.schedule_kinds().of(id) {
            Some(ScheduleKind::Layers) => first(self.layers(id, since, until), self.shifts(id, since, until)).await,
            Some(ScheduleKind::Shifts) => first(self.shifts(id, since, until), self.layers(id, since, until)).await,
            None => either(self.layers(id, since, until), self.shifts(id, since, until)).await,
        }?;
        self.schedule_kinds().keep(id, rendered.kind);
        Ok(rendered)
    }

    async fn layers(&self, id: &Id<Schedule>, since: Moment, until: Moment) -> Result<Rendered> {
        let query = Query::new().with("since", Some(since)).with("until", Some(until));
        Ok(self.one(id, query, &Schedule::facts_only()).await?.facts.rendered())
    }

    async fn shifts(&self, id: &Id<Schedule>, since: Moment, until: Moment) -> Result<Rendered> {
        let query = Query::new().with("since", Some(since)).with("until", Some(until));
        let query = query.with_all("include", &["final_schedule"]);
        Ok(self.one(&id.cast::<ShiftSchedule>(), query, &ShiftSchedule::facts_only()).await?.facts.rendered())
    }

    /// Adds the names of users to turns that have only their IDs. Returns a warning for each reason why names are missing.
    pub async fn name_turns<'r>(&self, rendered: impl IntoIterator<Item = &'r mut Rendered>) -> Vec<String> {
        let mut rendered: Vec<_> = rendered.into_iter().collect();
        let ids: Vec<Id<_>> = rendered.iter().flat_map(|one| one.unnamed()).filter_map(Id::parse).collect();
        let (people, warnings) = self.people(ids).await;
        for one in &mut rendered {
            one.name_users(&people);
        }
        warnings
    }
}

/// Returns whether an error may mean that a schedule is of the other kind.
#[must_use]
pub fn may_be_other_kind(error: &Error) -> bool {
    matches!(error.http_status(), Some(400 | 404))
}

/// Reads a schedule from the endpoint of its expected kind, and from the other one if it is not there.
async fn first<T>(expected: impl Future<Output = Result<T>>, other: impl Future<Output = Result<T>>) -> Result<T> {
    match expected.await {
        Err(error) if may_be_other_kind(&error) => or(error, other.await),
        outcome => outcome,
    }
}

/// Reads a schedule from both endpoints at once. The first answer with the schedule counts.
async fn either<T>(layers: impl Future<Output = Result<T>>, shifts: impl Future<Output = Result<T>>) -> Result<T> {
    let (mut layers, mut shifts) = (std::pin::pin!(layers), std::pin::pin!(shifts));
    tokio::select! {
        outcome = &mut layers => match outcome {
            Err(error) => or(error, shifts.await),
            found => found,
        },
        outcome = &mut shifts => match (outcome, layers) {
            (Err(error), layers) => match layers.await {
                Err(first) => or(first, Err(error)),
                found => found,
            },
            (found, _) => found,
        },
    }
}

/// Returns the outcome of the second endpoint, unless it does not have the schedule either.
fn or<T>(error: Error, second: Result<T>) -> Result<T> {
    match second {
        Err(second) if may_be_other_kind(&second) || !may_be_other_kind(&error) => Err(error),
        second => second,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::auth::Credential;
    use crate::client::Client;
    use crate::config::{Config, Host};
    use crate::error::Code;
    use crate::pagination::ListRequest;
    use crate::sandbox::{Fault, FaultKind, Options, Sandbox, tokens};

    async fn start() -> (Sandbox, Api) {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let mut config = Config::from_lookup(|_| None).unwrap();
        config.host = Host::parse(sandbox.url()).unwrap();
        let api = Arc::new(Client::new(&config)).with(Credential::new(tokens::USER.into(), "a test"));
        (sandbox, api)
    }

    fn refused(path: &str, code: u16) -> Fault {
        Fault { times: 9, ..Fault::once(path, FaultKind::Status { code, headers: [].into(), body: None }) }
    }

    fn range() -> [Moment; 2] {
        let now = jiff::Timestamp::now();
        [0, 14].map(|days| Moment::parse(&(now + jiff::SignedDuration::from_hours(24 * days)).to_string()).unwrap())
    }

    #[tokio::test]
    async fn turns_of_either_kind_take_one_round_trip() {
        let (_first, api) = start().await;
        let [since, until] = range();
        let layers = api.list::<Schedule>(Query::new(), ListRequest::all(), &Schedule::facts_only()).await.unwrap();
        let all = ShiftSchedule::facts_only();
        let shifts = api.list::<ShiftSchedule>(Query::new(), ListRequest::all(), &all).await.unwrap();
        let layers: Id<Schedule> = layers.rows.first().and_then(|row| Id::parse(row.facts.id()?)).unwrap();
        let shifts: Id<Schedule> = shifts.rows.first().and_then(|row| Id::parse(row.facts.id()?)).unwrap();

        for (id, kind) in [(&layers, ScheduleKind::Layers), (&shifts, ScheduleKind::Shifts)] {
            let mut found = api.rendered(id, since, until).await.unwrap();
            assert_eq!(found.kind, kind);
            assert!(!found.turns.as_ref().unwrap().is_empty() && found.name.is_some() && found.time_zone.is_some());
            assert_eq!(found.unnamed().next().is_some(), kind == ScheduleKind::Shifts);
            assert_eq!(api.name_turns([&mut found]).await, Vec::<String>::new());
            assert_eq!(found.unnamed().count(), 0);
        }

        let (sandbox, api) = start().await;
        for (id, kind) in [(&layers, ScheduleKind::Layers), (&shifts, ScheduleKind::Shifts)] {
            api.schedule_kinds().keep(id, kind);
            let before = sandbox.requests().len();
            assert_eq!(api.rendered(id, since, until).await.unwrap().kind, kind);
            assert_eq!(sandbox.requests().len(), before + 1, "the kind is known");
        }

        api.schedule_kinds().keep(&layers, ScheduleKind::Shifts);
        assert_eq!(api.rendered(&layers, since, until).await.unwrap().kind, ScheduleKind::Layers, "it was wrong");
    }

    #[tokio::test]
    async fn failure_of_the_right_endpoint_is_reported() {
        let (sandbox, api) = start().await;
        let [since, until] = range();
        let unknown = Id::parse("PNOSUCH").unwrap();
        assert_eq!(api.rendered(&unknown, since, until).await.unwrap_err().code(), Code::NotFound);
        for path in ["/v3/schedules/{id}", "/schedules/{id}"] {
            sandbox.clear();
            sandbox.fail(refused(path, 403));
            let error = api.rendered(&unknown, since, until).await.unwrap_err();
            assert_eq!(error.code(), Code::PermissionDenied, "{path}: it may be there");
        }
    }

    #[tokio::test]
    async fn users_are_read_once_and_the_deleted_are_marked() {
        let (sandbox, api) = start().await;
        let me = api.me().await.unwrap();
        let gone = Id::parse("PGONE").unwrap();
        let before = sandbox.requests().len();
        let ids = || [me.id.clone(), gone.clone(), me.id.clone()];
        let (people, warnings) = api.people(ids()).await;
        assert_eq!(people[me.id.as_str()].name.as_deref(), Some(me.name.as_str()));
        assert!(people["PGONE"].deleted && !people[me.id.as_str()].deleted && warnings.is_empty(), "{warnings:?}");
        api.people(ids()).await;
        assert_eq!(sandbox.requests().len(), before + 2);

        sandbox.fail(refused("/users/{id}", 403));
        let (people, warnings) = api.people(["PX1", "PX2"].map(|id| Id::parse(id).unwrap())).await;
        assert!(
            people.is_empty() && warnings.concat().starts_with("The data of user PX1 and 1 others"),
            "{warnings:?}"
        );
    }
}
