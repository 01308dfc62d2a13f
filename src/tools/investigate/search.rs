//! `search_incidents`.

use std::collections::HashSet;

use pagerduty_api::operations::incidents::{INCIDENTS, LIST_INCIDENTS};
use pagerduty_api::operations::services::LIST_SERVICES;
use pagerduty_api::operations::users::GET_CURRENT_USER;

use crate::budget::Budget;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::models::{FoundIncident, Model, Priority, Row, Service, Team, User};
use crate::names::{normalized, words};
use crate::pagination::{End, ListRequest, Listing};
use crate::params::{
    Choice, Choices, Ids, Include, Limit, Offset, Range, Statuses, Text, Texts, Urgencies, When, Word,
};
use crate::reply::Reply;
use crate::tools::context::listed;
use crate::tools::incidents::mine;
use crate::tools::times::Local;
use crate::tools::tool::{About, run};
use crate::tools::{Context, Tool};

/// Returns incidents of the whole account that match filters and words.
pub(super) const SEARCH_INCIDENTS: Tool = Tool::new::<Params>(
    "search_incidents",
    About {
        title: "Search incidents in the whole account",
        description: "Find or list incidents (pages, outages) in the whole account, also by words in the title.",
        hint: "find search list outages incidents pages mentioning words text last month assigned mine",
    },
    &[&LIST_INCIDENTS, &GET_CURRENT_USER, &LIST_SERVICES],
    |cx, arguments| run(cx, arguments, search_incidents),
);

/// The incidents to search.
#[derive(Clone, Copy, Debug)]
pub struct Scopes;

impl Choice for Scopes {
    const WORDS: &'static [&'static str] = &["all", "mine", "assigned"];
}

/// The orders of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Orders;

impl Choice for Orders {
    const WORDS: &'static [&'static str] = &["created_at:desc", "created_at:asc", "resolved_at:desc", "urgency:desc"];
}

crate::params! {
    struct Params {
        "All these words in the title"
        text: Option<Text>,
        "Leave out: words of a title, or a service"
        exclude: Texts,
        "Of my teams is mine, assigned is to me"
        scope: Word<Scopes>,
        "Services"
        service_ids: Ids<Service>,
        "Teams"
        team_ids: Ids<Team>,
        "Assigned users; resolved incidents have none"
        user_ids: Ids<User>,
        "Default: all"
        statuses: Choices<Statuses>,
        "Default: all"
        urgencies: Choices<Urgencies>,
        "Like P1"
        priorities: Ids<Priority>,
        "Key of the alert or event"
        incident_key: Option<Text>,
        "ISO 8601; default a month before until"
        since: Option<When>,
        "Default now; at most 180 days after since"
        until: Option<When>,
        "Order"
        sort_by: Word<Orders>,
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<FoundIncident>,
    }
}

/// The most incidents that are read for one answer if words select them.
const MOST_READ: usize = 2_000;

/// The number of incidents that are read at a time if words select them.
const CHUNK: usize = 500;

async fn search_incidents(cx: Context, params: Params) -> Result<Reply> {
    let read = Local::read(&cx, None, [params.since, params.until]).await?;
    let [since, until] = read.moments;
    let range = Range::of_incidents(since, until)?;
    let mut warnings = read.remarks;
    let query = scope(&cx, &params, &mut warnings)
        .await?
        .with("sort_by", Some(params.sort_by.get()))
        .with_all("statuses", params.statuses.words())
        .with_all("urgencies", params.urgencies.words())
        .with_given("priority_ids", params.priorities.as_slice())
        .with("incident_key", params.incident_key.as_ref())
        .with("since", range.since)
        .with("until", range.until);
    let want = cx.want(params.limit, params.offset);
    let words = Words::of(&params);
    let (listing, rows_read) = if words.are_given() {
        matching(&cx, &query, want, &words, &params, &mut warnings).await?
    } else {
        let listing = cx.api.list::<FoundIncident>(query, want, &params.include.selection()).await?;
        let count = listing.rows.len();
        (listing, count)
    };
    warnings.extend(params.statuses.warning("statuses"));
    warnings.extend(params.urgencies.warning("urgencies"));
    if let Some((asked, since, until)) = since.zip(range.since).zip(range.until).map(|((a, s), u)| (a, s, u))
        && asked < since
    {
        warnings.push(format!("Without until, the newest 180 days were searched: from {since} to {until}."));
    }
    let mut reply = listed(&INCIDENTS, listing, &params.include, "statuses, service_ids, since and until");
    reply.set("rows_read", rows_read);
    Ok(reply.warned(warnings))
}

