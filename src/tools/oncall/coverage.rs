//! `check_coverage`.

use std::collections::BTreeSet;

use pagerduty_api::Resource;
use pagerduty_api::operations::escalation_policies::{GET_ESCALATION_POLICY, LIST_ESCALATION_POLICIES};
use pagerduty_api::operations::oncalls::LIST_ON_CALLS;
use pagerduty_api::operations::schedules::{GET_SCHEDULE, GET_SCHEDULE_V3};
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER};
use pagerduty_rows::fields::{Field, Selection, nested, plain, reference};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;

use super::findings::{Facts, Rotation};
use super::read::{self, MAX_POLICIES, Named, Policy, ServiceState};
use crate::client::{Query, may_be_other_kind};
use crate::error::{Error, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Model, Person, Schedule, ScheduleKind, Service, ShiftSchedule, Team};
use crate::params::{Ids, Moment, Range, When};
use crate::reply::Reply;
use crate::shifts::{Period, Shift};
use crate::tools::gather::{beside, side_by_side};
use crate::tools::times::{Local, Zone};
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

/// Returns the findings about policies, schedules and services.
pub(super) const CHECK_COVERAGE: Tool = Tool::new::<Params>(
    "check_coverage",
    About {
        title: "Check on-call coverage for gaps",
        description: "Is every shift covered: gaps in on-call rotas, empty levels, people on two levels, or who cannot be paged, clashes.",
        hint: "covered covering cover coverage gaps gap hole rota weekend",
    },
    &[
        &LIST_ON_CALLS,
        &LIST_ESCALATION_POLICIES,
        &GET_ESCALATION_POLICY,
        &GET_SERVICE,
        &GET_SCHEDULE,
        &GET_SCHEDULE_V3,
        &GET_USER,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, check_coverage),
);

crate::params! {
    struct Params {
        "Any of these four; none: my policies"
        team_ids: Ids<Team>,
        "Escalation policies"
        policy_ids: Ids<EscalationPolicy>,
        "Schedules"
        schedule_ids: Ids<Schedule>,
        "Services"
        service_ids: Ids<Service>,
        "ISO 8601, local without an offset; default now"
        since: Option<When>,
        "Default 7 days on"
        until: Option<When>,
        "IANA name; default mine"
        time_zone: Option<Zone>,
    }
}

const FINDINGS: Resource = Resource { noun: "finding", one: "finding", many: "findings", pages: &[] };

/// The days that are checked unless the caller gives an end.
const DAYS: i32 = 7;

/// The most objects of a kind that are read by ID for one answer.
const MOST: usize = 50;

