//! `set_maintenance`: opens, changes or ends a maintenance window, in which services make no incidents.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::MAX_PAGE;
use pagerduty_api::operations::incidents::LIST_INCIDENTS;
use pagerduty_api::operations::maintenance::{
    CREATE_MAINTENANCE_WINDOW, DELETE_MAINTENANCE_WINDOW, GET_MAINTENANCE_WINDOW, LIST_MAINTENANCE_WINDOWS,
    UPDATE_MAINTENANCE_WINDOW,
};
use pagerduty_api::operations::services::GET_SERVICE;
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::fields::{Field, Selection, plain};
use serde_json::{Map, Value, json};
use tokio::time::timeout_at;

use super::super::{About, Context, Tool, run};
use super::report::{Outcome, Report, Row};
use super::start;
use super::undo::since::differences;
use crate::client::{Query, State, changed, has};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, MaintenanceWindow, Model, Service};
use crate::pagination::ListRequest;
use crate::params::{Flag, Ids, Moment, Text, When, given};
use crate::receipts::{Fields, Receipt};
use crate::reply::Reply;
use crate::shifts::Period;
use crate::tools::gather::side_by_side;
use crate::tools::oncall::read;
use crate::tools::times::Local;

/// The kind of these changes in receipts.
pub(super) const KIND: &str = "maintenance";

/// Opens, changes or ends a maintenance window.
pub(super) const SET_MAINTENANCE: Tool = Tool::new::<Params>(
    "set_maintenance",
    About {
        title: "Silence alerts: maintenance window",
        description: "Silence alerts of services: open, change or end a maintenance window (planned downtime, deploy).",
        hint: "silence mute alerts deploy planned downtime maintenance window suppress during",
    },
    &[
        &CREATE_MAINTENANCE_WINDOW,
        &UPDATE_MAINTENANCE_WINDOW,
        &DELETE_MAINTENANCE_WINDOW,
        &GET_MAINTENANCE_WINDOW,
        &LIST_MAINTENANCE_WINDOWS,
        &GET_SERVICE,
        &LIST_INCIDENTS,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, set_maintenance),
);

