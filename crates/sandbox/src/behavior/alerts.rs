//! Alerts of incidents: <https://developer.pagerduty.com/api-reference/4bc42e7ac0c59-list-alerts-for-an-incident>.

use serde_json::{Value, json};

use crate::account::{Account, Incident};
use crate::alerts::{Alert, Received};
use crate::call::Call;
use crate::documents::{Document, entries};
use crate::kinds::{INCIDENT, SERVICE};
use crate::reply::{self, Answer, OrNotFound, Problem};
use crate::view::{View, WEBSITE, head, with};

/// Answers `GET /incidents/{id}/alerts`, newest first by default.
pub fn list(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    let (keys, statuses) = (call.params.all("alert_key"), call.params.all("statuses[]"));
    let listed = incident.alerts.iter().filter(|alert| {
        (keys.is_empty() || keys.contains(&alert.key.as_str()))
            && (statuses.is_empty() || statuses.contains(&status(alert)))
    });
    let mut listed: Vec<&Alert> = listed.collect();
    match call.params.one("sort_by").unwrap_or("created_at:desc").split_once(':').unwrap_or(("created_at", "")) {
        ("created_at", "desc") => listed.reverse(),
        ("created_at", _) => {}
        ("resolved_at", "desc") => listed.sort_by_key(|alert| std::cmp::Reverse(alert.resolved_at)),
        ("resolved_at", _) => listed.sort_by_key(|alert| alert.resolved_at),
        (field, _) => return Err(Problem::invalid(format!("sort_by cannot be {field}."))),
    }
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list("alerts", &listed, &call.params, |alert| shown(incident, alert, view))
}

/// Answers `GET /incidents/{id}/alerts/{alert_id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    let alert = incident.alerts.iter().find(|alert| alert.id == call.part()).or_404()?;
    reply::one("alert", &shown(incident, alert, call.view(account, &[])))
}

/// Returns an alert of any incident as PagerDuty shows it.
pub fn shown_by_id(account: &Account, id: &str, view: View<'_>) -> Option<Document> {
    let found = |incident: &Incident| incident.alerts.iter().any(|alert| alert.id == id);
    let incident = account.incidents.iter().find(|incident| found(incident))?;
    incident.alerts.iter().find(|alert| alert.id == id).map(|alert| shown(incident, alert, view))
}

fn status(alert: &Alert) -> &'static str {
    if alert.is_open() { "triggered" } else { "resolved" }
}

/// Returns an alert as PagerDuty shows it. Its times are in the zone of the account.
fn shown(incident: &Incident, alert: &Alert, view: View<'_>) -> Document {
    let event = alert.event(view.account, incident);
    let zone = &view.account.zone;
    let service = view.account.service_of(incident);
    let integration = service.and_then(|service| {
        let integrations = entries(service, "integrations");
        let named = |client| integrations.iter().find(|one| one.get("name").and_then(Value::as_str) == Some(client));
        // A monitor that the service does not list reached it by a route of events, which has no integration.
        let found = event.client().and_then(|client| ALIASES.iter().find(|(sent, _)| *sent == client));
        let found = named(found.map_or(event.client().unwrap_or("E-mail"), |(_, name)| name));
        found.map(|integration| view.part((&SERVICE, service), "integrations", integration, false))
    });
    let reference = || Value::from(view.reference(&INCIDENT, &incident.id, &incident.summary));
    let whole = || super::incidents::shown(incident, View::new(view.account, view.base, &[])).into();
    let first = view.log_entry(incident, &alert.log_entry);
    let url = format!("{}/alerts/{}", view.url(&INCIDENT, &incident.id), alert.id);
    let html_url = format!("{WEBSITE}/alerts/{}", alert.id);
    with(
        head(&alert.id, "alert", event.summary(), url, html_url.into()),
        json!({
            "created_at": zone.write(alert.at),
            "resolved_at": alert.resolved_at.map(|at| zone.write(at)),
            "status": status(alert),
            "alert_key": alert.key,
            "suppressed": false,
            "severity": event.severity(),
            "service": view.link(&SERVICE, &incident.service, "services"),
            "integration": integration,
            "incident": if view.includes("incidents") { whole() } else { reference() },
            "first_trigger_log_entry": first,
            "body": event.body(alert),
        }),
    )
}

/// The names by which monitors call themselves, and those of their integrations.
const ALIASES: &[(&str, &str)] =
    &[("Alertmanager", "Prometheus Alertmanager"), ("AWS CloudWatch", "Amazon CloudWatch")];

/// Returns the channel of the log entry that an alert begins with: the whole event, or its type.
pub fn channel(alert: &Alert, event: &Received, whole: bool) -> Value {
    if !whole {
        return json!({"type": "api"});
    }
    let rest = json!({
        "summary": event.summary(),
        "description": event.summary(),
        "incident_key": alert.key,
        "service_key": null,
        "details": event.details(),
        "cef_details": event.common(alert),
    });
    with(Document::from_iter([("type".to_owned(), "api".into())]), rest).into()
}
