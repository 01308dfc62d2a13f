//! Reads escalation policies, services, on-calls and contact data as typed values, for the tools of this toolset.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use pagerduty_rows::fields::{Field, Keep, Selection, nested, plain, reference};
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;
use tokio::time::Instant;

use crate::client::Query;
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{EscalationPolicy, Model, Oncall, Person, ScheduleKind, Service, Team, User};
use crate::pagination::{End, ListRequest};
use crate::params::Moment;
use crate::shifts::{Period, Shift};
use crate::tools::gather::{in_time, side_by_side};
use crate::tools::{Context, words};

/// The most users whose contact data is read for one answer.
const MAX_PEOPLE: usize = 100;

/// The most policies whose on-calls are read for one answer.
pub const MAX_POLICIES: usize = 50;

/// An object with its name, as others refer to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The ID.
    pub id: String,
    /// The name, if it is known.
    pub name: Option<String>,
}

impl Named {
    /// Reads an object or a reference to one.
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self { id: text(value, "id")?, name: text(value, "name").or_else(|| text(value, "summary")) })
    }

    /// Returns the name for a sentence, or else the ID.
    pub fn label(&self) -> Cow<'_, str> {
        words::name(self.name.as_deref().unwrap_or(&self.id))
    }

    /// Returns the object as an answer shows it.
    pub fn shown(&self) -> Value {
        json!({"id": self.id, "name": self.name})
    }
}

/// Returns a user as an answer shows them.
pub fn shown(person: &Person) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), person.id.as_str().into());
    shown.extend(person.name.as_deref().map(|name| ("name".to_owned(), name.into())));
    shown.extend(person.deleted.then(|| ("deleted".to_owned(), true.into())));
    shown
}

/// Returns the name of a user for a sentence, which says if the user was deleted.
pub fn spoken(person: &Person) -> String {
    let name = words::name(person.name.as_deref().unwrap_or(&person.id));
    if person.deleted { format!("{name} (deleted user)") } else { name.into_owned() }
}

/// An escalation policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The ID and the name.
    pub named: Named,
    /// The levels, in the order in which they are paged.
    pub levels: Vec<Level>,
    /// The number of times that the escalation begins again after its last level.
    pub loops: u64,
}

/// A level of an escalation policy.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// The minutes before an incident that is not acknowledged goes to the next level.
    pub delay: Option<i64>,
    /// The users and schedules that are paged.
    pub targets: Vec<Target>,
}

/// A user or a schedule on a level.
#[derive(Clone, Debug)]
pub struct Target {
    /// The ID and the name.
    pub named: Named,
    /// Set for a schedule of either kind.
    pub is_schedule: bool,
    /// The kind of schedule, if PagerDuty's reference says so.
    pub kind: Option<ScheduleKind>,
    /// Set if it was deleted, so that no page reaches it.
    pub deleted: bool,
}

/// The place of a user on call: a level of a policy, by a schedule or directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The user.
    pub user: Person,
    /// The schedule. `None` for a user who is on the level directly.
    pub schedule: Option<Named>,
    /// The policy.
    pub policy: Named,
    /// The level, from 1.
    pub level: usize,
}

const TARGET: &[Field] = &[plain("id"), plain("name"), plain("summary"), plain("type")];
const RULE: &[Field] = &[plain("escalation_delay_in_minutes"), nested("targets", TARGET)];
const POLICY: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("summary"),
    plain("type"),
    plain("num_loops"),
    nested("escalation_rules", RULE),
];
const INTEGRATION: &[Field] = &[plain("id"), plain("type")];
const SERVICE: &[Field] = &[
    plain("id"),
    plain("name"),
    plain("summary"),
    plain("status"),
    nested("integrations", INTEGRATION),
    raw("incident_urgency_rule"),
    raw("support_hours"),
    nested("escalation_policy", POLICY),
];

/// A field whose value is kept as it is.
const fn raw(name: &'static str) -> Field {
    Field { name, source: name, keep: Keep::Raw, derive: None }
}

impl Policy {
    fn read(value: &Value) -> Option<Self> {
        let rules = value.get("escalation_rules").and_then(Value::as_array).into_iter().flatten();
        let level = |rule: &Value| Level {
            delay: rule.get("escalation_delay_in_minutes").and_then(Value::as_i64),
            targets: list(rule, "targets").iter().filter_map(Target::read).collect(),
        };
        let loops = value.get("num_loops").and_then(Value::as_u64).unwrap_or_default();
        Some(Self { named: Named::read(value)?, levels: rules.map(level).collect(), loops })
    }