crate::params! {
    struct Params {
        "Services to silence"
        service_ids: Ids<Service>,
        "ISO 8601, local time without an offset; default now"
        start: Option<When>,
        "Like start"
        until: Option<When>,
        "Reason"
        description: Option<Text>,
        "Window to change or end"
        window_id: Option<Id<MaintenanceWindow>>,
        "End it now, or remove it if it has not begun"
        end_now: Flag<false>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The time by which a start may lie in the past and still mean now.
const JUST_NOW: SignedDuration = SignedDuration::from_mins(1);

/// A change of a window.
enum Change {
    /// Opening it. Its start is not compared if it begins at once.
    Open { services: Vec<Id<Service>>, fields: Fields, at_once: bool },
    /// Setting fields of it.
    Set(Id<MaintenanceWindow>, Fields),
    /// Ending or removing it. The fields are those that it must still have.
    End(Id<MaintenanceWindow>, Fields),
}

impl Params {
    /// Checks which parameters go together.
    fn check(&self) -> Result<()> {
        let others = given!(self, [service_ids, start, until, description]);
        let other = others.iter().find(|(_, is_given)| *is_given).map(|(name, _)| *name);
        let missing = |message: &str, hint: &str| Err(Error::new(Code::MissingParameter, message).hint(hint));
        match (&self.window_id, self.end_now.is_on(), other) {
            (None, true, _) => missing("end_now needs window_id", "Pass the ID of the window to end."),
            (Some(_), true, Some(other)) => {
                let message = format!("{other} contradicts end_now=true");
                Err(Error::new(Code::ConflictingParameters, message).hint("Change the window, or end it."))
            }
            (Some(_), false, None) if !self.dry_run.is_on() => {
                missing("nothing to change was given", "Pass until or another field to change, or end_now=true.")
            }
            (None, false, _) if self.service_ids.as_slice().is_empty() => missing(
                "service_ids is missing",
                "Pass the services to silence, or the window_id of a window to change.",
            ),
            (None, false, _) if self.until.is_none() => missing("until is missing", "Pass the end of the window."),
            _ => Ok(()),
        }
    }
}

async fn set_maintenance(cx: Context, params: Params) -> Result<Reply> {
    params.check()?;
    let read = Local::read(&cx, None, [params.start, params.until]).await?;
    let local = read.local(&cx, None).await;
    let now = to_the_second(cx.api.now_there());
    let [start, end] = read.moments.map(|moment| moment.map(Moment::instant));
    let mut remarks = read.remarks;
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    let mut service_ids: Vec<Id<Service>> = Vec::new();
    for id in params.service_ids.as_slice() {
        if !service_ids.contains(id) {
            service_ids.push(id.clone());
        }
    }
    let services: Vec<Value> = service_ids.iter().map(|id| json!({"id": id.as_str()})).collect();
    let at_once = start.is_none_or(|start| start <= now);
    if params.window_id.is_none() {
        let is_past = start.is_some_and(|start| start < now - JUST_NOW);
        remarks.extend(is_past.then(|| "start is in the past, so the window begins now.".to_owned()));
        set("start", Some(start.filter(|start| *start > now).unwrap_or(now).to_string().into()));
    } else {
        if let Some(start) = start.filter(|start| *start < now - JUST_NOW) {
            return Err(Error::new(
                Code::InvalidTimeRange,
                format!("start is {}, which is in the past", local.iso(start)),
            )
            .hint("Pass now, or a start that is to come."));
        }
        set("start", start.map(|start| start.to_string().into()));
    }
    set("end", end.map(|end| end.to_string().into()));
    set("services", (!services.is_empty()).then(|| services.into()));
    set("description", params.description.as_ref().map(|text| text.to_string().into()));
    let change = match params.window_id.clone() {
        None => Change::Open { services: service_ids, fields, at_once },
        Some(id) if params.end_now.is_on() => Change::End(id, Fields::new()),
        Some(id) => Change::Set(id, fields),
    };
    let mut report = make(&cx, change, &local, params.dry_run.is_on()).await?;
    report.warnings.splice(0..0, remarks);
    report.reply(&cx).await
}

/// Takes back what a receipt is about: a new window is ended or removed, and a changed one is set back.
pub(super) async fn undo(cx: &Context, receipt: &Receipt, dry_run: bool) -> Result<Report> {
    let unusable =
        || Error::new(Code::InvalidReceipt, "the receipt has no usable ID").hint("Change the window directly.");
    let change = receipt.rows.first().ok_or_else(unusable)?;
    let id = change.ids.first().and_then(|id| Id::parse(id)).ok_or_else(unusable)?;
    let local = Local::of(cx, None).await;
    if change.before.contains_key(NEW) {
        return make(cx, Change::End(id, change.after.clone()), &local, dry_run).await;
    }
    let now = cx.api.window_fields(&id).await?;
    let differs = differences(&change.after, &now);
    if has(&now, &change.before) || differs.is_empty() {
        return make(cx, Change::Set(id, change.before.clone()), &local, dry_run).await;
    }
    let problem = format!("Changed since: {}. Nothing was sent.", differs.join(", "));
    let row = Row { problem: Some(problem), ..Row::new(&id, Outcome::Conflict) };
    Ok(Report { rows: vec![row], ..Report::new(KIND, "windows") })
}

/// The member of a receipt that marks a new window.
const NEW: &str = "new";

/// The circumstances of a change.
struct Scene<'c> {
    cx: &'c Context,
    local: &'c Local,
    dry_run: bool,
    /// PagerDuty's time, to the second.
    now: Timestamp,
}

/// Makes a change of a window.
async fn make(cx: &Context, change: Change, local: &Local, dry_run: bool) -> Result<Report> {
    let mut report = Report::new(KIND, "windows");
    report.more.insert("time_zone".to_owned(), local.name().into());
    let scene = Scene { cx, local, dry_run, now: to_the_second(cx.api.now_there()) };
    match change {
        Change::Open { services, fields, at_once } => scene.open(&services, &fields, at_once, &mut report).await?,
        Change::Set(id, wanted) => scene.set(&id, &wanted, &mut report).await?,
        Change::End(id, left) => scene.end(&id, &left, &mut report).await?,
    }
    Ok(report)
}

impl Scene<'_> {
    /// Opens a window, unless there is an identical one.
    async fn open(&self, services: &[Id<Service>], fields: &Fields, at_once: bool, report: &mut Report) -> Result<()> {
        let Self { cx, local, dry_run, now } = *self;
        check_period(time(fields, "start"), time(fields, "end"), now, local)?;
        let _held = if dry_run { Vec::new() } else { cx.api.hold_windows(services).await };
        let (from, concern) = tokio::join!(start::author(cx, dry_run), concern(cx, services, fields, None, local));
        let from = from?;
        // An identical call may have opened one while this one waited for it.
        let now = to_the_second(cx.api.now_there()).max(now);
        let same = concern.windows.iter().find(|(_, window)| is_same(window, fields, at_once, now));
        if let Some((id, window)) = same {
            report.rows.push(Row { after: shown(window, local), ..Row::new(id, Outcome::AlreadySo) });
            return Ok(());
        }
        concern.report(report);
        report.preview(json!([]), "undo removes the window, or ends it once it has begun.");
        if dry_run {
            let mut row = Row { after: shown(fields, local), ..Row::new(&"", Outcome::DryRun) };
            row.after.extend(report.more.get("silenced").map(|services| ("services".to_owned(), services.clone())));
            report.rows.push(row);
            return Ok(());
        }
        let done = cx.api.open_window(services, fields, at_once, from).await;
        report.sent = cx.api.has_sent();
        let done = done?;
        report.warnings.extend(done.warning);
        for (id, window) in done.after {
            let reverse = Some((Fields::from_iter([(NEW.to_owned(), true.into())]), window.clone()));
            report.rows.push(Row { after: shown(&window, local), reverse, ..Row::new(&id, Outcome::Applied) });
        }
        Ok(())
    }

    /// Sets fields of a window.
    async fn set(&self, id: &Id<MaintenanceWindow>, wanted: &Fields, report: &mut Report) -> Result<()> {
        let Self { cx, local, dry_run, now } = *self;
        let (from, before) =
            tokio::try_join!(start::author(cx, dry_run), async { cx.api.window_fields(id).await.map_err(with_hint) })?;
        let mut all = before.clone();
        all.extend(wanted.clone());
        let has_begun = time(&before, "start").is_some_and(|start| start <= now);
        let changes = changed(wanted, &before);
        let problem = if changes.is_empty() {
            None
        } else if time(&before, "end").is_some_and(|end| end <= now) {
            Some("The window is over. Open a new one: leave window_id out.")
        } else if has_begun && changes.contains_key("start") {
            Some("The window has begun, so its start cannot be changed.")
        } else {
            check_period(time(&all, "start").filter(|_| !has_begun), time(&all, "end"), now, local)?;
            None
        };
        let outcome = match problem {
            Some(_) => Outcome::Conflict,
            None if changes.is_empty() => Outcome::AlreadySo,
            None => Outcome::DryRun,
        };
        let mut row = Row { problem: problem.map(str::to_owned), ..Row::new(id, outcome) };
        row.before = shown(&before, local);
        if outcome == Outcome::DryRun {
            let services = ids(&all);
            concern(cx, &services, &all, Some(id), local).await.report(report);
            report.preview(json!([]), "undo sets the values back.");
            row.before = shown(&changed(&before, &all), local);
            row.after = shown(&changes, local);
        }
        if outcome == Outcome::DryRun && !dry_run {
            let done = cx.api.change_window(id, &before, &changes, from).await;
            report.sent = cx.api.has_sent();
            let done = done?;
            report.warnings.extend(done.warning);
            let mut after = all;
            after.extend(done.after.into_values().flatten());
            row.outcome = Outcome::Applied;
            row.after = shown(&changed(&after, &before), local);
            row.reverse = Some((changed(&before, &after), changed(&after, &before)));
        }
        report.rows.push(row);
        Ok(())
    }

    /// Ends or removes a window that still has the values `left`.
    async fn end(&self, id: &Id<MaintenanceWindow>, left: &Fields, report: &mut Report) -> Result<()> {
        let Self { cx, local, dry_run, now } = *self;
        report.without_receipt = true;
        let (from, before) = tokio::join!(start::author(cx, dry_run), cx.api.window_fields(id));
        let from = from?;
        let before = match before {
            // A window that was removed is gone.
            Err(error) if error.code() == Code::NotFound && (!left.is_empty() || cx.api.has_ended_window(id)) => {
                report.rows.push(Row::new(id, Outcome::AlreadySo));
                return Ok(());
            }
            before => before.map_err(with_hint)?,
        };
        let has_begun = time(&before, "start").is_some_and(|start| start <= now);
        let differs = differences(left, &before);
        let mut row = Row { before: shown(&before, local), ..Row::new(id, Outcome::DryRun) };
        if time(&before, "end").is_some_and(|end| end <= now) {
            row.outcome = Outcome::AlreadySo;
        } else if !differs.is_empty() {
            row.outcome = Outcome::Conflict;
            row.problem = Some(format!("Changed since: {}. Nothing was sent.", differs.join(", ")));
        } else {
            let services = services(&before);
            report.more.insert("no_longer_silenced".to_owned(), services);
            report.preview(json!([]), "It cannot be undone: open a new window with service_ids and until.");
            row.after.insert("removed".to_owned(), (!has_begun).into());
        }
        if row.outcome == Outcome::DryRun && !dry_run {
            let done = cx.api.end_window(id, &before, has_begun, from).await;
            report.sent = cx.api.has_sent();
            report.warnings.extend(done?.warning);
            row.outcome = Outcome::Applied;
            // A window that has just begun may be removed as well.
            let after = if has_begun { cx.api.window_fields(id).await } else { Ok(Fields::new()) };
            let is_gone = after.as_ref().is_err_and(|error| error.code() == Code::NotFound);
            let is_removed = !has_begun || is_gone;
            row.after.insert("removed".to_owned(), is_removed.into());
            let end = after.ok().and_then(|after| time(&after, "end"));
            row.after.extend(end.map(|end| ("end".to_owned(), local.iso(end).into())));
        }
        report.rows.push(row);
        Ok(())
    }
}

