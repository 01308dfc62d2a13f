//! Changes for other people than the responders: the impact on business services, status updates and their subscribers.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::operations::communications::{
    CREATE_STATUS_UPDATE, LIST_BUSINESS_SERVICE_SUBSCRIBERS, LIST_SUBSCRIBERS, RENDER_TEMPLATE, SET_INCIDENT_IMPACT,
    SUBSCRIBE,
};
use pagerduty_api::operations::dependencies::GET_INCIDENT_IMPACTS;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_rows::fields::{Field, Keep, nested, plain};
use serde_json::{Map, Value, json};

use super::declared::{Declared, Done, Echo, Expected, Proof, Source, State};
use super::notes;
use crate::client::decode::Unreadable;
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{BusinessService, Incident, Template};
use crate::receipts::Fields;

/// The name of the field that says whether an incident impacts a business service.
pub const IMPACTED: &str = "impacted";

const IMPACT: &[Field] = &[plain("id"), plain("name"), plain("status")];

/// Returns the impact on a business service. PagerDuty lists those that an incident impacts.
fn impact(members: &Map<String, Value>) -> Fields {
    let is_impacted = members.get("status").is_none_or(|status| status != "not_impacted");
    let name = members.get("name").cloned().unwrap_or_default();
    Fields::from_iter([("name".to_owned(), name), (IMPACTED.to_owned(), is_impacted.into())])
}

/// Returns the way to the business services that an incident impacts.
fn impacts_of(incident: &Id<Incident>) -> Source {
    Source { request: Request::on(&GET_INCIDENT_IMPACTS, incident, Query::new()), fields: IMPACT, read: impact }
}

impl Api {
    /// Reads the business services that an incident impacts, by ID.
    pub async fn impacts(&self, incident: &Id<Incident>) -> Result<State> {
        self.state(&impacts_of(incident)).await
    }

    /// States whether an incident impacts a business service.
    pub async fn set_impact(
        &self,
        incident: &Id<Incident>,
        service: &Id<BusinessService>,
        is_impacted: bool,
    ) -> Result<Done> {
        let relation = if is_impacted { "impacted" } else { "not_impacted" };
        let value = |is_impacted: bool| Fields::from_iter([(IMPACTED.to_owned(), is_impacted.into())]);
        let unlisted = Some(value(false));
        let expected = Expected { fields: value(is_impacted), unlisted, ..Expected::of(service.as_str()) };
        let declared = Declared {
            request: Request::below(&SET_INCIDENT_IMPACT, incident, service, Query::new()),
            body: json!({ "relation": relation }),
            gerund: "setting the impact on",
            check: format!("get_dependencies with incident_id={incident}"),
            sources: vec![impacts_of(incident)],
            proof: Proof::Set(vec![expected]),
            echo: Echo::Envelope,
        };
        self.make(&declared, None).await
    }
}

/// A message to the subscribers of an incident.
#[derive(Clone, Debug, Default)]
pub struct StatusUpdate {
    /// The short text, for text messages, chats and the app.
    pub message: String,
    /// The subject and the HTML of an email in its place.
    pub email: Option<(String, String)>,
}

/// A template with the facts of an incident.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The texts.
    pub update: StatusUpdate,
    /// PagerDuty's remarks, such as about names without a value.
    pub remarks: Vec<String>,
    /// The reasons why it cannot be used.
    pub errors: Vec<String>,
}

const ID: &[Field] = &[plain("id")];

/// The time within which the same message again is a repetition of the call, and no second message.
const REPETITION: SignedDuration = SignedDuration::from_mins(2);

/// The most log entries among which a status update is searched for.
const LOG: usize = 100;

/// The fields of status updates, and of the log entries about them.
const UPDATE: &[Field] = &[
    plain("id"),
    plain("type"),
    plain("created_at"),
    nested("sender", ID),
    nested("agent", ID),
    Field { name: "message", source: "message", keep: Keep::Raw, derive: None },
    Field { name: "channel", source: "channel", keep: Keep::Raw, derive: None },
];