async fn check_coverage(cx: Context, params: Params) -> Result<Reply> {
    let zone = params.time_zone.as_ref();
    let read = Local::read(&cx, zone, [params.since, params.until]).await?;
    let [since, until] = read.moments;
    let range = Range::of_shifts(since, until, DAYS)?;
    let (local, scope) = tokio::join!(read.local(&cx, zone), scope(&cx, &params, range));
    let mut scope = scope?;
    scope.warnings.extend(read.remarks);
    let period = Period::new(range.0.instant(), range.1.instant()).unwrap_or(Period::ALWAYS);
    let ids: Vec<_> = scope.policies.iter().filter_map(Policy::id).collect();
    let targets = scope.schedules();
    for target in scope.policies.iter().flat_map(|policy| &policy.levels).flat_map(|level| &level.targets) {
        if let (Some(kind), Some(id)) = (target.kind, Id::<Schedule>::parse(&target.named.id)) {
            let kinds = cx.api.schedule_kinds();
            if kinds.of(&id).is_none() {
                kinds.keep(&id, kind);
            }
        }
    }
    let (duties, members) = beside(&cx, read::duties_of(&cx, &ids, range), members(&cx, &targets)).await;
    let members = members.unwrap_or_else(|error| {
        let warning = format!("The rotations of schedules could not be fetched and were not checked: {error}");
        Members { found: Vec::new(), warnings: vec![warning] }
    });
    let (duties, warnings, unread) = match duties {
        Ok(duties) => duties,
        Err(error) if scope.rotations.iter().all(|rotation| rotation.shifts.is_none()) => return Err(error),
        Err(error) => {
            let warning = format!("The on-calls of the policies could not be fetched and were not checked: {error}");
            (Vec::new(), vec![warning], ids.iter().map(Id::to_string).collect())
        }
    };
    scope.warnings.extend(warnings);
    scope.warnings.extend(members.warnings);
    scope.policies.retain(|policy| !unread.contains(&policy.named.id));
    for (named, members) in members.found {
        match scope.rotations.iter_mut().find(|rotation| rotation.named.id == named.id) {
            Some(rotation) => rotation.members = members,
            None => scope.rotations.push(Rotation { named, members, ..Rotation::default() }),
        }
    }
    let direct = scope.policies.iter().flat_map(|policy| &policy.levels).flat_map(|level| &level.targets);
    let direct = direct.filter(|target| !target.is_schedule && !target.deleted).map(|target| target.named.id.clone());
    let shifts = scope.rotations.iter().flat_map(|rotation| rotation.shifts.iter().flatten());
    let on_call = duties.iter().map(|duty| &duty.of.user).chain(shifts.map(|shift| &shift.of));
    let users = on_call.filter(|user| !user.deleted).map(|user| user.id.clone()).chain(direct);
    let (reach, missing) = read::reach(&cx, users.collect::<BTreeSet<_>>(), &SetOnce::new()).await;
    scope.warnings.extend(missing);
    let checked = json!({"policies": scope.policies.len(), "schedules": scope.rotations.len(),
        "services": scope.services.len(), "users": reach.len()});
    let facts = Facts {
        range: period,
        policies: scope.policies,
        duties,
        rotations: scope.rotations,
        services: scope.services,
        reach,
    };
    let findings = facts.findings();
    let rows = findings.iter().map(|finding| Object::from_members(finding.shown(&local))).collect();
    let mut reply = cx.composed(&FINDINGS, rows, "team_ids, policy_ids, service_ids or schedule_ids");
    reply.set("since", local.iso(period.start()));
    reply.set("until", local.iso(period.end()));
    local.name_in(&mut reply);
    reply.set("checked", checked);
    let verdicts: Vec<_> = facts.policies.iter().map(|policy| facts.verdict(policy)).collect();
    if !verdicts.is_empty() {
        reply.set("reaches", verdicts);
    }
    if findings.is_empty() {
        let all = if scope.warnings.is_empty() { "" } else { " in what could be checked; see warnings" };
        reply.set("summary", format!("No findings{all}."));
    }
    Ok(reply.warned(scope.warnings))
}

/// The objects to check.
#[derive(Default)]
struct Scope {
    policies: Vec<Policy>,
    services: Vec<ServiceState>,
    /// The schedules that the caller named.
    rotations: Vec<Rotation>,
    warnings: Vec<String>,
    /// The first error.
    failure: Option<Error>,
}

impl Scope {
    /// Returns the schedules whose members matter.
    fn schedules(&self) -> Vec<Named> {
        let targets = self.policies.iter().flat_map(|policy| &policy.levels).flat_map(|level| &level.targets);
        let targets = targets.filter(|target| target.is_schedule && !target.deleted).map(|target| &target.named);
        let mut seen = BTreeSet::new();
        let all = targets.chain(self.rotations.iter().map(|rotation| &rotation.named));
        all.filter(|schedule| seen.insert(&schedule.id)).cloned().collect()
    }

    /// Adds a policy, unless it is there.
    fn add(&mut self, policy: Policy) {
        if !self.policies.iter().any(|known| known.named.id == policy.named.id) {
            self.policies.push(policy);
        }
    }

    /// Records a part that could not be read.
    fn lacks(&mut self, what: &str, error: Error) {
        self.warnings.push(format!("{what} could not be fetched and was not checked: {error}"));
        self.failure.get_or_insert(error);
    }
}

