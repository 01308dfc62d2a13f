//! `post_status_page`: publishes a post on a status page, an update of one, or its postmortem.

use jiff::Timestamp;
use pagerduty_api::operations::status_pages::{
    CREATE_POST, CREATE_POST_UPDATE, GET_POST, GET_POSTMORTEM, LIST_PAGE_IMPACTS, LIST_PAGE_SERVICES,
    LIST_PAGE_SEVERITIES, LIST_PAGE_STATUSES, LIST_POST_UPDATES, LIST_POSTS, LIST_STATUS_PAGES, SET_POSTMORTEM,
};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use serde_json::{Map, json};

use super::draft::{Choices, Draft, as_html};
use super::page::{self, Parts, shown_page};
use crate::client::{Query, plain_text};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Model, Post, PostUpdate, Postmortem, StatusPage};
use crate::params::{Content, Flag, Given, Limit, Text, Texts, When, given};
use crate::receipts::Fields;
use crate::reply::Reply;
use crate::tools::respond::report::{Outcome, Report, Row};
use crate::tools::times::Local;
use crate::tools::{About, Context, Tool, run};

/// Publishes on a status page.
pub(super) const POST_STATUS_PAGE: Tool = Tool::new::<Params>(
    "post_status_page",
    About {
        title: "Publish on a status page for customers",
        description: "Tell customers about an outage or maintenance: publish or update a status page post.",
        hint: "tell customers outage maintenance status page publish post update public",
    },
    &[
        &LIST_STATUS_PAGES,
        &CREATE_POST,
        &CREATE_POST_UPDATE,
        &SET_POSTMORTEM,
        &LIST_PAGE_STATUSES,
        &LIST_PAGE_SEVERITIES,
        &LIST_PAGE_IMPACTS,
        &LIST_PAGE_SERVICES,
        &LIST_POSTS,
        &GET_POST,
        &LIST_POST_UPDATES,
        &GET_POSTMORTEM,
        &GET_CURRENT_USER,
    ],
    |cx, arguments| run(cx, arguments, post_status_page),
)
.destructive();

crate::params! {
    struct Params {
        "Name or ID"
        status_page_id: Id<StatusPage>,
        "To update"
        post_id: Option<Id<Post>>,
        "New post"
        title: Option<Text>,
        "Text or HTML"
        message: Content,
        "Name"
        status: Option<Text>,
        "Name"
        severity: Option<Text>,
        "Like Checkout=degraded"
        services: Texts,
        "Maintenance"
        starts_at: Option<When>,
        "Maintenance"
        ends_at: Option<When>,
        "Tell subscribers"
        notify: Flag<false>,
        "Announced"
        next_update_minutes: Option<Limit>,
        "It is one"
        postmortem: Flag<false>,
        "Only show what would change"
        dry_run: Flag<false>,
    }
}

impl Params {
    /// Returns whether a new post announces maintenance, which has times.
    fn is_maintenance(&self) -> bool {
        self.starts_at.is_some() || self.ends_at.is_some()
    }
}

/// The most characters of a title.
const LONGEST_TITLE: usize = 128;

/// The most characters of a postmortem.
const LONGEST_POSTMORTEM: usize = 10_000;

/// The most posts of the same title whose updates are compared with a new one.
const MAX_COMPARED: usize = 10;

/// The cost of undoing, which is the same for everything here.
const UNDO: &str = "A publication cannot be taken back; correct it with another update (post_id).";

