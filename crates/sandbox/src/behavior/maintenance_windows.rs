//! Maintenance windows: <https://developer.pagerduty.com/api-reference/4c0936c241cbb-list-maintenance-windows>.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::edits;
use crate::kinds::{MAINTENANCE_WINDOW, SERVICE, TEAM, USER};
use crate::reply::{self, Answer, OrNotFound, Problem, Written};

/// Answers `POST /maintenance_windows`. A start in the past becomes now.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let mut window = edits::fields(&MAINTENANCE_WINDOW, None, call)?;
    let now = account.clock.now();
    check_request(account, &window, now)?;
    if period(&window).is_some_and(|(start, _)| start < now) {
        window.insert("start_time".to_owned(), now.to_string().into());
    }
    let numbers = account.documents.all(&MAINTENANCE_WINDOW).iter();
    let last = numbers.filter_map(|window| window.get("sequence_number")?.as_i64()).max().unwrap_or_default();
    let id = account.new_id(&MAINTENANCE_WINDOW);
    window.insert("sequence_number".to_owned(), (last + 1).into());
    window.insert("created_by".to_owned(), reference(&USER, &by));
    window.insert("id".to_owned(), id.as_str().into());
    account.rewrite(&MAINTENANCE_WINDOW, window, by)?;
    shown(account, call, &id)
}

/// Answers `PUT /maintenance_windows/{id}`. One that has begun keeps its start, and one that is over cannot be changed.
pub fn update(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    let stored = account.documents.get(&MAINTENANCE_WINDOW, &call.id).or_404()?.clone();
    let mut window = stored.clone();
    window.extend(edits::fields(&MAINTENANCE_WINDOW, Some(&stored), call)?);
    let now = account.clock.now();
    let before = period(&stored).ok_or_else(Problem::not_found)?;
    if before.1 <= now {
        return Err(Problem::invalid("Maintenance window has ended and cannot be changed."));
    }
    if before.0 <= now && period(&window).is_some_and(|(start, _)| start != before.0) {
        return Err(Problem::invalid("Start time cannot be changed once the maintenance window has started."));
    }
    check_request(account, &window, now)?;
    account.rewrite(&MAINTENANCE_WINDOW, window, by)?;
    shown(account, call, &call.id)
}

/// Answers `DELETE /maintenance_windows/{id}`: one that has begun ends, and one to come is removed.
pub fn delete(account: &mut Account, call: &Call) -> Written {
    let by = call.actor(account)?;
    let mut window = account.documents.get(&MAINTENANCE_WINDOW, &call.id).or_404()?.clone();
    let now = account.clock.now();
    match period(&window).ok_or_else(Problem::not_found)? {
        (_, end) if end <= now => return Err(Problem::not_allowed("Maintenance window has ended.")),
        (start, _) if start < now => {
            window.insert("end_time".to_owned(), now.to_string().into());
            account.rewrite(&MAINTENANCE_WINDOW, window, by)?;
        }
        _ => drop(edits::delete(&MAINTENANCE_WINDOW, account, call)?),
    }
    Ok((StatusCode::NO_CONTENT, Vec::new()))
}

/// Refuses a window that is over, or has no services or unknown ones.
fn check_request(account: &Account, window: &Document, now: Timestamp) -> Result<(), Problem> {
    let (_, end) = period(window).ok_or_else(|| Problem::invalid("Start time and end time are required."))?;
    if end <= now {
        return Err(Problem::invalid("End time must be in the future."));
    }
    let services = entries(window, "services");
    if services.is_empty() {
        return Err(Problem::invalid("Services cannot be empty."));
    }
    if services.iter().any(|service| account.documents.get(&SERVICE, id_of(service)).is_none()) {
        return Err(Problem::invalid("Service Not Found"));
    }
    Ok(())
}

fn shown(account: &Account, call: &Call, id: &str) -> Answer {
    let window = account.documents.get(&MAINTENANCE_WINDOW, id).or_404()?;
    reply::one(MAINTENANCE_WINDOW.name, &call.view(account, &[]).whole(&MAINTENANCE_WINDOW, window))
}

/// Returns the start and the end of a window.
fn period(window: &Document) -> Option<(Timestamp, Timestamp)> {
    Some((text(window, "start_time").parse().ok()?, text(window, "end_time").parse().ok()?))
}

/// Refuses a window that is empty, or has an unknown kind of service.
pub fn check(window: &Document) -> Result<(), String> {
    match period(window) {
        Some((start, end)) if start < end => Ok(()),
        _ => Err("start_time must be before end_time".to_owned()),
    }
}

/// Returns references to the teams of the services.
pub fn teams(account: &Account, window: &Document) -> Value {
    let mut ids: Vec<_> = entries(window, "services").iter().filter_map(|one| account.team_of(id_of(one))).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| reference(&TEAM, id)).collect()
}

/// Returns whether one of the services belongs to a team.
pub fn concerns(account: &Account, window: &Document, team: &str) -> bool {
    entries(window, "services").iter().any(|service| account.team_of(id_of(service)) == Some(team))
}

/// Returns whether a window is in a state, a value of `filter`.
pub fn is_in(account: &Account, window: &Document, state: &str) -> bool {
    let now = account.clock.now();
    let Some((start, end)) = period(window) else { return false };
    match state {
        "past" => end <= now,
        "ongoing" => start <= now && now < end,
        "future" => now < start,
        "open" => now < end,
        _ => true,
    }
}

/// Returns whether a service is in maintenance.
pub fn covers(account: &Account, service: &str) -> bool {
    let windows = account.documents.all(&MAINTENANCE_WINDOW).iter();
    let mut ongoing = windows.filter(|window| is_in(account, window, "ongoing"));
    ongoing.any(|window| entries(window, "services").iter().any(|one| id_of(one) == service))
}