    /// Returns the ID.
    pub fn id(&self) -> Option<Id<EscalationPolicy>> {
        Id::parse(&self.named.id)
    }
}

impl Target {
    fn read(value: &Value) -> Option<Self> {
        let kind = text(value, "type").unwrap_or_default();
        let deleted = value.get("deleted_at").is_some_and(|at| !at.is_null());
        let (is_schedule, kind) = (kind.starts_with("schedule"), ScheduleKind::of_type(&kind));
        Some(Self { named: Named::read(value)?, is_schedule, kind, deleted })
    }
}

impl Duty {
    /// Reads an on-call with its period.
    fn read(row: &Value) -> Option<Shift<Self>> {
        let time = |name: &str| match row.get(name).filter(|time| !time.is_null()) {
            None => Some(None),
            Some(time) => time.as_str()?.parse().ok().map(Some),
        };
        let duty = Self {
            user: Person::from_reference(row.get("user")?)?,
            schedule: row.get("schedule").and_then(Named::read),
            policy: Named::read(row.get("escalation_policy")?)?,
            level: usize::try_from(row.get("escalation_level")?.as_u64()?).ok()?,
        };
        Some(Shift::new(Period::open(time("start")?, time("end")?)?, duty))
    }
}

/// A service, with what decides about its pages.
#[derive(Clone, Debug)]
pub struct ServiceState {
    /// The ID and the name.
    pub named: Named,
    /// `active`, `warning`, `critical`, `maintenance` or `disabled`.
    pub status: String,
    /// The number of integrations.
    pub integrations: usize,
    /// The rule that decides about the urgency of incidents.
    pub urgency: Value,
    /// The support hours.
    pub hours: Value,
    /// The ID of its policy.
    pub policy_id: Option<Id<EscalationPolicy>>,
    /// Its policy, if PagerDuty sent more than a reference.
    pub policy: Option<Policy>,
}

/// Reads a service with its policy.
pub async fn service(cx: &Context, id: &Id<Service>) -> Result<ServiceState> {
    let query = Query::new().with_all("include", &["escalation_policies"]);
    let row = cx.api.one(id, query, &Selection::new(SERVICE.to_vec(), Service::FACTS)).await?;
    let value = Value::Object(row.shown.members());
    let policy = value.get("escalation_policy").filter(|policy| policy.get("escalation_rules").is_some());
    let part = |name: &str| value.get(name).cloned().unwrap_or_default();
    Ok(ServiceState {
        named: Named::read(&value).unwrap_or_else(|| Named { id: id.to_string(), name: None }),
        status: text(&value, "status").unwrap_or_default(),
        integrations: list(&value, "integrations").len(),
        urgency: part("incident_urgency_rule"),
        hours: part("support_hours"),
        policy_id: value.get("escalation_policy").and_then(|policy| Id::parse(&text(policy, "id")?)),
        policy: policy.and_then(Policy::read),
    })
}

/// Reads a policy.
pub async fn policy(cx: &Context, id: &Id<EscalationPolicy>) -> Result<Policy> {
    let row = cx.api.one(id, Query::new(), &Selection::new(POLICY.to_vec(), EscalationPolicy::FACTS)).await?;
    let read = Policy::read(&Value::Object(row.shown.members()));
    Ok(read.unwrap_or_else(|| Policy { named: Named { id: id.to_string(), name: None }, levels: Vec::new(), loops: 0 }))
}

/// Reads the policies of teams.
pub async fn policies_of(cx: &Context, teams: &[Id<Team>]) -> Result<Vec<Policy>> {
    policies(cx, Query::new().with_given("team_ids", teams)).await
}

/// Reads the policies of the current user and of their teams.
pub async fn own_policies(cx: &Context) -> Result<Vec<Policy>> {
    let me = cx.api.me().await?;
    let of_teams = async {
        // Without a team there is no filter, and without a filter PagerDuty lists all policies.
        if me.teams.is_empty() {
            Ok(Vec::new())
        } else {
            policies(cx, Query::new().with_all("team_ids", &me.teams)).await
        }
    };
    let of_user = policies(cx, Query::new().with_all("user_ids", std::slice::from_ref(&me.id)));
    let (mut all, of_user) = tokio::try_join!(of_teams, of_user)?;
    let known: BTreeSet<_> = all.iter().map(|policy| policy.named.id.clone()).collect();
    all.extend(of_user.into_iter().filter(|policy| !known.contains(&policy.named.id)));
    Ok(all)
}

