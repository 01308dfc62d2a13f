//! `send_status_update`: sends a message about an incident to its subscribers.

use pagerduty_api::operations::communications::{
    CREATE_STATUS_UPDATE, LIST_SUBSCRIBERS, LIST_TEMPLATES, RENDER_TEMPLATE, SUBSCRIBE,
};
use pagerduty_api::operations::incidents::GET_INCIDENT;
use pagerduty_api::operations::log_entries::LIST_INCIDENT_LOG_ENTRIES;
use pagerduty_api::operations::teams::{GET_TEAM, LIST_TEAMS};
use pagerduty_api::operations::users::{GET_CURRENT_USER, GET_USER, LIST_USERS};
use serde_json::Value;

use super::draft::escaped;
use super::subscribers::{self, Subscriber};
use crate::client::StatusUpdate;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Template};
use crate::params::{Content, Flag, Text, Texts};
use crate::reply::Reply;
use crate::tools::respond::report::{Outcome, Report, Row};
use crate::tools::respond::{start, update};
use crate::tools::words::quoted;
use crate::tools::{About, Context, Tool, run};

/// Sends a status update.
pub(super) const SEND_STATUS_UPDATE: Tool = Tool::new::<Params>(
    "send_status_update",
    About {
        title: "Status update to stakeholders",
        description: "Status update to stakeholders (subscribers) of an incident; sends messages.",
        hint: "tell stakeholders subscribers update status message inform email",
    },
    &[
        &CREATE_STATUS_UPDATE,
        &LIST_SUBSCRIBERS,
        &SUBSCRIBE,
        &RENDER_TEMPLATE,
        &LIST_TEMPLATES,
        &LIST_INCIDENT_LOG_ENTRIES,
        &GET_INCIDENT,
        &GET_CURRENT_USER,
        &GET_USER,
        &GET_TEAM,
        &LIST_USERS,
        &LIST_TEAMS,
    ],
    |cx, arguments| run(cx, arguments, send_status_update),
);