/// Reads the policies, services and schedules that the parameters name, side by side.
async fn scope(cx: &Context, params: &Params, range: (Moment, Moment)) -> Result<Scope> {
    let mut scope = Scope::default();
    let (teams, policies) = (params.team_ids.as_slice(), most(params.policy_ids.as_slice(), "policies", &mut scope));
    let services = most(params.service_ids.as_slice(), "services", &mut scope);
    let schedules = most(params.schedule_ids.as_slice(), "schedules", &mut scope);
    let named = policies.len() + services.len() + schedules.len() + usize::from(!teams.is_empty());
    let of_teams = async {
        match (teams.is_empty(), named) {
            (_, 0) => Some(read::own_policies(cx).await),
            (true, _) => None,
            (false, _) => Some(read::policies_of(cx, teams).await),
        }
    };
    let (of_teams, of_ids, of_services, rendered) = tokio::join!(
        of_teams,
        side_by_side(cx, policies.iter().map(|id| read::policy(cx, id))),
        side_by_side(cx, services.iter().map(|id| read::service(cx, id))),
        side_by_side(cx, schedules.iter().map(|id| cx.api.rendered(id, range.0, range.1))),
    );
    match of_teams {
        Some(Ok(policies)) => policies.into_iter().for_each(|policy| scope.add(policy)),
        Some(Err(error)) => scope.lacks("The list of policies", error),
        None => {}
    }
    for (id, policy) in policies.iter().zip(of_ids) {
        match policy {
            Ok(policy) => scope.add(policy),
            Err(error) => scope.lacks(&format!("Policy {id}"), error),
        }
    }
    for (id, service) in services.iter().zip(of_services) {
        match service {
            Ok(service) => scope.services.push(service),
            Err(error) => scope.lacks(&format!("Service {id}"), error),
        }
    }
    policies_of_services(cx, &mut scope).await;
    let mut found = Vec::new();
    for (id, rendered) in schedules.iter().zip(rendered) {
        match rendered {
            Ok(rendered) => found.push(rendered),
            Err(error) => scope.lacks(&format!("Schedule {id}"), error),
        }
    }
    // A call that could read nothing fails, since "No findings" would sound like a verdict.
    if let Some(error) = scope.failure.take().filter(|_| scope.policies.is_empty() && found.is_empty()) {
        return Err(error);
    }
    scope.warnings.extend(cx.api.name_turns(&mut found).await);
    for schedule in found {
        let named = Named { id: schedule.id, name: schedule.name };
        if schedule.turns.is_none() {
            scope.warnings.push(format!("PagerDuty did not render {}, so its gaps are not known.", named.label()));
        }
        let shift = |turn: crate::models::Turn| Some(Shift::new(Period::open(Some(turn.start), turn.end)?, turn.user?));
        let shifts = schedule.turns.map(|turns| turns.into_iter().filter_map(shift).collect());
        let policies = schedule.policies.into_iter().filter_map(|policy| policy.id).collect();
        scope.rotations.push(Rotation { named, members: Vec::new(), shifts, policies });
    }
    if scope.policies.len() > MAX_POLICIES {
        let (most, all) = (MAX_POLICIES, scope.policies.len());
        scope.warnings.push(format!("Only {most} of {all} policies were checked: pass policy_ids for the others."));
        scope.policies.truncate(MAX_POLICIES);
    }
    Ok(scope)
}

/// Returns at most as many IDs as one answer can cover, and records the rest as unchecked.
fn most<'i, M>(ids: &'i [Id<M>], many: &str, scope: &mut Scope) -> &'i [Id<M>] {
    if ids.len() > MOST {
        scope.warnings.push(format!("Only the first {MOST} of {} {many} were checked.", ids.len()));
    }
    ids.get(..ids.len().min(MOST)).unwrap_or_default()
}

/// Adds the policies of the services. PagerDuty sends them with the services; a policy of which only a reference came is
/// read by its ID.
async fn policies_of_services(cx: &Context, scope: &mut Scope) {
    let mut bare = Vec::new();
    for service in scope.services.clone() {
        match (service.policy, service.policy_id) {
            (Some(policy), _) => scope.add(policy),
            (None, Some(id)) => bare.push(id),
            (None, None) => {}
        }
    }
    for (id, policy) in bare.iter().zip(side_by_side(cx, bare.iter().map(|id| read::policy(cx, id))).await) {
        match policy {
            Ok(policy) => scope.add(policy),
            Err(error) => scope.lacks(&format!("Policy {id}"), error),
        }
    }
}