async fn policies(cx: &Context, query: Query) -> Result<Vec<Policy>> {
    let selection = Selection::new(POLICY.to_vec(), EscalationPolicy::FACTS);
    let listing = cx.api.list::<EscalationPolicy>(query, ListRequest::all(), &selection).await?;
    Ok(listing.rows.into_iter().filter_map(|row| Policy::read(&Value::Object(row.shown.members()))).collect())
}

/// The most values that PagerDuty gets in one query for on-calls.
const PORTION: usize = 25;

/// Reads the on-calls that overlap a range, for the query's policies, schedules or users. Returns a warning for what
/// is missing.
pub async fn duties(
    cx: &Context,
    query: Query,
    (since, until): (Moment, Moment),
) -> Result<(Vec<Shift<Duty>>, Option<String>)> {
    let query = query.with("since", Some(since)).with("until", Some(until));
    let listing = cx.api.list::<Oncall>(query, ListRequest::all(), &Oncall::defaults()).await?;
    let rows = listing.rows.len() + listing.left_out.len();
    let duties: Vec<_> =
        listing.rows.into_iter().filter_map(|row| Duty::read(&Value::Object(row.shown.members()))).collect();
    let unread = rows - duties.len();
    let warning = if listing.end == End::Ceiling {
        Some("PagerDuty lists only the first 10,000 on-calls, and there are more: narrow the range.".to_owned())
    } else {
        (unread > 0).then(|| format!("{unread} of {rows} on-calls could not be read and are left out."))
    };
    Ok((duties, warning))
}

/// Reads the on-calls of policies that overlap a range, several policies at a time.
///
/// Returns the on-calls, warnings, and the IDs of the policies whose on-calls could not be read. If no on-calls could be
/// read, it fails: an answer without users would look like a gap.
pub async fn duties_of(
    cx: &Context,
    policies: &[Id<EscalationPolicy>],
    range: (Moment, Moment),
) -> Result<(Vec<Shift<Duty>>, Vec<String>, BTreeSet<String>)> {
    let portions = policies.chunks(PORTION);
    let read = portions.clone().map(|ids| duties(cx, Query::new().with_all("escalation_policy_ids", ids), range));
    let (mut found, mut warnings, mut unread) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (ids, outcome) in portions.zip(side_by_side(cx, read).await) {
        match outcome {
            Ok((duties, warning)) => {
                found.extend(duties);
                warnings.extend(warning);
            }
            Err(error) if policies.len() == unread.len() + ids.len() => return Err(error),
            Err(error) => {
                unread.extend(ids.iter().map(Id::to_string));
                warnings.push(format!("The on-calls of {} policies could not be fetched: {error}", ids.len()));
            }
        }
    }
    Ok((found, warnings, unread))
}

/// A way to contact a user.
#[derive(Clone, Debug)]
pub struct Contact {
    id: String,
    /// `email`, `phone`, `sms`, `push_notification` or `whatsapp`.
    pub kind: String,
    label: Option<String>,
    address: Option<String>,
    /// Set unless PagerDuty sends nothing there.
    is_usable: bool,
}

impl Contact {
    fn read(value: &Value) -> Option<Self> {
        let kind = text(value, "type")?;
        let is = |name: &str, default| value.get(name).and_then(Value::as_bool).unwrap_or(default);
        let code = value.get("country_code").filter(|code| code.is_number());
        let address = text(value, "address");
        Some(Self {
            id: text(value, "id").unwrap_or_default(),
            kind: kind.split("_contact_method").next().unwrap_or_default().to_owned(),
            label: text(value, "label").or_else(|| text(value, "summary")),
            address: match (code, address) {
                (Some(code), Some(number)) => Some(format!("+{code} {number}")),
                (_, address) => address,
            },
            is_usable: is("enabled", true) && !is("blacklisted", false),
        })
    }

    /// Returns whether a page there wakes a user: by phone or push, and not only by email.
    fn wakes(&self) -> bool {
        self.is_usable && self.kind != "email"
    }

