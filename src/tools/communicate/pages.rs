//! `get_status_pages`: the status pages, their posts, or one post with its updates.

use std::collections::HashMap;

use pagerduty_api::operations::status_pages::{
    GET_POST, GET_POSTMORTEM, LIST_PAGE_IMPACTS, LIST_PAGE_SERVICES, LIST_PAGE_SEVERITIES, LIST_PAGE_STATUSES,
    LIST_POST_UPDATES, LIST_POSTS, LIST_STATUS_PAGES, STATUS_PAGES,
};
use pagerduty_api::operations::users::GET_CURRENT_USER;
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;

use super::page::{self, Parts, by_type, shown_page, shown_part};
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Model, Post, Postmortem, StatusPage};
use crate::params::{Choice, Limit, Word};
use crate::reply::Reply;
use crate::tools::gather::in_time;
use crate::tools::times::Local;
use crate::tools::words::quoted;
use crate::tools::{About, Context, Tool, run};

/// Returns status pages.
pub(super) const GET_STATUS_PAGES: Tool = Tool::new::<Params>(
    "get_status_pages",
    About {
        title: "Read status pages",
        description: "Status pages, public or private: what they say, posts, statuses, severities, services.",
        hint: "status page public say posts read show",
    },
    &[
        &LIST_STATUS_PAGES,
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
    |cx, arguments| run(cx, arguments, get_status_pages),
);

/// The types of posts.
#[derive(Clone, Debug)]
struct PostTypes;

impl Choice for PostTypes {
    const WORDS: &'static [&'static str] = &["incident", "maintenance"];
}

/// Whether a post was reviewed, so that outsiders can read it.
#[derive(Clone, Debug)]
struct Reviews;

impl Choice for Reviews {
    const WORDS: &'static [&'static str] = &["approved", "not_reviewed"];
}

crate::params! {
    struct Params {
        "Name or ID"
        status_page_id: Option<Id<StatusPage>>,
        "One post"
        post_id: Option<Id<Post>>,
        "Posts"
        post_type: Option<Word<PostTypes>>,
        "Posts"
        reviewed_status: Option<Word<Reviews>>,
        "Max results, default 100"
        limit: Option<Limit>,
    }
}

/// The most pages whose values are read.
const MAX_PAGES: usize = 5;

/// The most posts whose updates are read.
const MAX_POSTS: usize = 25;

/// The most characters of the name of a page in a warning.
const MAX_NAME: usize = 80;

async fn get_status_pages(cx: Context, params: Params) -> Result<Reply> {
    let limit = params.limit.map_or(Limit::DEFAULT, Limit::get);
    let local = Local::of(&cx, None);
    match (&params.status_page_id, &params.post_id) {
        (None, Some(_)) => Err(Error::new(Code::MissingParameter, "post_id was given without status_page_id")
            .hint("Pass the page of the post as status_page_id.")),
        (None, None) => {
            let (local, reply) = tokio::join!(local, page::pages(&cx));
            all(&cx, reply?, &params, limit, &local).await
        }
        (Some(id), None) => {
            let local = local.await;
            one(&cx, id, &params, limit, &local).await
        }
        (Some(id), Some(post)) => {
            let local = local.await;
            with_post(&cx, id, post, &local).await
        }
    }
}

/// Returns the pages of a type with their values.
async fn all(cx: &Context, mut pages: Vec<StatusPage>, params: &Params, limit: usize, local: &Local) -> Result<Reply> {
    let count = pages.len();
    pages.truncate(limit);
    let ids: Vec<_> = pages.iter().take(MAX_PAGES).filter_map(|page| page.id().and_then(Id::parse)).collect();
    let parts = page::parts(cx, &ids).await;
    let (mut rows, mut warnings) = (Vec::new(), Vec::new());
    for page in &pages {
        let mut row = shown_page(page, local);
        let place = ids.iter().position(|id| page.id() == Some(id.as_str()));
        if let Some(parts) = place.and_then(|place| parts.get(place)) {
            warnings.extend(missing(page, parts));
            row.extend(values(parts, params));
        }
        rows.push(Object::from_members(row));
    }
    if pages.len() > MAX_PAGES {
        warnings
            .push(format!("The values of {MAX_PAGES} pages are here. Pass status_page_id for those of another page."));
    }
    let mut reply = cx.composed(&STATUS_PAGES, rows, "status_page_id or limit").warned(warnings);
    if count > limit {
        reply.set("has_more", true);
    }
    local.name_in(&mut reply);
    Ok(reply)
}

