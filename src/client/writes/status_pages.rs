//! Publications on status pages, which PagerDuty cannot tell from repetitions: there is no key that identifies a request.

use pagerduty_api::operations::status_pages::{
    CREATE_POST, CREATE_POST_UPDATE, GET_POSTMORTEM, LIST_POST_UPDATES, LIST_POSTS, SET_POSTMORTEM,
};
use pagerduty_rows::fields::{Field, Keep, nested, plain};
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;

use super::declared::{Declared, Done, Echo, Proof, Source};
use crate::client::{Api, Query, Request};
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Post, StatusPage};
use crate::receipts::Fields;

/// The most posts or updates among which a new one is searched for.
const MOST: usize = 100;

const ID: &[Field] = &[plain("id")];

const POST: &[Field] = &[plain("id"), plain("title"), plain("post_type")];

const UPDATE: &[Field] = &[
    plain("id"),
    Field { name: "message", source: "message", keep: Keep::Raw, derive: None },
    nested("status", ID),
    nested("severity", ID),
];

fn get(members: &Map<String, Value>, name: &str) -> (String, Value) {
    (name.to_owned(), members.get(name).cloned().unwrap_or_default())
}

fn post(members: &Map<String, Value>) -> Fields {
    Fields::from_iter([get(members, "title"), get(members, "post_type")])
}

fn update(members: &Map<String, Value>) -> Fields {
    let message = members.get("message").and_then(Value::as_str).map(plain_text);
    Fields::from_iter([("message".to_owned(), message.into()), get(members, "status"), get(members, "severity")])
}

/// Returns the words of a text that may be HTML, for comparison: PagerDuty may return it with other tags.
#[must_use]
pub fn plain_text(html: &str) -> String {
    let (mut text, mut rest) = (String::new(), html);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let tag = after.split_once('>');
        text.push(if tag.is_some() { ' ' } else { '<' });
        rest = tag.map_or(after, |(_, after)| after);
    }
    text.push_str(rest);
    for (entity, character) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Api {
    /// Waits until no other call with this credential publishes on a page, and prevents others until the guard is
    /// dropped.
    pub async fn hold_page(&self, page: &Id<StatusPage>) -> OwnedMutexGuard<()> {
        self.account.memory.lock(&format!("status page {page}")).await
    }

    /// Publishes a post on a page. If the response is lost, it is searched for among the posts besides the `known` ones.
    pub async fn publish_post(&self, page: &Id<StatusPage>, members: Value, known: Vec<String>) -> Result<Done> {
        let fields = members.as_object().map(post).unwrap_or_default();
        let query = Query::new().with("limit", Some(MOST));
        let query = query.with("post_type", members.get("post_type").and_then(Value::as_str));
        let declared = Declared {
            request: Request::on(&CREATE_POST, page, Query::new()),
            body: json!({ "post": members }),
            gerund: "publishing the post on",
            check: format!("get_status_pages with status_page_id={page}"),
            sources: vec![Source { request: Request::on(&LIST_POSTS, page, query), fields: POST, read: post }],
            proof: Proof::Another { fields, known },
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, None).await
    }

    /// Publishes an update of a post. If the response is lost, it is searched for among the updates besides the `known`
    /// ones.
    pub async fn publish_update(
        &self,
        page: &Id<StatusPage>,
        id: &Id<Post>,
        members: Value,
        known: Vec<String>,
    ) -> Result<Done> {
        let fields = members.as_object().map(update).unwrap_or_default();
        let query = Query::new().with("limit", Some(MOST));
        let declared = Declared {
            request: Request::below(&CREATE_POST_UPDATE, page, id, Query::new()),
            body: json!({ "post_update": members }),
            gerund: "publishing the update of",
            check: format!("get_status_pages with status_page_id={page} and post_id={id}"),
            sources: vec![Source {
                request: Request::below(&LIST_POST_UPDATES, page, id, query),
                fields: UPDATE,
                read: update,
            }],
            proof: Proof::Another { fields, known },
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, None).await
    }

    /// Publishes the postmortem of a post, or replaces it.
    pub async fn publish_postmortem(&self, page: &Id<StatusPage>, id: &Id<Post>, members: Value) -> Result<Done> {
        let message = |members: &Map<String, Value>| {
            let message = members.get("message").and_then(Value::as_str).map(plain_text);
            Fields::from_iter([("message".to_owned(), message.into())])
        };
        let declared = Declared {
            request: Request::below(&SET_POSTMORTEM, page, id, Query::new()),
            body: json!({ "postmortem": members }),
            gerund: "publishing the postmortem of",
            check: format!("get_status_pages with status_page_id={page} and post_id={id}"),
            sources: vec![Source {
                request: Request::below(&GET_POSTMORTEM, page, id, Query::new()),
                fields: UPDATE,
                read: message,
            }],
            proof: Proof::New { fields: members.as_object().map(message).unwrap_or_default(), at: None },
            echo: Echo::Objects(&[]),
        };
        self.make(&declared, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_text_with_the_same_words_are_equal() {
        for html in ["<p>a &amp; b</p><p>c</p>", " a & b\n\nc", "<div>a &amp;<b> b</b><br/>c</div>"] {
            assert_eq!(plain_text(html), "a & b c", "{html}");
        }
        assert_eq!(plain_text("5 < 6 &lt;b&gt;"), "5 < 6 <b>");
        assert_eq!(plain_text("&amp;lt;"), "&lt;");
    }
}
