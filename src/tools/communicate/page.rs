//! Reads status pages, the values that their posts can have, and the posts with their updates.

use jiff::{SignedDuration, Timestamp};
use pagerduty_api::Operation;
use pagerduty_api::operations::status_pages::{
    GET_POST, LIST_PAGE_IMPACTS, LIST_PAGE_SERVICES, LIST_PAGE_SEVERITIES, LIST_PAGE_STATUSES, LIST_POST_UPDATES,
    LIST_POSTS,
};
use serde_json::{Map, Value, json};

use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Model, PagePart, Post, PostUpdate, StatusPage};
use crate::pagination::{End, ListRequest};
use crate::tools::Context;
use crate::tools::gather::side_by_side;
use crate::tools::times::Local;
use crate::tools::words::quoted;

/// The most posts of a page that are listed.
pub const MAX_LISTED: usize = 100;

/// The most characters of a title in a sentence.
const MAX_TITLE: usize = 100;

/// The values that the posts of a page can have, as far as they could be read.
#[derive(Debug, Default)]
pub struct Parts {
    pub statuses: Vec<PagePart>,
    pub severities: Vec<PagePart>,
    pub impacts: Vec<PagePart>,
    pub services: Vec<PagePart>,
    /// The lists that could not be read.
    pub failures: Vec<(&'static str, Error)>,
}

/// The lists of values, with their names.
const LISTS: [(&str, &Operation); 4] = [
    ("statuses", &LIST_PAGE_STATUSES),
    ("severities", &LIST_PAGE_SEVERITIES),
    ("impacts", &LIST_PAGE_IMPACTS),
    ("services", &LIST_PAGE_SERVICES),
];

/// Reads the values that the posts of pages can have, side by side.
pub async fn parts(cx: &Context, pages: &[Id<StatusPage>]) -> Vec<Parts> {
    let requests = pages.iter().flat_map(|page| LISTS.iter().map(move |(_, operation)| (page, *operation)));
    let selection = PagePart::facts_only();
    let read = |(page, operation): (&Id<StatusPage>, &'static Operation)| {
        let (page, selection) = (page.clone(), selection.clone());
        async move {
            let all = ListRequest::all();
            let listing = cx.api.pages_below::<PagePart, _>(operation, &page, Query::new(), all, &selection).await?;
            Ok(listing.rows.into_iter().map(|row| row.facts).collect::<Vec<_>>())
        }
    };
    let mut lists = side_by_side(cx, requests.map(read).collect::<Vec<_>>()).await.into_iter();
    let mut all = Vec::with_capacity(pages.len());
    for _ in pages {
        let mut parts = Parts::default();
        for ((name, _), list) in LISTS.iter().zip(lists.by_ref()) {
            match (list, *name) {
                (Ok(list), "statuses") => parts.statuses = list,
                (Ok(list), "severities") => parts.severities = list,
                (Ok(list), "impacts") => parts.impacts = list,
                (Ok(list), _) => parts.services = list,
                (Err(error), _) => parts.failures.push((name, error)),
            }
        }
        all.push(parts);
    }
    all
}

/// Reads the status pages of the account.
pub async fn pages(cx: &Context) -> Result<Vec<StatusPage>> {
    let listing = cx.api.list::<StatusPage>(Query::new(), ListRequest::all(), &StatusPage::facts_only()).await?;
    Ok(listing.rows.into_iter().map(|row| row.facts).collect())
}

/// Reads one status page. PagerDuty only lists them.
pub async fn page(cx: &Context, id: &Id<StatusPage>) -> Result<StatusPage> {
    let found = pages(cx).await?.into_iter().find(|page| page.id() == Some(id.as_str()));
    found.ok_or_else(|| {
        Error::new(Code::NotFound, format!("there is no status page {id}")).hint("get_status_pages lists them.")
    })
}

/// Reads the posts of a page, and whether there are more.
pub async fn posts(cx: &Context, page: &Id<StatusPage>, query: Query) -> Result<(Vec<Post>, bool)> {
    let wanted = ListRequest { limit: MAX_LISTED, ..ListRequest::all() };
    let listing = cx.api.pages_below::<Post, _>(&LIST_POSTS, page, query, wanted, &Post::facts_only()).await?;
    let more = listing.end != End::Complete;
    Ok((listing.rows.into_iter().map(|row| row.facts).collect(), more))
}

/// Reads one post.
pub async fn post(cx: &Context, page: &Id<StatusPage>, id: &Id<Post>) -> Result<Post> {
    Ok(cx.api.one_below::<Post, _>(&GET_POST, page, id, &Post::facts_only()).await?.facts)
}

/// Reads the updates of a post, the oldest first.
pub async fn updates(cx: &Context, page: &Id<StatusPage>, id: &Id<Post>) -> Result<Vec<PostUpdate>> {
    let (all, selection) = (ListRequest::all(), PostUpdate::facts_only());
    let listing = cx.api.pages_of_part::<PostUpdate, _, _>(&LIST_POST_UPDATES, page, id, all, &selection).await?;
    let mut updates: Vec<_> = listing.rows.into_iter().map(|row| row.facts).collect();
    updates.sort_by_key(|update| update.reported_at);
    Ok(updates)
}

/// Reads the updates of several posts side by side.
pub async fn updates_of(cx: &Context, page: &Id<StatusPage>, posts: &[Post]) -> Vec<Result<Vec<PostUpdate>>> {
    let read = |post: &Post| {
        let id = post.id().and_then(Id::parse);
        async move {
            match id {
                Some(id) => updates(cx, page, &id).await,
                None => Ok(Vec::new()),
            }
        }
    };
    side_by_side(cx, posts.iter().map(read).collect::<Vec<_>>()).await
}

/// Returns a page for an answer.
pub fn shown_page(page: &StatusPage, local: &Local) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut set = |name: &str, value: Option<String>| {
        shown.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    };
    set("id", page.id.clone());
    set("name", page.name.clone());
    set("status_page_type", page.kind.clone());
    set("url", page.url.clone());
    set("published_at", page.published_at.map(|at| local.iso(at)));
    shown
}