fn with_hint(error: Error) -> Error {
    match error.code() {
        Code::NotFound => error.hint("A dry run with service_ids and until lists the windows of services, as clashes."),
        _ => error,
    }
}

fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn time(fields: &Fields, name: &str) -> Option<Timestamp> {
    fields.get(name)?.as_str()?.parse().ok()
}

fn services(fields: &Fields) -> Value {
    fields.get("services").cloned().unwrap_or_default()
}

fn ids(fields: &Fields) -> Vec<Id<Service>> {
    let services = fields.get("services").and_then(Value::as_array).into_iter().flatten();
    services.filter_map(|service| Id::parse(service.get("id").unwrap_or(service).as_str()?)).collect()
}

/// Checks that a window is to come. A start that is absent has passed.
fn check_period(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp, local: &Local) -> Result<()> {
    let Some(end) = end else { return Ok(()) };
    let invalid = |message: String, hint: &str| Err(Error::new(Code::InvalidTimeRange, message).hint(hint));
    if end <= now {
        return invalid(format!("until is {}, which is in the past", local.iso(end)), "Pass an end that is to come.");
    }
    match start.filter(|start| *start >= end) {
        Some(start) => invalid(
            format!("start {} is not before until {}", local.iso(start), local.iso(end)),
            "Pass a start that is before until.",
        ),
        None => Ok(()),
    }
}