crate::params! {
    struct Params {
        "ID or number"
        incident_id: Id<Incident>,
        "Short text"
        message: Content,
        "Of the email"
        subject: Option<Text>,
        "Name or ID"
        template_id: Option<Id<Template>>,
        "Users, teams to add"
        subscriber_ids: Texts,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

/// The most subscribers in an answer.
const MAX_SHOWN: usize = 50;

/// The most characters of a remark of PagerDuty's.
const MAX_REMARK: usize = 200;

async fn send_status_update(cx: Context, params: Params) -> Result<Reply> {
    let dry_run = params.dry_run.is_on();
    let from = start::author(&cx, dry_run);
    let read = async {
        let id = cx.api.incident_id(&params.incident_id).await?;
        let one = std::slice::from_ref(&id);
        let texts = texts(&cx, &params, &id);
        let (fields, subscribers, texts) =
            tokio::join!(cx.api.incident_fields(one, &[]), cx.api.subscribers(&id), texts);
        let fields = fields.into_iter().next().unwrap_or_else(|| Err(Error::new(Code::Internal, "no incident")))?;
        Ok((fields, subscribers, texts?))
    };
    let added = subscribers::find(&cx, params.subscriber_ids.as_slice());
    let (from, ((id, fields), listed, (message, remarks)), (added, names)) = tokio::try_join!(from, read, added)?;

    let mut report = Report { without_receipt: true, ..Report::new("status_update", "incidents") };
    report.warnings.extend(remarks.into_iter().chain(names));
    let mut row = Row { head: update::head(&fields), ..Row::new(&id, Outcome::DryRun) };
    row.after.insert("message".to_owned(), message.message.as_str().into());
    if let Some((subject, html)) = &message.email {
        row.after.insert("subject".to_owned(), subject.as_str().into());
        row.after.insert("html_message".to_owned(), html.as_str().into());
    }
    let mut tells: Vec<_> = match &listed {
        Ok(listed) => listed.iter().map(|(id, fields)| Subscriber::read(id, fields)).collect(),
        Err(error) => {
            report.warnings.push(format!("The subscribers could not be fetched: {error}"));
            Vec::new()
        }
    };
    let is_listed = |one: &&Subscriber| tells.iter().any(|known| known.id == one.id && known.is_team == one.is_team);
    let mut added: Vec<_> = added.iter().filter(|one| !is_listed(one)).cloned().collect();
    report.warnings.extend(subscribers::name(&cx, &mut added).await);
    report.warnings.extend(subscribers::name(&cx, &mut tells).await);
    tells.extend_from_slice(&added);

    let _held = start::hold(&cx, std::slice::from_ref(&id), dry_run).await;
    match cx.api.has_just_sent(&id, &message, from.as_deref()).await {
        Ok(true) => {
            row.outcome = Outcome::AlreadySo;
            row.problem =
                Some("You sent the same text just now. To send it again, change it or wait 2 min.".to_owned());
            report.rows.push(row);
            return report.reply(&cx).await;
        }
        Ok(false) => {}
        Err(error) => {
            report.warnings.push(format!("It could not be checked whether the same text was just sent: {error}"));
        }
    }
    if !dry_run {
        if !added.is_empty() {
            subscribe(&cx, &id, &added, &mut report).await?;
        }
        let done = cx.api.send_status_update(&id, &message, from).await?;
        report.sent = cx.api.has_sent();
        report.warnings.extend(done.warning);
        row.outcome = Outcome::Applied;
    }
    report.rows.push(row);
    if listed.is_ok() || !tells.is_empty() {
        if tells.is_empty() {
            report.warnings.push("The incident has no subscribers; pass subscriber_ids to add some.".to_owned());
        }
        report.more.insert("tells_count".to_owned(), tells.len().into());
        report.more.insert("tells".to_owned(), tells.iter().take(MAX_SHOWN).map(Subscriber::shown).collect());
    }
    if !added.is_empty() {
        report.more.insert("subscribes".to_owned(), added.iter().map(Subscriber::shown).collect());
    }
    let undo = "A status update cannot be taken back; another one can correct it.";
    report.more.insert("undo".to_owned(), undo.into());
    report.reply(&cx).await
}

/// Subscribes users and teams. If PagerDuty refuses one of them, no message is sent.
async fn subscribe(cx: &Context, id: &Id<Incident>, added: &[Subscriber], report: &mut Report) -> Result<()> {
    let members: Vec<_> = added.iter().map(|one| (one.id.clone(), one.kind())).collect();
    let done = cx.api.subscribe(id, &members).await?;
    report.warnings.extend(done.warning);
    let is_refused = |one: &&Subscriber| {
        let result = done.after.get(&one.id).and_then(|after| after.get("result"));
        result.and_then(Value::as_str) == Some("unauthorized")
    };
    let refused: Vec<_> = added.iter().filter(is_refused).map(Subscriber::label).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("PagerDuty did not subscribe {}, so no status update was sent", refused.join(", "));
    Err(Error::new(Code::PermissionDenied, message)
        .hint("Leave them out of subscriber_ids, or use a credential that may subscribe them."))
}

/// Returns the texts to send, with remarks on them.
///
/// PagerDuty takes a subject only together with the HTML of an email. Without a template, that is the message itself.
async fn texts(cx: &Context, params: &Params, incident: &Id<Incident>) -> Result<(StatusUpdate, Vec<String>)> {
    let message = params.message.as_str();
    let subject = params.subject.as_ref().map(ToString::to_string);
    let Some(template) = &params.template_id else {
        let email = subject.map(|subject| (subject, escaped(message)));
        return Ok((StatusUpdate { message: message.to_owned(), email }, Vec::new()));
    };
    let rendered = cx.api.render(template, incident, message).await?;
    if !rendered.errors.is_empty() {
        let why: Vec<_> = rendered.errors.iter().map(|error| quoted(error, MAX_REMARK)).collect();
        let message = format!("template {template} cannot be rendered: {}", why.join(", "));
        return Err(Error::new(Code::InvalidParameter, message)
            .hint("Leave template_id out, or correct the template in PagerDuty. Nothing was sent."));
    }
    let mut update = rendered.update;
    if update.message.is_empty() {
        message.clone_into(&mut update.message);
    }
    update.email = match (update.email, subject) {
        (Some((_, html)), Some(subject)) => Some((subject, html)),
        (None, Some(subject)) => Some((subject, escaped(message))),
        (email, None) => email,
    };
    let remark = |remark: &String| format!("PagerDuty remarks on the template: {}", quoted(remark, MAX_REMARK));
    Ok((update, rendered.remarks.iter().map(remark).collect()))
}