/// The users in the rotations of schedules.
#[derive(Default)]
struct Members {
    found: Vec<(Named, Vec<Person>)>,
    warnings: Vec<String>,
}

const LAYER: &[Field] = &[nested("users", &[plain("id"), plain("summary"), reference("user")])];
const LAYERS: &[Field] = &[nested("schedule_layers", LAYER)];
const MEMBER: &[Field] = &[plain("user_id")];
const STRATEGY: &[Field] = &[nested("members", MEMBER)];
const EVENT: &[Field] = &[nested("assignment_strategy", STRATEGY)];
const ROTATIONS: &[Field] = &[nested("rotations", &[nested("events", EVENT)])];

/// Reads the users in the rotations of schedules, side by side.
async fn members(cx: &Context, schedules: &[Named]) -> Members {
    let mut members = Members::default();
    if schedules.len() > MOST {
        members.warnings.push(format!("The rotations of {} schedules were not checked.", schedules.len() - MOST));
    }
    let schedules = schedules.get(..schedules.len().min(MOST)).unwrap_or_default();
    let ids: Vec<Id<Schedule>> = schedules.iter().filter_map(|schedule| Id::parse(&schedule.id)).collect();
    let read = side_by_side(cx, ids.iter().map(|id| rotation(cx, id))).await;
    let mut unnamed = BTreeSet::new();
    for (schedule, outcome) in schedules.iter().zip(read) {
        match outcome {
            Ok(people) => {
                unnamed.extend(people.iter().filter(|user| user.name.is_none()).map(|user| user.id.clone()));
                members.found.push((schedule.clone(), people));
            }
            Err(error) => {
                let name = schedule.label();
                members
                    .warnings
                    .push(format!("The rotation of {name} could not be fetched and was not checked: {error}"));
            }
        }
    }
    let (people, warnings) = cx.api.people(unnamed.iter().filter_map(|id| Id::parse(id))).await;
    members.warnings.extend(warnings);
    for user in members.found.iter_mut().flat_map(|(_, users)| users) {
        if let Some(person) = people.get(&user.id) {
            *user = person.clone();
        }
    }
    members
}

/// Reads the users of a schedule of either kind. A schedule of shifts has only their IDs.
async fn rotation(cx: &Context, id: &Id<Schedule>) -> Result<Vec<Person>> {
    let (layers, rotations) =
        (Selection::new(LAYERS.to_vec(), Schedule::FACTS), Selection::new(ROTATIONS.to_vec(), ShiftSchedule::FACTS));
    let shifts = cx.api.schedule_kinds().of(id) == Some(ScheduleKind::Shifts);
    if !shifts {
        match cx.api.one(id, Query::new(), &layers).await {
            Err(error) if may_be_other_kind(&error) => {}
            row => return Ok(people(&row?.shown.members())),
        }
    }
    Ok(people(&cx.api.one(&id.cast::<ShiftSchedule>(), Query::new(), &rotations).await?.shown.members()))
}

/// Returns the users of layers or of rotations.
fn people(schedule: &Map<String, Value>) -> Vec<Person> {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let schedule = Value::Object(schedule.clone());
    let of_layers = list(&schedule, "schedule_layers").into_iter().flat_map(|layer| list(&layer, "users"));
    let of_layers = of_layers.filter_map(|member| Person::from_reference(member.get("user").unwrap_or(&member)));
    let events = list(&schedule, "rotations").into_iter().flat_map(|rotation| list(&rotation, "events"));
    let members = events.flat_map(|event| list(event.get("assignment_strategy").unwrap_or(&Value::Null), "members"));
    let members = members.filter_map(|member| {
        let id = member.get("user_id")?.as_str()?.to_owned();
        Some(Person { id, ..Person::default() })
    });
    of_layers.chain(members).collect()
}
