//! Status pages and their posts. Their answers have another form than those of other kinds.

use crate::behavior::status_pages;
use crate::kind::Filter::Is;
use crate::kind::{Kind, optional, required};

/// <https://developer.pagerduty.com/api-reference/ff9e2b2bbee6b-list-status-pages>
pub static STATUS_PAGE: Kind = Kind {
    name: "status_page",
    many: "status_pages",
    path: "status_pages",
    page: "status-pages",
    serves: &[],
    fields: &[
        required("name"),
        optional("published_at", "null"),
        optional("status_page_type", r#""public""#),
        required("url"),
        optional("statuses", "[]").hidden(),
        optional("severities", "[]").hidden(),
        optional("impacts", "[]").hidden(),
        optional("services", "[]").hidden(),
    ],
    filters: &[("status_page_type", Is("status_page_type"))],
    check: |_| Ok(()),
    seed: include_str!("../../seed/status_pages.json"),
};

/// A post with its updates, the oldest first.
///
/// <https://developer.pagerduty.com/api-reference/6d8b1f1b5ff7d-list-status-page-posts>
pub static STATUS_PAGE_POST: Kind = Kind {
    name: "status_page_post",
    many: "status_page_posts",
    path: "status_page_posts",
    page: "",
    serves: &[],
    fields: &[
        required("title"),
        required("post_type"),
        required("status_page").include("status_page"),
        optional("starts_at", "null"),
        optional("ends_at", "null"),
        optional("updates", "[]").hidden(),
        optional("postmortem", "null").hidden(),
    ],
    filters: &[],
    check: status_pages::check,
    seed: include_str!("../../seed/status_page_posts.json"),
};