async fn post_status_page(cx: Context, params: Params) -> Result<Reply> {
    check(&params)?;
    let read = Local::read(&cx, None, [params.starts_at, params.ends_at]).await?;
    let [starts_at, ends_at] = read.moments.map(|moment| moment.map(crate::params::Moment::instant));
    if starts_at.zip(ends_at).is_some_and(|(start, end)| start >= end) {
        return Err(Error::new(Code::InvalidTimeRange, "starts_at is not before ends_at")
            .hint("Pass a starts_at that is before ends_at."));
    }
    let page_id = &params.status_page_id;
    let _held = if params.dry_run.is_on() { None } else { Some(cx.api.hold_page(page_id).await) };
    let (page, local) = tokio::join!(page::page(&cx, page_id), read.local(&cx, None));
    let page = page?;
    let mut report = Report { without_receipt: true, ..Report::new("post", "posts") };
    report.warnings.extend(read.remarks.clone());
    let mut row = match (&params.post_id, params.postmortem.is_on()) {
        (Some(id), true) => postmortem(&cx, &params, id, &mut report).await?,
        (Some(id), false) => update(&cx, &params, id, &local, &mut report).await?,
        (None, _) => create(&cx, &params, [starts_at, ends_at], &local, &mut report).await?,
    };
    if row.outcome == Outcome::Applied {
        report.sent = cx.api.has_sent();
    }
    if let Some(minutes) = params.next_update_minutes.filter(|_| !row.after.is_empty()) {
        row.after.insert("next_update_minutes".to_owned(), minutes.get().into());
    }
    let changes = matches!(row.outcome, Outcome::Applied | Outcome::DryRun);
    report.rows.push(row);
    let shown: Map<_, _> = shown_page(&page, &local).into_iter().filter(|(name, _)| name != "published_at").collect();
    report.more.insert("publishes".to_owned(), json!([shown]));
    if changes {
        report.more.insert("notifies_subscribers".to_owned(), params.notify.is_on().into());
        report.more.insert("undo".to_owned(), UNDO.into());
    }
    report.more.insert("time_zone".to_owned(), local.name().into());
    report.reply(&cx).await
}

/// Refuses arguments that do not belong together.
fn check(params: &Params) -> Result<()> {
    let of_new = given!(params, [title, starts_at, ends_at]);
    let of_update = given!(params, [status, severity, services, next_update_minutes]);
    let conflict = |of: &str, names: Given<'_>| {
        let name = names.iter().find(|(_, is_given)| *is_given).map(|(name, _)| *name)?;
        Some(Error::new(Code::ConflictingParameters, format!("{name} does not belong to {of}")))
    };
    let refused = match (&params.post_id, params.postmortem.is_on()) {
        (None, true) => {
            return Err(Error::new(Code::MissingParameter, "postmortem was given without post_id")
                .hint("Pass the post as post_id; get_status_pages finds it."));
        }
        (Some(_), true) => conflict("a postmortem", &of_update).or_else(|| conflict("a postmortem", &of_new)),
        (Some(_), false) => conflict("the update of a post", &of_new),
        (None, false) => {
            let times = given!(params, [starts_at, ends_at]);
            if params.title.is_none() {
                return Err(Error::new(Code::MissingParameter, "title is missing, and a new post needs it")
                    .hint("Pass title, or the post to update as post_id."));
            }
            if let Some((missing, _)) = times.iter().find(|(_, is_given)| !is_given && params.is_maintenance()) {
                let message = format!("{missing} is missing, and maintenance needs a start and an end");
                return Err(Error::new(Code::MissingParameter, message)
                    .hint("Pass both times, or neither for a post about an incident."));
            }
            None
        }
    };
    if let Some(error) = refused {
        return Err(error.hint("Leave it out. A title and times are set when a post is created."));
    }
    let (message, limit) = (params.message.as_str(), LONGEST_POSTMORTEM);
    if params.postmortem.is_on() && as_html(message).chars().count() > limit {
        return Err(
            Error::new(Code::InvalidParameter, format!("message has more than {limit} characters")).hint("Shorten it.")
        );
    }
    let title = params.title.as_ref().map(ToString::to_string).unwrap_or_default();
    if title.chars().count() > LONGEST_TITLE {
        return Err(Error::new(Code::InvalidParameter, format!("title has more than {LONGEST_TITLE} characters"))
            .hint("Shorten it."));
    }
    Ok(())
}

/// Reads the values that posts of the page can have. All of them are needed.
async fn parts(cx: &Context, page: &Id<StatusPage>) -> Result<Parts> {
    let mut parts = page::parts(cx, std::slice::from_ref(page)).await.into_iter().next().unwrap_or_default();
    match parts.failures.pop() {
        Some((list, error)) => Err(error.preceded(&format!("the {list} of the page could not be read: "))),
        None => Ok(parts),
    }
}

