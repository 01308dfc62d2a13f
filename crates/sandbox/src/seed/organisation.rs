//! Makes teams, people, schedules, policies and services of the tables.

use std::sync::Arc;

use jiff::civil::Time;
use jiff::{Span, Timestamp};

use super::Dice;
use super::alarms::{CLOUDWATCH, DATADOG, EMAIL, PROMETHEUS, Source};
use super::company::{self, Rota, TEAMS, TeamPlan};
use super::people::{COLORS, DESCRIPTIONS, JOB_TITLES, PEOPLE};
use crate::account::{
    ContactMethod, Integration, Kind, Layer, Membership, NotificationRule, Policy, Priority, Restriction, Rule,
    Schedule, Service, Shift, Target, Team, Urgency, User,
};
use crate::time::{Zone, earlier, later};

/// All that does not change.
pub struct Organisation {
    pub current: Arc<User>,
    pub teamless: Arc<User>,
    pub read_only: Arc<User>,
    pub teams: Vec<Arc<Team>>,
    pub users: Vec<Arc<User>>,
    pub schedules: Vec<Arc<Schedule>>,
    pub policies: Vec<Arc<Policy>>,
    pub services: Vec<Arc<Service>>,
    pub priorities: Vec<Arc<Priority>>,
    /// Every service as often as its share of the incidents.
    pub load: Vec<Arc<Service>>,
}

impl Organisation {
    /// PagerDuty lists everything but incidents by name.
    pub fn sort_by_name(&mut self) {
        self.teams.sort_by_key(|team| team.name);
        self.users.sort_by_key(|user| user.name);
        self.schedules.sort_by(|one, other| one.name.cmp(&other.name));
        self.policies.sort_by(|one, other| one.name.cmp(&other.name));
        self.services.sort_by_key(|service| service.name);
    }
}

pub fn found(dice: &mut Dice, now: Timestamp) -> Organisation {
    let teams = teams(dice);
    let Staff { current, teamless, read_only, users } = staff(dice, &teams);
    let mut all = Organisation {
        current,
        teamless,
        read_only,
        teams,
        users,
        schedules: Vec::new(),
        policies: Vec::new(),
        services: Vec::new(),
        priorities: priorities(dice),
        load: Vec::new(),
    };
    for (number, (plan, team)) in TEAMS.iter().zip(all.teams.clone()).enumerate() {
        let members: Vec<_> = all.users.iter().filter(|user| user.is_in(&team)).cloned().collect();
        let primary = Arc::new(primary_schedule(dice, plan, &team, &members, now));
        // Not every team has people enough for a second rotation.
        let secondary = (number < 8).then(|| secondary_schedule(dice, plan, &team, &members, now));
        // One schedule is of the newer kind.
        let secondary = secondary.map(|schedule| Arc::new(Schedule { shift_based: number == 1, ..schedule }));
        let second = secondary.clone().map(Target::Schedule).or_else(|| user_target(&members, 1));
        let urgent =
            Arc::new(urgent_policy(dice, plan, &team, Target::Schedule(Arc::clone(&primary)), second, &members));
        let patient = Arc::new(patient_policy(dice, plan, &team, Target::Schedule(Arc::clone(&primary)), &members));
        all.schedules.push(primary);
        all.schedules.extend(secondary);
        let services = services(dice, plan, &team, &urgent, &patient, now);
        all.load.extend(services.iter().flat_map(|service| std::iter::repeat_n(Arc::clone(service), plan.load)));
        all.services.extend(services);
        all.policies.extend([urgent, patient]);
    }
    let policy = Arc::new(vendor_policy(dice, &all.teamless));
    let (name, description) = company::VENDOR_SERVICE;
    let service = Service { team: None, ..service(dice, (name, description), &policy, None, "high", now) };
    all.policies.push(policy);
    all.services.push(Arc::new(service));
    all
}

fn teams(dice: &mut Dice) -> Vec<Arc<Team>> {
    TEAMS.iter().fold(Vec::new(), |mut teams: Vec<Arc<Team>>, plan| {
        let parent = teams.iter().find(|team| Some(team.name) == plan.parent).cloned();
        teams.push(Arc::new(Team { id: dice.object_id(), name: plan.name, description: plan.description, parent }));
        teams
    })
}