/// Returns the content of a status update, from itself or its log entry. The type of the entry is not documented.
fn update(members: &Map<String, Value>) -> Fields {
    let kind = members.get("type").and_then(Value::as_str).unwrap_or("status_update");
    let channel = |name: &str| members.get("channel").and_then(|channel| channel.get(name));
    let texts = [members.get("message"), channel("message"), channel("content"), channel("summary")];
    let message = texts.into_iter().flatten().find_map(Value::as_str).map(notes::comparable);
    let user = members.get("sender").or_else(|| members.get("agent")).cloned().unwrap_or_default();
    let is_update = kind.starts_with("status_update");
    Fields::from_iter([
        ("message".to_owned(), message.filter(|_| is_update).into()),
        ("user".to_owned(), user),
        ("created_at".to_owned(), members.get("created_at").cloned().unwrap_or_default()),
    ])
}

/// Returns the way to the log entries of an incident, the newest first.
fn log_of(incident: &Id<Incident>, since: Option<Timestamp>) -> Source {
    let query = Query::new().with("limit", Some(LOG)).with("since", since).with_all("include", &["channels"]);
    Source { request: Request::on(&LIST_INCIDENT_LOG_ENTRIES, incident, query), fields: UPDATE, read: update }
}

/// The fields of subscribers, and of the outcomes of subscribing them.
const SUBSCRIBER: &[Field] = &[
    Field { name: "id", source: "subscriber_id", keep: Keep::Whole, derive: None },
    Field { name: "type", source: "subscriber_type", keep: Keep::Whole, derive: None },
    plain("result"),
];

fn subscriber(members: &Map<String, Value>) -> Fields {
    let get = |name: &str| (name.to_owned(), members.get(name).cloned().unwrap_or_default());
    Fields::from_iter([get("type"), get("result")])
}

/// Returns the way to the subscribers of an incident.
fn subscribers_of(incident: &Id<Incident>) -> Source {
    let request = Request::on(&LIST_SUBSCRIBERS, incident, Query::new());
    Source { request, fields: SUBSCRIBER, read: subscriber }
}

impl Api {
    /// Fills a template with the facts of an incident and a message. It changes nothing.
    pub async fn render(&self, template: &Id<Template>, incident: &Id<Incident>, message: &str) -> Result<Rendered> {
        let body = json!({"incident_id": incident.as_str(), "status_update": {"message": message}});
        let request = Request::on(&RENDER_TEMPLATE, template, Query::new()).with_body(body);
        self.send(&request, rendered).await
    }

    /// Reads the subscribers of an incident: their IDs with their types.
    pub async fn subscribers(&self, incident: &Id<Incident>) -> Result<State> {
        self.state(&subscribers_of(incident)).await
    }

    /// Reads the subscribers of a business service: their IDs with their types.
    pub async fn business_subscribers(&self, service: &Id<BusinessService>) -> Result<State> {
        let request = Request::on(&LIST_BUSINESS_SERVICE_SUBSCRIBERS, service, Query::new());
        self.state(&Source { request, fields: SUBSCRIBER, read: subscriber }).await
    }

    /// Subscribes users and teams to an incident, given by ID and type.
    pub async fn subscribe(&self, incident: &Id<Incident>, subscribers: &[(String, &str)]) -> Result<Done> {
        let member = |(id, kind): &(String, &str)| json!({"subscriber_id": id, "subscriber_type": kind});
        let expected = |(id, kind): &(String, &str)| Expected {
            fields: Fields::from_iter([("type".to_owned(), Value::from(*kind))]),
            ..Expected::of(id)
        };
        let declared = Declared {
            request: Request::on(&SUBSCRIBE, incident, Query::new()),
            body: json!({"subscribers": subscribers.iter().map(member).collect::<Value>()}),
            gerund: "subscribing to",
            check: "send_status_update with dry_run=true".to_owned(),
            sources: vec![subscribers_of(incident)],
            proof: Proof::Set(subscribers.iter().map(expected).collect()),
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, None).await
    }