/// Returns what will be published. Values that are not given stay those of the last update.
fn draft(params: &Params, parts: &Parts, post_type: &str, last: Option<&PostUpdate>) -> Result<(Draft, Vec<String>)> {
    let mut choices = Choices { parts, post_type, remarks: Vec::new() };
    let text = |text: &Option<Text>| text.as_ref().map(ToString::to_string);
    let status = match (text(&params.status), last.and_then(|last| last.status.clone())) {
        (Some(name), _) => choices.status(&name)?,
        (None, Some(id)) => id,
        (None, None) => return Err(choices.missing("status")),
    };
    let severity = match (text(&params.severity), last.and_then(|last| last.severity.clone())) {
        (Some(name), _) => choices.severity(&name)?,
        (None, Some(id)) => id,
        (None, None) => return Err(choices.missing("severity")),
    };
    let services = match (params.services.as_slice(), last) {
        ([], Some(last)) => last.services.clone(),
        (lines, _) => choices.services(lines)?,
    };
    let draft = Draft {
        status,
        severity,
        services,
        message: as_html(params.message.as_str()),
        next_minutes: params.next_update_minutes.and_then(|minutes| i64::try_from(minutes.get()).ok()),
        notifies: params.notify.is_on(),
    };
    Ok((draft, choices.remarks))
}

/// Returns an update for an answer, as outsiders read it.
fn shown(parts: &Parts, update: &PostUpdate, local: &Local) -> Fields {
    let wanted = ["status", "severity", "services", "message"];
    parts.shown_update(update, local).into_iter().filter(|(name, _)| wanted.contains(&name.as_str())).collect()
}

fn as_update(draft: &Draft) -> PostUpdate {
    PostUpdate {
        status: Some(draft.status.clone()),
        severity: Some(draft.severity.clone()),
        services: draft.services.clone(),
        message: Some(draft.message.clone()),
        ..PostUpdate::default()
    }
}

fn head(post: &Post) -> Fields {
    let members = [("title", &post.title), ("post_type", &post.post_type)];
    members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into()))).collect()
}

/// Publishes a new post. One that says the same already is not repeated.
async fn create(
    cx: &Context,
    params: &Params,
    [starts_at, ends_at]: [Option<Timestamp>; 2],
    local: &Local,
    report: &mut Report,
) -> Result<Row> {
    let page = &params.status_page_id;
    let post_type = if params.is_maintenance() { "maintenance" } else { "incident" };
    let query = Query::new().with("post_type", Some(post_type));
    let (parts, listed) = tokio::try_join!(parts(cx, page), page::posts(cx, page, query))?;
    let (draft, remarks) = draft(params, &parts, post_type, None)?;
    report.warnings.extend(remarks);
    let title = params.title.as_ref().map(ToString::to_string);
    let is_same = |post: &Post| post.title == title && (post.starts_at, post.ends_at) == (starts_at, ends_at);
    let (posts, more) = listed;
    let known: Vec<_> = posts.iter().filter_map(|post| post.id.clone()).collect();
    let mut same: Vec<_> = posts.into_iter().filter(is_same).collect();
    same.reverse();
    same.truncate(MAX_COMPARED);
    let new = Post { title, post_type: Some(post_type.to_owned()), starts_at, ends_at, id: None };
    for (post, updates) in same.iter().zip(page::updates_of(cx, page, &same).await) {
        if updates?.last().is_some_and(|last| draft.is_like(last)) {
            let mut row = Row { head: head(&new), ..Row::new(&post.id().unwrap_or_default(), Outcome::AlreadySo) };
            row.problem = Some("The page has this post already. To publish it again, change its text.".to_owned());
            return Ok(row);
        }
    }
    if let Some(post) = same.first().and_then(|post| post.id.as_deref()) {
        report.warnings.push(format!("Post {post} has the same title. To update it, pass it as post_id."));
    }
    if more {
        report.warnings.push("The page has more posts than were compared with this one.".to_owned());
    }
    let mut row = Row { head: head(&new), ..Row::new(&"", Outcome::DryRun) };
    row.after = shown(&parts, &as_update(&draft), local);
    for (name, at) in [("starts_at", starts_at), ("ends_at", ends_at)] {
        row.after.extend(at.map(|at| (name.to_owned(), local.iso(at).into())));
    }
    if params.dry_run.is_on() {
        return Ok(row);
    }
    let members = json!({
        "type": "status_page_post",
        "title": new.title,
        "post_type": post_type,
        "starts_at": starts_at.map(|at| at.to_string()),
        "ends_at": ends_at.map(|at| at.to_string()),
        "updates": [draft.members()],
        "status_page": {"id": page.as_str(), "type": "status_page"},
    });
    let done = cx.api.publish_post(page, members, known).await?;
    row.id = done.after.into_keys().next().unwrap_or_default();
    row.outcome = Outcome::Applied;
    report.warnings.extend(done.warning);
    Ok(row)
}