/// Returns whether an open window is the wanted one.
fn is_same(window: &Fields, wanted: &Fields, at_once: bool, now: Timestamp) -> bool {
    let mut wanted = wanted.clone();
    if at_once {
        wanted.shift_remove("start");
    }
    let has_begun = time(window, "start").is_some_and(|start| start <= now + JUST_NOW);
    has(window, &wanted) && (!at_once || has_begun)
}

/// Returns the values of a window as an answer shows them.
fn shown(fields: &Fields, local: &Local) -> Fields {
    let value = |(name, value): (&String, &Value)| {
        let at = value.as_str().filter(|_| ["start", "end"].contains(&name.as_str())).and_then(|at| at.parse().ok());
        (name.clone(), at.map_or_else(|| value.clone(), |at| local.iso(at).into()))
    };
    fields.iter().map(value).collect()
}

/// The objects that a window concerns.
struct Concern {
    /// The services, each as an object with its name.
    silenced: Vec<Value>,
    /// The windows of the services that have not ended.
    windows: State,
    /// Windows that overlap the new one.
    clashes: Vec<Value>,
    /// The open incidents of the services.
    incidents: Vec<Value>,
    warnings: Vec<String>,
}

/// The fields of open incidents that an answer shows.
const OPEN: &[Field] = &[plain("id"), plain("incident_number"), plain("title"), plain("status")];