    /// Returns whether the author already sent this status update within the last minutes, as far as the author is known.
    ///
    /// Another process may have sent it, whose answer was lost.
    pub async fn has_just_sent(
        &self,
        incident: &Id<Incident>,
        update_to_send: &StatusUpdate,
        from: Option<&str>,
    ) -> Result<bool> {
        let Some(user) = self.author_id(from).await else { return Ok(false) };
        let since = self.now_there().checked_sub(REPETITION).ok();
        let log = self.state(&log_of(incident, since)).await?;
        let message = Value::from(notes::comparable(&update_to_send.message));
        let is_it = |entry: &Fields| {
            let user_id = entry.get("user").and_then(|user| user.get("id")?.as_str());
            let at = entry.get("created_at").and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
            entry.get("message") == Some(&message) && user_id == Some(user.as_str()) && at >= since
        };
        Ok(log.values().any(is_it))
    }

    /// Sends a status update to the subscribers of an incident. If the response is lost, it is searched for in the log.
    pub async fn send_status_update(
        &self,
        incident: &Id<Incident>,
        update_to_send: &StatusUpdate,
        from: Option<String>,
    ) -> Result<Done> {
        let StatusUpdate { message, email } = update_to_send;
        let mut body = json!({ "message": message });
        if let (Some(body), Some((subject, html))) = (body.as_object_mut(), email) {
            body.insert("subject".to_owned(), subject.as_str().into());
            body.insert("html_message".to_owned(), html.as_str().into());
        }
        // Without a known author, the same message of another user could be taken for this one.
        let user = self.author_id(from.as_deref()).await;
        let user = user.map_or_else(|| Value::from("unknown"), |user| json!({"id": user.as_str()}));
        let fields = [("message".to_owned(), notes::comparable(message).into()), ("user".to_owned(), user)];
        let declared = Declared {
            request: Request::on(&CREATE_STATUS_UPDATE, incident, Query::new()),
            body,
            gerund: "sending the status update of",
            check: format!("get_timeline with incident_id={incident}"),
            sources: vec![log_of(incident, None)],
            proof: Proof::New { fields: Fields::from_iter(fields), at: Some("created_at") },
            echo: Echo::Objects(&["user"]),
        };
        self.make(&declared, from).await
    }
}

/// Reads the texts of a template. Remarks are a list for each text, or a list of such objects.
fn rendered(body: &[u8]) -> Result<Rendered, Unreadable> {
    let body: Value = serde_json::from_slice(body)?;
    let fields = body.get("templated_fields").and_then(Value::as_object);
    let fields = fields.ok_or_else(|| Unreadable::because("it has no templated_fields".to_owned()))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let email = text("email_subject").zip(text("email_body"));
    let email = email.map(|(subject, html)| (subject.to_owned(), html.to_owned()));
    let update = StatusUpdate { message: text("message").unwrap_or_default().to_owned(), email };
    let remarks = |name: &str| {
        let mut found = Vec::new();
        texts(body.get(name).unwrap_or(&Value::Null), &mut found);
        found.dedup();
        found
    };
    Ok(Rendered { update, remarks: remarks("warnings"), errors: remarks("errors") })
}

/// Adds all texts within a value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_is_read_with_remarks_of_either_form() {
        let fields = json!({"email_subject": "S", "email_body": "<p>B</p>", "message": "M"});
        let warnings = [json!([{"email_body": ["{{x}}"]}]), json!({"email_body": ["{{x}}"], "message": []})];
        for warnings in warnings {
            let body = json!({"templated_fields": fields, "warnings": warnings, "errors": []}).to_string();
            let Rendered { update, remarks, errors } = rendered(body.as_bytes()).unwrap();
            assert_eq!((update.message.as_str(), remarks, errors.len()), ("M", vec!["{{x}}".to_owned()], 0));
            assert_eq!(update.email, Some(("S".to_owned(), "<p>B</p>".to_owned())));
        }
        assert!(rendered(b"{\"ok\": true}").is_err() && rendered(b"<p>").is_err());
    }

    #[test]
    fn other_log_entries_are_no_status_updates() {
        let read = |members: Value| update(members.as_object().unwrap())["message"].clone();
        assert_eq!(read(json!({"type": "status_update_log_entry", "message": " a \r\nb"})), "a\nb");
        assert_eq!(read(json!({"type": "status_update_log_entry", "channel": {"summary": "a"}})), "a");
        assert_eq!(read(json!({"message": "a", "sender": {"id": "P1"}})), "a");
        assert_eq!(read(json!({"type": "annotate_log_entry", "channel": {"summary": "a"}})), Value::Null);
    }
}