/// Publishes an update of a post, unless its last update says the same.
async fn update(cx: &Context, params: &Params, id: &Id<Post>, local: &Local, report: &mut Report) -> Result<Row> {
    let page = &params.status_page_id;
    let (parts, post, updates) =
        tokio::try_join!(parts(cx, page), page::post(cx, page, id), page::updates(cx, page, id))?;
    let post_type = post.post_type.as_deref().unwrap_or_default();
    let last = updates.last();
    let (draft, remarks) = draft(params, &parts, post_type, last)?;
    report.warnings.extend(remarks);
    let mut row = Row { head: head(&post), ..Row::new(id, Outcome::DryRun) };
    if last.is_some_and(|last| draft.is_like(last)) {
        row.outcome = Outcome::AlreadySo;
        row.problem = Some("The last update says the same. To publish it again, change its text.".to_owned());
        return Ok(row);
    }
    let is_other = last.is_some_and(|last| last.status.as_ref() != Some(&draft.status));
    let kept = [("severity", params.severity.is_none()), ("services", params.services.as_slice().is_empty())];
    let kept: Vec<_> = kept.iter().filter(|(_, is_kept)| *is_kept).map(|(name, _)| *name).collect();
    if is_other && !kept.is_empty() {
        let names = kept.join(" and ");
        report.warnings.push(format!("Only the status changes: {names} stay as before. Pass {names} to change them."));
    }
    row.before = last.map(|last| shown(&parts, last, local)).unwrap_or_default();
    row.after = shown(&parts, &as_update(&draft), local);
    if params.dry_run.is_on() {
        return Ok(row);
    }
    let mut members = draft.members();
    members.insert("post".to_owned(), json!({"id": id.as_str(), "type": "status_page_post"}));
    let known = updates.iter().filter_map(|update| update.id.clone()).collect();
    let done = cx.api.publish_update(page, id, members.into(), known).await?;
    row.outcome = Outcome::Applied;
    report.warnings.extend(done.warning);
    Ok(row)
}

/// Publishes the postmortem of a post, or replaces it.
async fn postmortem(cx: &Context, params: &Params, id: &Id<Post>, report: &mut Report) -> Result<Row> {
    let page = &params.status_page_id;
    let selection = Postmortem::facts_only();
    let before = async {
        match cx.api.one_below(&GET_POSTMORTEM, page, &id.cast::<Postmortem>(), &selection).await {
            Ok(row) => Ok(row.facts.message),
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let (post, before) = tokio::try_join!(page::post(cx, page, id), before)?;
    let message = as_html(params.message.as_str());
    let mut row = Row { head: head(&post), ..Row::new(id, Outcome::DryRun) };
    if before.as_deref().is_some_and(|before| plain_text(before) == plain_text(&message)) {
        row.outcome = Outcome::AlreadySo;
        return Ok(row);
    }
    row.before.extend(before.map(|before| ("postmortem".to_owned(), before.into())));
    row.after.insert("postmortem".to_owned(), message.as_str().into());
    if params.dry_run.is_on() {
        return Ok(row);
    }
    let members = json!({
        "type": "status_page_post_postmortem",
        "post": {"id": id.as_str(), "type": "status_page_post"},
        "message": message,
        "notify_subscribers": params.notify.is_on(),
    });
    let done = cx.api.publish_postmortem(page, id, members).await?;
    row.outcome = Outcome::Applied;
    report.warnings.extend(done.warning);
    Ok(row)
}
