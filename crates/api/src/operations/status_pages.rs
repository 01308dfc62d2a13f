//! Status pages: what the public or customers read about incidents and maintenance.

use crate::{Answer, Operation, Paging, Resource};

/// Status pages.
pub const STATUS_PAGES: Resource = Resource {
    noun: "status page",
    one: "status_page",
    many: "status_pages",
    pages: &["status_pages", "status-pages"],
};

/// Statuses that the posts of a page can have.
pub const STATUSES: Resource = Resource { noun: "status", one: "status", many: "statuses", pages: &[] };

/// Severities that the posts of a page can have.
pub const SEVERITIES: Resource = Resource { noun: "severity", one: "severity", many: "severities", pages: &[] };

/// Impacts that the services of a page can have.
pub const PAGE_IMPACTS: Resource = Resource { noun: "impact", one: "impact", many: "impacts", pages: &[] };

/// Services of a page. They stand for business services.
pub const PAGE_SERVICES: Resource =
    Resource { noun: "service of the page", one: "service", many: "services", pages: &[] };

/// Posts on a page.
pub const POSTS: Resource = Resource { noun: "post", one: "post", many: "posts", pages: &[] };

/// Updates of a post.
pub const POST_UPDATES: Resource = Resource { noun: "update", one: "post_update", many: "post_updates", pages: &[] };

/// Postmortems of posts.
pub const POSTMORTEMS: Resource = Resource { noun: "postmortem", one: "postmortem", many: "postmortems", pages: &[] };

pub(super) const ALL: &[&Operation] = &[
    &LIST_STATUS_PAGES,
    &LIST_PAGE_STATUSES,
    &LIST_PAGE_SEVERITIES,
    &LIST_PAGE_IMPACTS,
    &LIST_PAGE_SERVICES,
    &LIST_POSTS,
    &GET_POST,
    &CREATE_POST,
    &LIST_POST_UPDATES,
    &CREATE_POST_UPDATE,
    &GET_POSTMORTEM,
    &SET_POSTMORTEM,
];

const READ: &[&str] = &["status_pages.read"];
const WRITE: &[&str] = &["status_pages.write"];

/// Lists status pages. PagerDuty does not read a single one.
pub const LIST_STATUS_PAGES: Operation =
    Operation::list("listStatusPages", "/status_pages", &STATUS_PAGES, Paging::Offset, READ);

/// Lists the statuses of a page.
pub const LIST_PAGE_STATUSES: Operation =
    Operation::pages_of("listStatusPageStatuses", "/status_pages/{id}/statuses", &STATUS_PAGES, &STATUSES, READ);

/// Lists the severities of a page.
pub const LIST_PAGE_SEVERITIES: Operation =
    Operation::pages_of("listStatusPageSeverities", "/status_pages/{id}/severities", &STATUS_PAGES, &SEVERITIES, READ);

/// Lists the impacts of a page.
pub const LIST_PAGE_IMPACTS: Operation =
    Operation::pages_of("listStatusPageImpacts", "/status_pages/{id}/impacts", &STATUS_PAGES, &PAGE_IMPACTS, READ);

/// Lists the services of a page.
pub const LIST_PAGE_SERVICES: Operation =
    Operation::pages_of("listStatusPageServices", "/status_pages/{id}/services", &STATUS_PAGES, &PAGE_SERVICES, READ);

/// Lists the posts of a page.
pub const LIST_POSTS: Operation =
    Operation::pages_of("listStatusPagePosts", "/status_pages/{id}/posts", &STATUS_PAGES, &POSTS, READ);

/// Reads one post.
pub const GET_POST: Operation =
    Operation::get("getStatusPagePost", "/status_pages/{id}/posts/{post_id}", &POSTS, READ).below(&STATUS_PAGES);

/// Publishes a post with its first update.
pub const CREATE_POST: Operation =
    Operation::create("createStatusPagePost", "/status_pages/{id}/posts", &STATUS_PAGES, Answer::One(&POSTS), WRITE);

/// Lists the updates of a post.
pub const LIST_POST_UPDATES: Operation = Operation {
    part: Some(&POSTS),
    ..Operation::pages_of(
        "listStatusPagePostUpdates",
        "/status_pages/{id}/posts/{post_id}/post_updates",
        &STATUS_PAGES,
        &POST_UPDATES,
        READ,
    )
};

/// Publishes an update of a post.
pub const CREATE_POST_UPDATE: Operation = Operation {
    part: Some(&POSTS),
    ..Operation::create(
        "createStatusPagePostUpdate",
        "/status_pages/{id}/posts/{post_id}/post_updates",
        &STATUS_PAGES,
        Answer::One(&POST_UPDATES),
        WRITE,
    )
};

/// Reads the postmortem of a post.
pub const GET_POSTMORTEM: Operation = Operation {
    answer: Answer::One(&POSTMORTEMS),
    ..Operation::get("getPostmortem", "/status_pages/{id}/posts/{post_id}/postmortem", &POSTS, READ)
        .below(&STATUS_PAGES)
};

/// Publishes the postmortem of a post, or replaces it.
pub const SET_POSTMORTEM: Operation = Operation {
    answer: Answer::One(&POSTMORTEMS),
    ..Operation::update(
        "createOrUpdateStatusPagePostmortem",
        "/status_pages/{id}/posts/{post_id}/postmortem",
        &POSTS,
        WRITE,
    )
    .below(&STATUS_PAGES)
};