struct Staff {
    current: Arc<User>,
    teamless: Arc<User>,
    read_only: Arc<User>,
    users: Vec<Arc<User>>,
}

fn staff(dice: &mut Dice, teams: &[Arc<Team>]) -> Staff {
    let mut people = PEOPLE.iter();
    let mut hire = |dice: &mut Dice, role, teams: &[(&Arc<Team>, &'static str)]| {
        let person = people.next().copied().unwrap_or_default();
        Arc::new(user(dice, person, role, teams))
    };
    let hers: Vec<_> = teams.iter().take(2).map(|team| (team, "manager")).collect();
    let current = hire(dice, "user", &hers);
    let teamless = hire(dice, "limited_user", &[]);
    let observed: Vec<_> = teams.iter().skip(2).take(1).map(|team| (team, "observer")).collect();
    let read_only = hire(dice, "read_only_user", &observed);
    let mut users = vec![Arc::clone(&current), Arc::clone(&teamless), Arc::clone(&read_only)];
    for number in 0..PEOPLE.len() - users.len() {
        let role = match number {
            0 => "owner",
            1..4 => "admin",
            _ => "user",
        };
        let in_team = if number < teams.len() { "manager" } else { "responder" };
        let own = teams.iter().cycle().skip(number).take(1).map(|team| (team, in_team));
        // Every fourth helps out in another team.
        let other =
            teams.iter().cycle().skip(number + 5).take(usize::from(number % 4 == 3)).map(|team| (team, "responder"));
        let memberships: Vec<_> = own.chain(other).collect();
        users.push(hire(dice, role, &memberships));
    }
    Staff { current, teamless, read_only, users }
}

const EMAIL_METHOD: Kind = Kind { whole: "email_contact_method", reference: "email_contact_method_reference" };
const PHONE_METHOD: Kind = Kind { whole: "phone_contact_method", reference: "phone_contact_method_reference" };
const SMS_METHOD: Kind = Kind { whole: "sms_contact_method", reference: "sms_contact_method_reference" };

fn user(
    dice: &mut Dice,
    (name, mailbox): (&'static str, &str),
    role: &'static str,
    teams: &[(&Arc<Team>, &'static str)],
) -> User {
    let email = format!("{mailbox}@acme.example");
    // Numbers that are reserved for fiction.
    let phone = format!("20255501{:02}", dice.below(100));
    let methods = [
        (EMAIL_METHOD, "Default", email.clone()),
        (PHONE_METHOD, "Work", phone.clone()),
        (SMS_METHOD, "Mobile", phone),
    ];
    let count = 1 + usize::from(dice.happens(85)) + usize::from(dice.happens(50));
    let contact_methods: Vec<_> = methods
        .into_iter()
        .take(count)
        .map(|(kind, label, address)| ContactMethod { id: dice.object_id(), kind, label, address })
        .collect();
    let rules = contact_methods.iter().zip([
        ("0 minutes: channel PAGERDUTY", 0, Urgency::Low),
        ("0 minutes: channel PAGERDUTY", 0, Urgency::High),
        ("5 minutes: channel PAGERDUTY", 5, Urgency::High),
    ]);
    let notification_rules = rules
        .map(|(method, (summary, delay_in_minutes, urgency))| NotificationRule {
            id: dice.object_id(),
            summary,
            delay_in_minutes,
            urgency,
            contact_method: method.id.clone(),
        })
        .collect();
    let first_team = teams.first().map(|(team, _)| team.name);
    let zone = TEAMS.iter().find(|plan| Some(plan.name) == first_team).map_or(company::HOME, |plan| plan.zone);
    User {
        id: dice.object_id(),
        name,
        email,
        time_zone: zone,
        color: dice.word(COLORS),
        role,
        job_title: dice.word(JOB_TITLES),
        description: dice.happens(20).then(|| dice.word(DESCRIPTIONS)),
        memberships: teams.iter().map(|(team, role)| Membership { team: Arc::clone(team), role }).collect(),
        contact_methods,
        notification_rules,
    }
}

fn priorities(dice: &mut Dice) -> Vec<Arc<Priority>> {
    let priority = |(name, description)| Arc::new(Priority { id: dice.object_id(), name, description });
    let table = [
        ("P1", "Customers cannot buy"),
        ("P2", "Many customers notice"),
        ("P3", "Some customers notice"),
        ("P4", "Only we notice"),
        ("P5", "Nobody notices yet"),
    ];
    table.into_iter().map(priority).collect()
}

const OFFICE_HOURS: Restriction = Restriction { from_hour: 9, hours: 8 };

/// A team's first rotation. Its first member has the turn that is going on now.
fn primary_schedule(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    members: &[Arc<User>],
    now: Timestamp,
) -> Schedule {
    let zone = Zone::named(plan.zone);
    let all = Rotation { members, on_call_now: 0, turn_in_days: 7 };
    let layers = match plan.rota {
        Rota::Weekly => vec![all.layer(dice, "Weekly", &zone, now)],
        Rota::WeeklyWithoutId => vec![Layer { id: None, ..all.layer(dice, "Weekly", &zone, now) }],
        Rota::OfficeHours => {
            vec![Layer { restriction: Some(OFFICE_HOURS), ..all.layer(dice, "Office hours", &zone, now) }]
        }
        Rota::DayAndNight => {
            let days = Rotation { on_call_now: 1, turn_in_days: 1, ..all };
            let day = Layer { restriction: Some(OFFICE_HOURS), ..days.layer(dice, "Day", &zone, now) };
            vec![day, all.layer(dice, "Night", &zone, now)]
        }
    };
    let overrides = overrides(members, now).into_iter().flatten().collect();
    schedule(dice, plan, team, "Primary", layers, overrides)
}

/// A team's second rotation, a day each.
fn secondary_schedule(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    members: &[Arc<User>],
    now: Timestamp,
) -> Schedule {
    let rotation = Rotation { members, on_call_now: 1, turn_in_days: 1 };
    let layer = rotation.layer(dice, "Daily", &Zone::named(plan.zone), now);
    schedule(dice, plan, team, "Secondary", vec![layer], Vec::new())
}

fn schedule(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    kind: &str,
    layers: Vec<Layer>,
    overrides: Vec<Shift>,
) -> Schedule {
    Schedule {
        id: dice.object_id(),
        name: format!("{} {kind}", plan.name),
        description: format!("{kind} on-call rotation of {}", plan.name),
        zone: Zone::named(plan.zone),
        team: Arc::clone(team),
        layers,
        overrides,
        shift_based: false,
    }
}

#[derive(Clone, Copy)]
struct Rotation<'a> {
    members: &'a [Arc<User>],
    on_call_now: i64,
    turn_in_days: i64,
}

impl Rotation<'_> {
    /// A layer that began half a year ago, or a little earlier so that the turn falls to the right member now.
    fn layer(self, dice: &mut Dice, name: &'static str, zone: &Zone, now: Timestamp) -> Layer {
        let count = i64::try_from(self.members.len()).unwrap_or(1).max(1);
        let rounds = 180 / (self.turn_in_days * count) + 1;
        let turns = rounds * count + self.on_call_now;
        let start = handoff(zone, now, self.turn_in_days, turns).unwrap_or(now);
        let users = self.members.to_vec();
        Layer { id: Some(dice.object_id()), name, start, turn_in_days: self.turn_in_days, users, restriction: None }
    }
}

/// The hand-off so many turns before the one that was last: at nine in the morning, and on a Monday where turns are
/// weeks.
fn handoff(zone: &Zone, now: Timestamp, turn_in_days: i64, turns: i64) -> Option<Timestamp> {
    let local = now.to_zoned(zone.rules.clone());
    let since_monday = i64::from(local.date().weekday().to_monday_zero_offset());
    let day = local.date().checked_sub(Span::new().days(since_monday % turn_in_days)).ok()?;
    let nine = |day: jiff::civil::Date| day.to_datetime(Time::constant(9, 0, 0, 0)).to_zoned(zone.rules.clone()).ok();
    let last = if nine(day)?.timestamp() > now { day.checked_sub(Span::new().days(turn_in_days)).ok()? } else { day };
    Some(nine(last.checked_sub(Span::new().days(turns * turn_in_days)).ok()?)?.timestamp())
}

/// Somebody stood in yesterday, and somebody will tomorrow. Nothing about now changes.
fn overrides(members: &[Arc<User>], now: Timestamp) -> [Option<Shift>; 2] {
    let hour = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap_or(now);
    let hours = |hours: i64| Span::new().hours(hours);
    let shift = |user: Option<&Arc<User>>, start, end| Some(Shift { user: Arc::clone(user?), start, end });
    [
        shift(members.get(2), earlier(hour, hours(30)), earlier(hour, hours(22))),
        shift(members.get(3), later(hour, hours(20)), later(hour, hours(28))),
    ]
}

/// A member in person; of a small team, its last.
fn user_target(members: &[Arc<User>], number: usize) -> Option<Target> {
    members.get(number).or(members.last()).cloned().map(Target::User)
}

/// For what cannot wait: the first rotation, then the second or somebody in person, then who leads the team.
fn urgent_policy(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    first: Target,
    second: Option<Target>,
    members: &[Arc<User>],
) -> Policy {
    let levels = [(15, Some(first)), (20, second), (30, user_target(members, 0))];
    let rules = levels.into_iter().filter_map(|(delay, target)| Some(rule(dice, delay, vec![target?]))).collect();
    Policy {
        id: dice.object_id(),
        name: format!("{} On-Call", plan.name),
        description: format!("Day and night for everything that {} runs", plan.name),
        team: Some(Arc::clone(team)),
        loops: 2,
        rules,
    }
}

/// For what can: somebody in person, and in some teams also whoever is on call.
fn patient_policy(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    rotation: Target,
    members: &[Arc<User>],
) -> Policy {
    let mut targets: Vec<_> = user_target(members, 2).into_iter().collect();
    if plan.load > 1 {
        targets.push(rotation);
    }
    Policy {
        id: dice.object_id(),
        name: format!("{} Low Urgency", plan.name),
        description: String::new(),
        team: Some(Arc::clone(team)),
        loops: 0,
        rules: vec![rule(dice, 60, targets)],
    }
}

fn vendor_policy(dice: &mut Dice, contact: &Arc<User>) -> Policy {
    Policy {
        id: dice.object_id(),
        name: company::VENDOR_POLICY.to_owned(),
        description: "Calls whoever knows the contractor's number".to_owned(),
        team: None,
        loops: 0,
        rules: vec![rule(dice, 30, vec![Target::User(Arc::clone(contact))])],
    }
}

fn rule(dice: &mut Dice, delay_in_minutes: u32, targets: Vec<Target>) -> Rule {
    Rule { id: dice.object_id(), delay_in_minutes, targets }
}

fn services(
    dice: &mut Dice,
    plan: &TeamPlan,
    team: &Arc<Team>,
    urgent: &Arc<Policy>,
    patient: &Arc<Policy>,
    now: Timestamp,
) -> Vec<Arc<Service>> {
    let last = plan.services.len().saturating_sub(1);
    let of_plan = |(number, named): (usize, &(&'static str, &'static str))| {
        let (policy, urgency) = if number == last { (patient, "low") } else { (urgent, "severity_based") };
        Arc::new(service(dice, *named, policy, Some(team), urgency, now))
    };
    plan.services.iter().enumerate().map(of_plan).collect()
}

/// Services that nobody is called for at the moment.
const OUT_OF_USE: &[(&str, &str)] = &[("Landing Pages", "disabled"), ("Staging Clusters", "maintenance")];

fn service(
    dice: &mut Dice,
    (name, description): (&'static str, &'static str),
    policy: &Arc<Policy>,
    team: Option<&Arc<Team>>,
    urgency: &'static str,
    now: Timestamp,
) -> Service {
    const SOURCES: &[&Source] = &[&DATADOG, &PROMETHEUS, &CLOUDWATCH, &EMAIL];
    let skipped = usize::from(dice.happens(50));
    let count = 1 + usize::from(dice.happens(60)) + usize::from(dice.happens(20));
    let sources = SOURCES.iter().skip(skipped).take(count);
    let integrations =
        sources.map(|source| Integration { id: dice.object_id(), name: source.name, kind: source.integration });
    let integrations = integrations.collect();
    Service {
        id: dice.object_id(),
        name,
        description,
        created_at: earlier(now, Span::new().days(dice.between(200..1500)).hours(dice.between(0..24))),
        policy: Arc::clone(policy),
        team: team.cloned(),
        integrations,
        urgency,
        out_of_use: OUT_OF_USE.iter().find(|(service, _)| *service == name).map(|(_, status)| *status),
    }
}