/// Returns one of the values of a page for an answer.
pub fn shown_part(part: &PagePart) -> Value {
    json!({"id": part.id, "name": part.name})
}

/// Returns the values of a list with their names, by type of post.
pub fn by_type(parts: &[PagePart], wanted: Option<&str>) -> Value {
    let mut types = Map::new();
    for part in parts {
        let kind = part.post_type.as_deref().unwrap_or("other");
        if wanted.is_none_or(|wanted| wanted == kind)
            && let Some(list) = types.entry(kind).or_insert_with(|| json!([])).as_array_mut()
        {
            list.push(shown_part(part));
        }
    }
    types.into()
}

/// Returns the value with an ID for an answer.
fn named(parts: &[PagePart], id: &str) -> Value {
    let known = parts.iter().find(|part| part.id() == Some(id));
    json!({"id": id, "name": known.and_then(|part| part.name.clone())})
}

impl Parts {
    /// Returns the services of an update with their impacts, for an answer.
    pub fn shown_services(&self, pairs: &[(String, String)]) -> Value {
        let shown = |(service, impact): &(String, String)| {
            let mut shown = named(&self.services, service);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("impact".to_owned(), named(&self.impacts, impact));
            }
            shown
        };
        pairs.iter().map(shown).collect()
    }

    /// Returns an update for an answer.
    pub fn shown_update(&self, update: &PostUpdate, local: &Local) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut set = |name: &str, value: Option<Value>| shown.extend(value.map(|value| (name.to_owned(), value)));
        set("status", update.status.as_deref().map(|id| named(&self.statuses, id)));
        set("severity", update.severity.as_deref().map(|id| named(&self.severities, id)));
        set("services", (!update.services.is_empty()).then(|| self.shown_services(&update.services)));
        set("message", update.message.clone().map(Value::from));
        set("reported_at", update.reported_at.map(|at| local.iso(at).into()));
        set("next_update_at", next_update(update).map(|at| local.iso(at).into()));
        set("notifies_subscribers", update.notifies.map(Value::from));
        // Only what outsiders cannot read yet is worth a field.
        let pending = update.reviewed_status.as_deref().filter(|status| *status != "approved");
        set("reviewed_status", pending.map(Value::from));
        shown
    }

    /// Returns a post as a sentence: `Incident “Payments fail”: identified, major; Checkout degraded; Mon … EST.`
    fn line(&self, post: &Post, last: Option<&PostUpdate>, local: &Local) -> String {
        let kind = if post.post_type.as_deref() == Some("maintenance") { "Maintenance" } else { "Incident" };
        let title = quoted(post.title.as_deref().unwrap_or_default(), MAX_TITLE);
        let words = |parts: &[PagePart], id: &str| {
            let known = parts.iter().find(|part| part.id() == Some(id)).and_then(|part| part.name.clone());
            known.unwrap_or_else(|| id.to_owned())
        };
        let mut facts = Vec::new();
        if let Some((start, end)) = post.starts_at.zip(post.ends_at) {
            facts.extend(crate::shifts::Period::new(start, end).map(|period| local.span(period)));
        }
        if let Some(last) = last {
            let status = last.status.as_deref().map(|id| words(&self.statuses, id));
            let severity = last.severity.as_deref().map(|id| words(&self.severities, id));
            let both: Vec<_> = status.into_iter().chain(severity).collect();
            facts.extend((!both.is_empty()).then(|| both.join(", ")));
            let service = |(service, impact): &(String, String)| {
                format!("{} {}", words(&self.services, service), words(&self.impacts, impact))
            };
            let services: Vec<_> = last.services.iter().map(service).collect();
            facts.extend((!services.is_empty()).then(|| services.join(", ")));
            facts.extend(last.reported_at.map(|at| format!("updated {}", local.text(at))));
        }
        if facts.is_empty() { format!("{kind} {title}.") } else { format!("{kind} {title}: {}.", facts.join("; ")) }
    }

    /// Returns a post for an answer, with its last update or all of them.
    pub fn shown_post(&self, post: &Post, updates: &[PostUpdate], whole: bool, local: &Local) -> Map<String, Value> {
        let last = updates.last();
        let mut shown = Map::new();
        let mut set = |name: &str, value: Option<Value>| shown.extend(value.map(|value| (name.to_owned(), value)));
        set("id", post.id.clone().map(Value::from));
        set("line", Some(self.line(post, last, local).into()));
        set("title", post.title.clone().map(Value::from));
        set("post_type", post.post_type.clone().map(Value::from));
        set("starts_at", post.starts_at.map(|at| local.iso(at).into()));
        set("ends_at", post.ends_at.map(|at| local.iso(at).into()));
        if whole {
            let updates = updates.iter().rev().map(|update| Value::Object(self.shown_update(update, local)));
            set("updates", Some(updates.collect()));
        } else {
            shown.extend(last.map(|last| self.shown_update(last, local)).unwrap_or_default());
            shown.insert("updates_count".to_owned(), updates.len().into());
        }
        shown
    }
}

/// Returns the time at which the next update is announced.
fn next_update(update: &PostUpdate) -> Option<Timestamp> {
    let length = update.frequency_ms.filter(|length| *length > 0)?;
    update.reported_at?.checked_add(SignedDuration::from_millis(length)).ok()
}
