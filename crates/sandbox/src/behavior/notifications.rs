//! Notifications: <https://developer.pagerduty.com/api-reference/dbc1f54a5e3d2-list-notifications>.

use jiff::Span;
use serde_json::{Value, json};

use crate::account::Account;
use crate::call::Call;
use crate::kinds::USER;
use crate::log::{LogEntry, LogEvent};
use crate::reply::{self, Answer, Problem};
use crate::time::{Zone, later};
use crate::view::View;

/// A notification: an entry in the log of an incident.
struct Notification<'a> {
    entry: &'a LogEntry,
    user: &'a str,
    method: &'static str,
    address: Option<&'a str>,
}

/// Answers `GET /notifications`, oldest first. Its times are in the zone of the account by default.
pub fn list(account: &Account, call: &Call) -> Answer {
    let (since, until) = call.params.bounds(account)?;
    let (Some(since), Some(until)) = (since, until) else {
        return Err(Problem::invalid("since and until are required."));
    };
    if until <= since || until > later(since, Span::new().months(3)) {
        return Err(Problem::invalid("until must be after since, by less than 3 months."));
    }
    let zone = call.params.one("time_zone").map_or_else(|| Ok(account.zone.clone()), Zone::named);
    let zone = zone.map_err(Problem::invalid)?;
    let wanted = call.params.one("filter").map(|filter| filter.trim_end_matches("_notification"));
    let now = account.clock.now();
    let sent = account.incidents.iter().flat_map(|incident| incident.log_until(now)).filter_map(notification);
    let listed = sent.filter(|one| {
        (since <= one.entry.at && one.entry.at < until) && wanted.is_none_or(|wanted| wanted == one.method)
    });
    let mut listed: Vec<_> = listed.collect();
    listed.sort_by_key(|one| one.entry.at);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("notifications", &listed, &call.params, |one| shown(one, view, &zone))
}

fn notification(entry: &LogEntry) -> Option<Notification<'_>> {
    match &entry.event {
        LogEvent::Notify { user, method, address } => {
            Some(Notification { entry, user, method, address: address.as_deref() })
        }
        _ => None,
    }
}

fn shown(one: &Notification<'_>, view: View<'_>, zone: &Zone) -> Value {
    // The entry in the log has the same ID with another letter.
    let id = one.entry.id.replacen('R', "N", 1);
    json!({
        "id": id,
        "type": format!("{}_notification", one.method),
        "started_at": zone.write(one.entry.at),
        "address": one.address,
        "user": if view.includes("users") { view.link(&USER, one.user, "users") } else { view.named(&USER, one.user).into() },
        "conferenceAddress": null,
        "status": "success",
    })
}
