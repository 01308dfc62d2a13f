//! Status pages and their posts: <https://developer.pagerduty.com/api-reference/ff9e2b2bbee6b-list-status-pages>.

use serde_json::{Value, json};

use crate::account::Account;
use crate::call::Call;
use crate::documents::{Document, entries, id_of, reference, text};
use crate::engine;
use crate::kinds::{STATUS_PAGE, STATUS_PAGE_POST};
use crate::reply::{self, Answer, OrNotFound, Problem};

/// The types of posts.
const TYPES: [&str; 2] = ["incident", "maintenance"];

/// The most characters of a title.
const LONGEST_TITLE: usize = 128;

/// The most characters of a postmortem.
const LONGEST_POSTMORTEM: usize = 10_000;

/// A list of values that a page has for its posts: the name in the page, that of one, and its type in answers.
#[derive(Clone, Copy, Debug)]
pub struct PagePart {
    pub many: &'static str,
    kind: &'static str,
}

pub const STATUSES: PagePart = PagePart { many: "statuses", kind: "status_page_status" };
pub const SEVERITIES: PagePart = PagePart { many: "severities", kind: "status_page_severity" };
pub const IMPACTS: PagePart = PagePart { many: "impacts", kind: "status_page_impact" };
pub const SERVICES: PagePart = PagePart { many: "services", kind: "status_page_service" };

/// Refuses a post of an unknown type.
pub fn check(post: &Document) -> Result<(), String> {
    match text(post, "post_type") {
        known if TYPES.contains(&known) => Ok(()),
        other => Err(format!("post_type must be incident or maintenance, not {other:?}")),
    }
}

/// Answers `GET /status_pages`.
pub fn list(account: &Account, call: &Call) -> Answer {
    call.caller.may_publish()?;
    let pages = engine::select(&STATUS_PAGE, account, &call.params);
    reply::list(STATUS_PAGE.many, &pages, &call.params, |page| {
        json!({
            "id": text(page, "id"),
            "name": text(page, "name"),
            "published_at": page.get("published_at"),
            "status_page_type": text(page, "status_page_type"),
            "url": text(page, "url"),
            "type": STATUS_PAGE.name,
        })
    })
}

fn page<'a>(account: &'a Account, call: &Call) -> Result<&'a Document, Problem> {
    call.caller.may_publish()?;
    account.documents.get(&STATUS_PAGE, &call.id).or_404()
}

/// Answers `GET /status_pages/{id}/statuses`, and the lists of its other parts.
pub fn parts(part: PagePart, account: &Account, call: &Call) -> Answer {
    let page = page(account, call)?;
    let kind = call.params.one("post_type");
    let is_wanted = |one: &&Value| kind.is_none() || one.get("post_type").and_then(Value::as_str) == kind;
    let rows: Vec<_> = entries(page, part.many).iter().filter(is_wanted).collect();
    reply::list(part.many, &rows, &call.params, |one| {
        let mut shown = one.as_object().cloned().unwrap_or_default();
        shown.insert("self".to_owned(), address(call, &[part.many, id_of(one)]).into());
        shown.insert("status_page".to_owned(), json!({"id": call.id, "type": STATUS_PAGE.name}));
        shown.insert("type".to_owned(), part.kind.into());
        shown
    })
}

fn address(call: &Call, path: &[&str]) -> String {
    format!("{}/status_pages/{}/{}", call.base, call.id, path.join("/"))
}

/// Returns the post that the path names.
fn post<'a>(account: &'a Account, call: &Call) -> Result<&'a Document, Problem> {
    page(account, call)?;
    let post = account.documents.get(&STATUS_PAGE_POST, call.outer_part());
    post.filter(|post| post.get("status_page").map(id_of) == Some(&call.id)).or_404()
}

/// Answers `GET /status_pages/{id}/posts`, in the order in which they were published.
pub fn posts(account: &Account, call: &Call) -> Answer {
    page(account, call)?;
    let is_approved = |update: &Value| update.get("reviewed_status").and_then(Value::as_str) == Some("approved");
    let kind = call.params.one("post_type");
    let reviewed = call.params.one("reviewed_status");
    let statuses = call.params.all("status[]");
    let all = account.documents.all(&STATUS_PAGE_POST).iter();
    let wanted = all.filter(|post| {
        let last = entries(post, "updates").last();
        let status = last.and_then(|update| update.get("status")?.as_str()).unwrap_or_default();
        post.get("status_page").map(id_of) == Some(&call.id)
            && kind.is_none_or(|kind| text(post, "post_type") == kind)
            && (statuses.is_empty() || statuses.contains(&status))
            && reviewed.is_none_or(|reviewed| last.is_some_and(is_approved) == (reviewed == "approved"))
    });
    let posts: Vec<_> = wanted.collect();
    reply::list("posts", &posts, &call.params, |post| shown_post(post, call, false))
}

/// Answers `GET /status_pages/{id}/posts/{post_id}`.
pub fn show(account: &Account, call: &Call) -> Answer {
    let with_updates = call.includes().contains(&"status_page_post_update");
    reply::one("post", &shown_post(post(account, call)?, call, with_updates))
}