/// Reads the objects that a window concerns. A part that cannot be read is a warning.
async fn concern(
    cx: &Context,
    services: &[Id<Service>],
    fields: &Fields,
    own: Option<&Id<MaintenanceWindow>>,
    local: &Local,
) -> Concern {
    let query = Query::new().with_all("service_ids", services).with_all("statuses", &["triggered", "acknowledged"]);
    let selection = Selection::new(OPEN.to_vec(), Incident::FACTS);
    let wanted = ListRequest { limit: MAX_PAGE, ..ListRequest::all() };
    let (named, windows, incidents) = tokio::join!(
        side_by_side(cx, services.iter().map(|id| read::service(cx, id))),
        timeout_at(cx.api.grace(), cx.api.open_windows(services)),
        timeout_at(cx.api.grace(), cx.api.list::<Incident>(query.with("date_range", Some("all")), wanted, &selection)),
    );
    let mut warnings = Vec::new();
    let name = |(id, service): (&Id<Service>, Result<read::ServiceState>)| {
        let service = service.ok();
        json!({"id": id.as_str(), "name": service.and_then(|service| service.named.name)})
    };
    let silenced = services.iter().zip(named).map(name).collect();
    let mut unread = |what: &str, error: Option<Error>| {
        let error = error.map_or_else(|| "it took too long".to_owned(), |error| error.to_string());
        warnings.push(format!("{what} could not be read: {error}"));
    };
    let windows = match windows {
        Ok(Ok(windows)) => windows,
        Ok(Err(error)) => {
            unread("Other windows of the services", Some(error));
            State::new()
        }
        Err(_) => {
            unread("Other windows of the services", None);
            State::new()
        }
    };
    let incidents = match incidents {
        Ok(Ok(listing)) => listing.rows.into_iter().map(|row| Value::Object(row.shown.members())).collect(),
        Ok(Err(error)) => {
            unread("Open incidents", Some(error));
            Vec::new()
        }
        Err(_) => {
            unread("Open incidents", None);
            Vec::new()
        }
    };
    let overlaps = |window: &Fields| {
        let period = |fields: &Fields| Period::new(time(fields, "start")?, time(fields, "end")?);
        period(window).zip(period(fields)).is_some_and(|(one, other)| one.clip(other).is_some())
    };
    let others = windows.iter().filter(|(id, window)| own.is_none_or(|own| own.as_str() != **id) && overlaps(window));
    let clash = |(id, window): (&String, &Fields)| {
        let mut clash = Map::from_iter([("id".to_owned(), Value::from(id.as_str()))]);
        clash.extend(shown(window, local));
        Value::Object(clash)
    };
    let clashes = others.map(clash).collect();
    Concern { silenced, windows, clashes, incidents, warnings }
}

impl Concern {
    fn report(self, report: &mut Report) {
        report.more.insert("silenced".to_owned(), self.silenced.into());
        report.more.insert("clashes".to_owned(), self.clashes.into());
        if !self.incidents.is_empty() {
            report.warnings.push("Incidents that are open stay open, and go on paging.".to_owned());
        }
        report.more.insert("open_incidents".to_owned(), self.incidents.into());
        report.warnings.extend(self.warnings);
    }
}