/// Returns a page with its values and posts.
async fn one(cx: &Context, id: &Id<StatusPage>, params: &Params, limit: usize, local: &Local) -> Result<Reply> {
    let query = Query::new()
        .with("post_type", params.post_type.as_ref().map(Word::get))
        .with("reviewed_status", params.reviewed_status.as_ref().map(Word::get));
    let posts = async {
        let (posts, more) = page::posts(cx, id, query).await?;
        let read: Vec<_> = candidates(&posts).cloned().collect();
        let updates = page::updates_of(cx, id, &read).await;
        let updates = read.into_iter().filter_map(|post| post.id).zip(updates).collect::<HashMap<_, _>>();
        Ok((posts, updates, more))
    };
    let (page, parts, posts) = Box::pin(beside_page(cx, id, Box::pin(posts))).await;
    let page = page?;
    let mut warnings = missing(&page, &parts);
    let mut row = shown_page(&page, local);
    row.extend(values(&parts, params));
    match posts {
        Ok((posts, mut updates, more)) => {
            let (count, read) = (posts.len(), updates.len());
            let mut found = Vec::with_capacity(count);
            for post in posts {
                let of_post = post.id().and_then(|id| updates.remove(id)).unwrap_or_else(|| Ok(Vec::new()));
                let of_post = of_post.unwrap_or_else(|error| {
                    warnings.push(format!("The updates of post {} are missing: {error}", post.id().unwrap_or("?")));
                    Vec::new()
                });
                found.push((post, of_post));
            }
            found.sort_by_key(|(_, updates)| std::cmp::Reverse(updates.last().and_then(|last| last.reported_at)));
            found.truncate(limit);
            if more || found.len() < count {
                let most = if more { "more than " } else { "" };
                warnings.push(format!("The page has {most}{count} posts, and {} are here.", found.len()));
            }
            if read < found.len() {
                warnings
                    .push(format!("The last updates of {read} posts are here; pass post_id for those of another one."));
            }
            let shown =
                found.iter().map(|(post, updates)| Value::Object(parts.shown_post(post, updates, false, local)));
            row.insert("posts".to_owned(), shown.collect());
        }
        Err(error) => warnings.push(format!("The posts could not be fetched: {error}")),
    }
    Ok(answer(cx, row, local, warnings))
}

/// Returns a page with one post, its updates and its postmortem.
async fn with_post(cx: &Context, id: &Id<StatusPage>, post_id: &Id<Post>, local: &Local) -> Result<Reply> {
    let selection = Postmortem::facts_only();
    let postmortem =
        async { cx.api.one_below::<_, _>(&GET_POSTMORTEM, id, &post_id.cast::<Postmortem>(), &selection).await };
    let post = async {
        let (post, updates, postmortem) =
            tokio::join!(page::post(cx, id, post_id), page::updates(cx, id, post_id), postmortem);
        Ok((post?, updates, postmortem))
    };
    let (page, parts, post) = Box::pin(beside_page(cx, id, Box::pin(post))).await;
    let page = page?;
    let (post, updates, postmortem) = post?;
    let mut warnings = missing(&page, &parts);
    let updates = updates.unwrap_or_else(|error| {
        warnings.push(format!("The updates could not be fetched: {error}"));
        Vec::new()
    });
    let mut shown = parts.shown_post(&post, &updates, true, local);
    match postmortem {
        Ok(row) => {
            let at = row.facts.reported_at.map(|at| local.iso(at));
            shown.insert("postmortem".to_owned(), json!({"message": row.facts.message, "reported_at": at}));
        }
        Err(error) if error.code() == Code::NotFound => {}
        Err(error) => warnings.push(format!("The postmortem could not be fetched: {error}")),
    }
    let mut row = shown_page(&page, local);
    row.insert("posts".to_owned(), json!([shown]));
    Ok(answer(cx, row, local, warnings))
}

/// Reads a page with its values, and something else beside them.
async fn beside_page<T>(
    cx: &Context,
    id: &Id<StatusPage>,
    other: impl Future<Output = Result<T>>,
) -> (Result<StatusPage>, Parts, Result<T>) {
    let until = SetOnce::new();
    let page = async {
        let page = page::page(cx, id).await;
        let _ = until.set(cx.api.grace());
        page
    };
    let parts = in_time(async { Ok(page::parts(cx, std::slice::from_ref(id)).await) }, &until);
    let (page, parts, other) = tokio::join!(page, parts, in_time(other, &until));
    let parts = match parts {
        Ok(parts) => parts.into_iter().next().unwrap_or_default(),
        Err(error) => {
            Parts { failures: vec![("statuses, severities, impacts and services", error)], ..Parts::default() }
        }
    };
    (page, parts, other)
}

/// Returns the posts whose updates are read. PagerDuty does not document the order of posts, so of many, those at both ends
/// are among them, of which one end has the newest.
fn candidates(posts: &[Post]) -> impl Iterator<Item = &Post> {
    let is_read = move |place: usize| place < MAX_POSTS / 2 || place + MAX_POSTS.div_ceil(2) >= posts.len();
    posts.iter().enumerate().filter(move |(place, _)| is_read(*place)).map(|(_, post)| post)
}

fn answer(cx: &Context, row: Map<String, Value>, local: &Local, warnings: Vec<String>) -> Reply {
    let rows = vec![Object::from_members(row)];
    let mut reply = cx.composed(&STATUS_PAGES, rows, "post_id or a lower limit").warned(warnings);
    local.name_in(&mut reply);
    reply
}

/// Returns the values that posts of the page can have, for an answer.
fn values(parts: &Parts, params: &Params) -> Map<String, Value> {
    let kind = params.post_type.as_ref().map(Word::get);
    let lists = [("statuses", &parts.statuses), ("severities", &parts.severities), ("impacts", &parts.impacts)];
    let mut values = Map::new();
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        values.insert(name.to_owned(), by_type(list, kind));
    }
    if !parts.services.is_empty() {
        values.insert("services".to_owned(), parts.services.iter().map(shown_part).collect());
    }
    values
}

/// Returns warnings about the values of a page that could not be read.
fn missing(page: &StatusPage, parts: &Parts) -> Vec<String> {
    let name = quoted(page.name.as_deref().unwrap_or_default(), MAX_NAME);
    let missing = |(list, error): &(&str, Error)| format!("The {list} of {name} could not be fetched: {error}");
    parts.failures.iter().map(missing).collect()
}