fn shown_post(post: &Document, call: &Call, with_updates: bool) -> Value {
    let id = text(post, "id");
    let updates = entries(post, "updates").iter();
    let updates: Vec<_> = updates.map(|update| shown_update(update, id, call, with_updates)).collect();
    let mut shown = json!({
        "id": id,
        "self": address(call, &["posts", id]),
        "type": STATUS_PAGE_POST.name,
        "post_type": text(post, "post_type"),
        "status_page": {"id": call.id, "type": STATUS_PAGE.name},
        "title": text(post, "title"),
        "starts_at": post.get("starts_at"),
        "ends_at": post.get("ends_at"),
        "updates": updates,
    });
    let postmortem = post.get("postmortem").filter(|postmortem| postmortem.is_object());
    if let (Some(fields), Some(postmortem)) = (shown.as_object_mut(), postmortem) {
        let url = address(call, &["posts", id, "postmortem"]);
        let reference = json!({"id": id_of(postmortem), "self": url, "type": "status_page_postmortem"});
        fields.insert("postmortem".to_owned(), reference);
    }
    shown
}

/// Returns an update of a post, or a reference to it.
fn shown_update(update: &Value, post: &str, call: &Call, whole: bool) -> Value {
    let id = id_of(update);
    let url = |path: &[&str]| address(call, path);
    let head = json!({
        "id": id,
        "self": url(&["posts", post, "post_updates", id]),
        "type": "status_page_post_update",
    });
    let (Value::Object(mut shown), true) = (head.clone(), whole) else { return head };
    let get = |name: &str| update.get(name).cloned().unwrap_or_default();
    let refer = |part: PagePart, id: &Value| {
        let id = id.as_str().unwrap_or_default();
        json!({"id": id, "self": url(&[part.many, id]), "type": part.kind})
    };
    let impacted = get("impacted_services");
    let pairs = impacted.as_array().into_iter().flatten().filter_map(|pair| Some((pair.get(0)?, pair.get(1)?)));
    let pairs =
        pairs.map(|(service, impact)| json!({"service": refer(SERVICES, service), "impact": refer(IMPACTS, impact)}));
    shown.insert("impacted_services".to_owned(), pairs.collect());
    shown.insert("status".to_owned(), refer(STATUSES, &get("status")));
    shown.insert("severity".to_owned(), refer(SEVERITIES, &get("severity")));
    let post = json!({"id": post, "self": url(&["posts", post]), "type": STATUS_PAGE_POST.name});
    shown.insert("post".to_owned(), post);
    for name in ["message", "reviewed_status", "update_frequency_ms", "notify_subscribers", "reported_at"] {
        shown.insert(name.to_owned(), get(name));
    }
    shown.into()
}

/// Answers `GET /status_pages/{id}/posts/{post_id}/post_updates`, the oldest first.
pub fn updates(account: &Account, call: &Call) -> Answer {
    let post = post(account, call)?;
    let reviewed = call.params.one("reviewed_status");
    let is_wanted =
        |update: &&Value| reviewed.is_none() || update.get("reviewed_status").and_then(Value::as_str) == reviewed;
    let updates: Vec<_> = entries(post, "updates").iter().filter(is_wanted).collect();
    reply::list("post_updates", &updates, &call.params, |update| shown_update(update, text(post, "id"), call, true))
}

/// Answers `POST /status_pages/{id}/posts`. It needs no author.
pub fn create(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let page = page(account, call)?;
    let body = call.body()?;
    let given = body.get("post").and_then(Value::as_object).ok_or_else(|| Problem::invalid("Post cannot be empty."))?;
    let title = text(given, "title").trim();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE {
        return Err(Problem::invalid("Title must have 1 to 128 characters."));
    }
    let kind = text(given, "post_type");
    check(given).map_err(Problem::invalid)?;
    let is_maintenance = kind == "maintenance";
    let time = |name: &str| text(given, name).parse::<jiff::Timestamp>().ok();
    let (starts_at, ends_at) = (time("starts_at"), time("ends_at"));
    if is_maintenance && starts_at.zip(ends_at).is_none_or(|(start, end)| start >= end) {
        return Err(Problem::invalid("Maintenance needs starts_at before ends_at."));
    }
    let mut ids = account.new_part_ids();
    let mut updates = Vec::new();
    for update in entries(given, "updates") {
        updates.push(read_update(account, page, kind, update, &ids.next().unwrap_or_default())?);
    }
    if updates.is_empty() {
        return Err(Problem::invalid("A post needs an update."));
    }
    let id = account.new_id(&STATUS_PAGE_POST);
    let written = |at: Option<jiff::Timestamp>| at.filter(|_| is_maintenance).map(|at| at.to_string());
    let document = json!({
        "id": id,
        "title": title,
        "post_type": kind,
        "status_page": reference(&STATUS_PAGE, &call.id),
        "starts_at": written(starts_at),
        "ends_at": written(ends_at),
        "updates": updates,
    });
    let document = document.as_object().cloned().unwrap_or_default();
    account.rewrite(&STATUS_PAGE_POST, document, by)?;
    let post = account.documents.get(&STATUS_PAGE_POST, &id).or_404()?;
    reply::one("post", &shown_post(post, call, false))
}