    /// Returns the contact as an answer shows it. Push notifications have no address for people.
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("type".to_owned(), self.kind.as_str().into());
        shown.extend(self.label.as_deref().map(|label| ("label".to_owned(), label.into())));
        let address = self.address.as_deref().filter(|_| self.kind != "push_notification");
        shown.extend(address.map(|address| ("address".to_owned(), address.into())));
        shown.extend((!self.is_usable).then(|| ("disabled".to_owned(), true.into())));
        shown.into()
    }
}

/// A user with the ways to contact them.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The user.
    pub person: Person,
    /// The contact methods.
    pub contacts: Vec<Contact>,
    /// The name of the time zone that the user prefers.
    pub time_zone: Option<String>,
    /// The contact methods of the rules for incidents of high urgency. `None` if no such rule was sent.
    rules: Option<BTreeSet<String>>,
}

impl Reach {
    fn read(id: &Id<User>, value: &Value) -> Self {
        let contacts: Vec<_> = list(value, "contact_methods").iter().filter_map(Contact::read).collect();
        let high = |rule: &&Value| text(rule, "urgency").as_deref() != Some("low");
        let rules = list(value, "notification_rules").iter().filter(high);
        let method = |rule: &Value| text(rule.get("contact_method")?, "id");
        let rules: BTreeSet<_> = rules.filter_map(method).collect();
        Self {
            person: Person {
                id: id.to_string(),
                name: text(value, "name"),
                email: text(value, "email"),
                deleted: false,
            },
            contacts,
            time_zone: text(value, "time_zone"),
            rules: (!rules.is_empty()).then_some(rules),
        }
    }

    /// Returns whether a page of high urgency reaches the user by phone or push.
    ///
    /// A contact method counts if it is enabled and if a notification rule uses it. PagerDuty does not send the rules
    /// to each credential. Without them, each method counts.
    pub fn is_woken(&self) -> bool {
        let is_used = |contact: &Contact| self.rules.as_ref().is_none_or(|rules| rules.contains(&contact.id));
        !self.person.deleted && self.contacts.iter().any(|contact| contact.wakes() && is_used(contact))
    }
}

const METHOD: &[Field] = &[
    plain("id"),
    plain("type"),
    plain("label"),
    plain("summary"),
    plain("address"),
    plain("country_code"),
    plain("enabled"),
    plain("blacklisted"),
];
const NOTIFICATION: &[Field] = &[plain("urgency"), reference("contact_method")];
const REACH: &[Field] = &[
    plain("name"),
    plain("email"),
    plain("time_zone"),
    nested("contact_methods", METHOD),
    nested("notification_rules", NOTIFICATION),
];

/// Reads the contact data of users side by side, at most until `until` once it is set. Returns warnings for what is missing.
pub async fn reach(
    cx: &Context,
    ids: impl IntoIterator<Item = String>,
    until: &SetOnce<Instant>,
) -> (HashMap<String, Reach>, Vec<String>) {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let ids: Vec<Id<User>> = ids.iter().filter_map(|id| Id::parse(id)).collect();
    let (mut people, mut warnings, mut failures) = (HashMap::new(), Vec::new(), Vec::new());
    if ids.len() > MAX_PEOPLE {
        warnings.push(format!("The contact data of {} of {} users was not read.", ids.len() - MAX_PEOPLE, ids.len()));
    }
    let selection = Selection::new(REACH.to_vec(), User::FACTS);
    let ids = ids.get(..ids.len().min(MAX_PEOPLE)).unwrap_or_default();
    let rows = ids.iter().map(|id| in_time(cx.api.one::<User>(id, Query::new(), &selection), until));
    let rows = side_by_side(cx, rows).await;
    for (id, row) in ids.iter().zip(rows) {
        match row {
            Ok(row) => {
                people.insert(id.to_string(), Reach::read(id, &Value::Object(row.shown.members())));
            }
            Err(error) if error.code() == Code::NotFound => {
                let person = Person { id: id.to_string(), deleted: true, ..Person::default() };
                people.insert(id.to_string(), Reach { person, contacts: Vec::new(), time_zone: None, rules: None });
            }
            Err(error) => failures.push((id, error)),
        }
    }
    if let Some((id, error)) = failures.first() {
        let others = if failures.len() > 1 { format!(" and {} others", failures.len() - 1) } else { String::new() };
        warnings.push(format!("The contact data of user {id}{others} could not be fetched: {error}"));
    }
    (people, warnings)
}

/// Returns the text of a member, unless it is empty.
pub fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Returns the elements of a member that is a list.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