/// Returns the query for the incidents to search.
async fn scope(cx: &Context, params: &Params, warnings: &mut Vec<String>) -> Result<Query> {
    let filters = crate::params::given!(params, [service_ids, team_ids, user_ids]);
    let given = filters.iter().find(|(_, given)| *given).map(|(name, _)| *name);
    match (params.scope.get(), given) {
        ("all", _) => Ok(Query::new()
            .with_given("service_ids", params.service_ids.as_slice())
            .with_given("team_ids", params.team_ids.as_slice())
            .with_given("user_ids", params.user_ids.as_slice())),
        (scope, Some(name)) => {
            Err(Error::new(Code::ConflictingParameters, format!("scope={scope} cannot be combined with {name}"))
                .hint(format!("Pass {name} with scope=all, or leave {name} out.")))
        }
        ("mine", None) => mine(cx, warnings).await,
        (_, None) => {
            let me = cx.api.me().await?;
            warnings.push(
                "Resolved incidents have no assignee in PagerDuty, so none of them are here. scope=all has them."
                    .to_owned(),
            );
            Ok(Query::new().with_all("user_ids", std::slice::from_ref(&me.id)))
        }
    }
}

/// The words that select incidents.
struct Words {
    wanted: Vec<String>,
    unwanted: Vec<(String, Vec<String>)>,
}

impl Words {
    fn of(params: &Params) -> Self {
        let wanted = params.text.as_ref().map(|text| words(&text.to_string())).unwrap_or_default();
        let unwanted = params.exclude.as_slice().iter().map(|text| (normalized(text), words(text)));
        Self { wanted, unwanted: unwanted.collect() }
    }

    fn are_given(&self) -> bool {
        !(self.wanted.is_empty() && self.unwanted.is_empty())
    }

    /// Returns whether an incident has all wanted words in its title, and is not excluded.
    fn select(&self, incident: &FoundIncident) -> bool {
        let title = incident.title.to_lowercase();
        let has = |words: &[String]| !words.is_empty() && words.iter().all(|word| title.contains(word.as_str()));
        let is_service = |name: &str| incident.service.iter().flatten().any(|service| normalized(service) == name);
        (self.wanted.is_empty() || has(&self.wanted))
            && !self.unwanted.iter().any(|(name, words)| has(words) || is_service(name))
    }
}

/// Reads incidents until enough of them are selected, and returns those with the number that was read.
///
/// Offsets are those of PagerDuty's list, so the next call continues where this one ended.
async fn matching(
    cx: &Context,
    query: &Query,
    want: ListRequest,
    words: &Words,
    params: &Params,
    warnings: &mut Vec<String>,
) -> Result<(Listing<FoundIncident>, usize)> {
    let selection = params.include.selection();
    let (mut found, mut seen) = (Found::new(want.clone()), HashSet::new());
    let (mut next, mut rows_read) = (want.offset, 0);
    loop {
        let part = ListRequest { limit: CHUNK, offset: next, budget: Budget::unlimited() };
        let chunk = cx.api.list::<FoundIncident>(query.clone(), part, &selection).await?;
        let (end, after) = (chunk.end, chunk.next);
        found.note(&chunk);
        let rows = chunk.into_rows();
        // A list that became shorter was read again from an earlier row.
        for (offset, row) in (after.saturating_sub(rows.len())..).zip(rows) {
            rows_read += 1;
            let Ok(row) = row else { continue };
            let is_new = row.facts.id().is_none_or(|id| seen.insert(id.to_owned()));
            if is_new && words.select(&row.facts) && !found.take(offset, row) {
                return Ok((found.listing, rows_read));
            }
        }
        let is_over = !matches!(end, End::Limit(_)) || after <= next;
        next = after;
        found.listing.next = next;
        if is_over {
            found.listing.end = end;
            return Ok((found.listing, rows_read));
        }
        if rows_read >= MOST_READ {
            found.listing.end = End::Limit(next);
            warnings.push(format!(
                "{rows_read} incidents were read. To search older ones, pass offset={next}; to read fewer, pass \
                 service_ids, since or until."
            ));
            return Ok((found.listing, rows_read));
        }
    }
}

/// The selected incidents, up to the end of the answer.
struct Found {
    want: ListRequest,
    listing: Listing<FoundIncident>,
}

impl Found {
    fn new(want: ListRequest) -> Self {
        let next = want.offset;
        let listing = Listing {
            rows: Vec::new(),
            end: End::Complete,
            next,
            oversized: false,
            left_out: Vec::new(),
            moved: false,
            lacks_rows: false,
        };
        Self { want, listing }
    }

    /// Takes over the remarks about a part of the list.
    fn note(&mut self, part: &Listing<FoundIncident>) {
        self.listing.left_out.extend(part.left_out.iter().cloned());
        self.listing.moved |= part.moved;
        self.listing.lacks_rows |= part.lacks_rows;
    }

    /// Takes a row. Returns whether the answer has space for it; the list ends before it otherwise.
    fn take(&mut self, offset: usize, row: Row<FoundIncident>) -> bool {
        let listing = &mut self.listing;
        if listing.rows.len() >= self.want.limit {
            (listing.end, listing.next) = (End::Limit(offset), offset);
            return false;
        }
        if !self.want.budget.take(&row.shown) {
            if !listing.rows.is_empty() {
                (listing.end, listing.next) = (End::Budget(offset), offset);
                return false;
            }
            listing.oversized = true;
        }
        listing.rows.push(row);
        true
    }
}