/// Answers `POST /status_pages/{id}/posts/{post_id}/post_updates`. It needs no author.
pub fn create_update(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let mut post = post(account, call)?.clone();
    let body = call.body()?;
    let given = body.get("post_update").ok_or_else(|| Problem::invalid("Post update cannot be empty."))?;
    let id = account.new_part_ids().next().unwrap_or_default();
    let update = read_update(account, page(account, call)?, text(&post, "post_type"), given, &id)?;
    if let Some(updates) = post.get_mut("updates").and_then(Value::as_array_mut) {
        updates.push(update.clone());
    }
    let shown = shown_update(&update, text(&post, "id"), call, true);
    account.rewrite(&STATUS_PAGE_POST, post, by)?;
    reply::one("post_update", &shown)
}

/// Reads an update, whose parts have to belong to the page and to the type of the post.
fn read_update(account: &Account, page: &Document, kind: &str, given: &Value, id: &str) -> Result<Value, Problem> {
    let message = given.get("message").and_then(Value::as_str).unwrap_or_default();
    if message.trim().is_empty() {
        return Err(Problem::invalid("Message cannot be empty."));
    }
    let known = |part: PagePart, value: Option<&Value>| {
        let id = value.map(id_of).unwrap_or_default();
        let is_it = |one: &&Value| id_of(one) == id && one.get("post_type").is_none_or(|of| of.as_str() == Some(kind));
        let found = entries(page, part.many).iter().find(is_it).map(id_of);
        found.ok_or_else(|| Problem::invalid(format!("{} is not one of the page's {}.", id, part.many)))
    };
    let mut impacted = Vec::new();
    for pair in given.get("impacted_services").and_then(Value::as_array).into_iter().flatten() {
        impacted.push([known(SERVICES, pair.get("service"))?, known(IMPACTS, pair.get("impact"))?]);
    }
    let notify = given.get("notify_subscribers").and_then(Value::as_bool);
    let notify = notify.ok_or_else(|| Problem::invalid("Notify subscribers must be true or false."))?;
    Ok(json!({
        "id": id,
        "message": message,
        "reviewed_status": "approved",
        "status": known(STATUSES, given.get("status"))?,
        "severity": known(SEVERITIES, given.get("severity"))?,
        "impacted_services": impacted,
        "update_frequency_ms": given.get("update_frequency_ms").filter(|value| value.is_u64()),
        "notify_subscribers": notify,
        "reported_at": account.clock.now().to_string(),
    }))
}

/// Answers `GET /status_pages/{id}/posts/{post_id}/postmortem`.
pub fn postmortem(account: &Account, call: &Call) -> Answer {
    let post = post(account, call)?;
    let postmortem = post.get("postmortem").filter(|postmortem| postmortem.is_object()).or_404()?;
    reply::one("postmortem", &shown_postmortem(postmortem, text(post, "id"), call))
}

fn shown_postmortem(postmortem: &Value, post: &str, call: &Call) -> Value {
    let get = |name: &str| postmortem.get(name).cloned().unwrap_or_default();
    json!({
        "id": get("id"),
        "self": address(call, &["posts", post, "postmortem"]),
        "post": {"id": post, "self": address(call, &["posts", post]), "type": STATUS_PAGE_POST.name},
        "message": get("message"),
        "notify_subscribers": get("notify_subscribers"),
        "reported_at": get("reported_at"),
        "type": "status_page_post_postmortem",
    })
}

/// Answers `PUT /status_pages/{id}/posts/{post_id}/postmortem`. It needs no author.
pub fn set_postmortem(account: &mut Account, call: &Call) -> Answer {
    let by = call.author(account)?;
    let mut post = post(account, call)?.clone();
    let body = call.body()?;
    let given = body.get("postmortem").unwrap_or(&Value::Null);
    let message = given.get("message").and_then(Value::as_str).unwrap_or_default();
    if message.trim().is_empty() || message.chars().count() > LONGEST_POSTMORTEM {
        return Err(Problem::invalid("Message must have 1 to 10,000 characters."));
    }
    let notify = given.get("notify_subscribers").and_then(Value::as_bool);
    let notify = notify.ok_or_else(|| Problem::invalid("Notify subscribers must be true or false."))?;
    let before = post.get("postmortem").map(id_of).filter(|id| !id.is_empty()).map(str::to_owned);
    let id = before.or_else(|| account.new_part_ids().next()).unwrap_or_default();
    let now = account.clock.now().to_string();
    let postmortem = json!({"id": id, "message": message, "notify_subscribers": notify, "reported_at": now});
    post.insert("postmortem".to_owned(), postmortem.clone());
    let shown = shown_postmortem(&postmortem, text(&post, "id"), call);
    account.rewrite(&STATUS_PAGE_POST, post, by)?;
    reply::one("postmortem", &shown)
}
