//! Maintenance windows: <https://developer.pagerduty.com/api-reference/4c0936c241cbb-list-maintenance-windows>.

use jiff::Timestamp;
use serde_json::Value;

use crate::account::Account;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::kinds::{MAINTENANCE_WINDOW, TEAM};

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
