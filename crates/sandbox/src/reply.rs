//! The bodies of answers and errors.

mod page;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::ser::SerializeMap;

use self::page::Page;
use super::params::Params;

/// The result of a handler: the body of a 200, or an error.
///
/// Bodies are written while the account is locked, so they are bytes by now.
pub type Answer = Result<Vec<u8>, Problem>;

/// The result of a handler that chooses the status.
pub type Written = Result<(StatusCode, Vec<u8>), Problem>;

/// Answers with one object, as in `{"user": {…}}`.
pub fn one(key: &'static str, value: &impl Serialize) -> Answer {
    written(&Envelope { key, value, page: None })
}

/// Answers with a page of `rows`, in the envelope of classic pagination. Only rows on the page are written.
///
/// See <https://developer.pagerduty.com/docs/rest-api-v2/pagination/>.
pub fn list<T, V: Serialize>(key: &'static str, rows: &[T], params: &Params, view: impl Fn(&T) -> V) -> Answer {
    sized_list(key, rows, params, PAGE, view)
}

/// The default and the maximum number of rows of a page.
const PAGE: [usize; 2] = [25, 100];

/// Answers with a page of `rows` whose default and maximum size are these.
pub fn sized_list<T, V: Serialize>(
    key: &'static str,
    rows: &[T],
    params: &Params,
    sizes: [usize; 2],
    view: impl Fn(&T) -> V,
) -> Answer {
    let page = Page::of(params, sizes)?;
    let value: Vec<V> = rows.iter().skip(page.offset).take(page.limit).map(view).collect();
    let more = page.offset.saturating_add(page.limit) < rows.len();
    let total = page.total.then_some(rows.len());
    written(&Envelope {
        key,
        value: &value,
        page: Some(PageFields { limit: page.limit, offset: page.offset, more, total }),
    })
}

/// Answers with a page of `rows` by cursor, with `more` if that is true.
pub fn pages<T, V: Serialize>(
    (key, has_more): (&'static str, bool),
    rows: &[T],
    params: &Params,
    view: impl Fn(&T) -> V,
) -> Answer {
    let page = Page::by_cursor(params, PAGE)?;
    let value: Vec<V> = rows.iter().skip(page.offset).take(page.limit).map(view).collect();
    let next = page.offset.saturating_add(page.limit);
    let more = next < rows.len();
    let next_cursor = more.then(|| Page::cursor(next));
    let mut body = serde_json::Map::new();
    body.insert(key.to_owned(), serde_json::to_value(value).unwrap_or_default());
    body.insert("limit".to_owned(), page.limit.into());
    body.insert("next_cursor".to_owned(), next_cursor.into());
    body.extend(has_more.then(|| ("more".to_owned(), more.into())));
    written(&body)
}

/// Answers with all `rows`, without pagination.
pub fn all<V: Serialize>(key: &'static str, rows: impl IntoIterator<Item = V>) -> Answer {
    one(key, &rows.into_iter().collect::<Vec<V>>())
}

struct Envelope<'a, V> {
    key: &'static str,
    value: &'a V,
    page: Option<PageFields>,
}

#[derive(Serialize)]
struct PageFields {
    limit: usize,
    offset: usize,
    more: bool,
    total: Option<usize>,
}

impl<V: Serialize> Serialize for Envelope<'_, V> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry(self.key, self.value)?;
        if let Some(page) = &self.page {
            map.serialize_entry("limit", &page.limit)?;
            map.serialize_entry("offset", &page.offset)?;
            map.serialize_entry("more", &page.more)?;
            map.serialize_entry("total", &page.total)?;
        }
        map.end()
    }
}

/// Answers with a value without an envelope.
pub fn written(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value)
        .map_err(|error| Problem::new(500, None, "Internal Server Error").because(error.to_string()))
}

/// An error in PagerDuty's format.
///
/// See <https://developer.pagerduty.com/docs/errors>.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    /// Some of PagerDuty's errors have no code, and some of its codes are not documented.
    code: Option<u32>,
    message: &'static str,
    reasons: Reasons,
}

/// The reasons for an error.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Reasons {
    List(Vec<String>),
    /// By field, as the operations for shift-based schedules write them.
    Fields(BTreeMap<String, Vec<String>>),
}

impl Reasons {
    fn is_empty(&self) -> bool {
        matches!(self, Self::List(reasons) if reasons.is_empty())
    }
}

impl Problem {
    const fn new(status: u16, code: Option<u32>, message: &'static str) -> Self {
        Self { status, code, message, reasons: Reasons::List(Vec::new()) }
    }

    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reasons: Reasons::List(vec![reason.into()]), ..self }
    }

    /// Returns the error for an invalid field of a request for a shift-based schedule, such as `override.end_time`.
    pub fn field(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let reasons = Reasons::Fields(BTreeMap::from([(path.into(), vec![reason.into()])]));
        Self { reasons, ..Self::of_status(400) }
    }

    /// Returns the reasons without their fields, as the other operations write them.
    pub fn listed(self) -> Self {
        match self.reasons {
            Reasons::Fields(fields) => {
                let line = |(field, reasons): (String, Vec<String>)| format!("{field} {}.", reasons.join(", "));
                Self { reasons: Reasons::List(fields.into_iter().map(line).collect()), ..self }
            }
            Reasons::List(_) => self,
        }
    }

    /// Returns an invalid request in the form of the operations for shift-based schedules.
    pub fn by_field(self) -> Self {
        match self.reasons {
            Reasons::List(reasons) if self.status == 400 => {
                let code = self.code.or(Some(2001));
                Self { code, reasons: Reasons::Fields(BTreeMap::from([("request".to_owned(), reasons)])), ..self }
            }
            reasons => Self { reasons, ..self },
        }
    }

    /// Returns the error for an invalid request: 400, code 2001.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::new(400, Some(2001), "Invalid Input Provided").because(reason)
    }

    /// Returns the error for a page beyond PagerDuty's limit: 400, code 2002.
    pub fn arguments(reason: impl Into<String>) -> Self {
        Self::new(400, Some(2002), "Arguments Caused Error").because(reason)
    }

    /// Returns the refusal of a request by an account-level key for its current user.
    pub fn no_current_user() -> Self {
        Self::invalid("This endpoint needs a user's API key: an account-level key has no current user.")
    }

    pub fn already_resolved() -> Self {
        Self::new(400, Some(1001), "Incident Already Resolved")
    }

    /// Returns the error for an incident that was merged into another one.
    pub fn merged() -> Self {
        Self::new(400, Some(1019), "Incident Already Merged")
    }

    /// Returns the error for a `From` header with an unknown address.
    pub fn requester_not_found() -> Self {
        Self::new(400, Some(1008), "Requester User Not Found")
    }

    pub fn unauthenticated() -> Self {
        Self::new(401, Some(2006), "Authentication failed")
    }

    pub fn missing_ability() -> Self {
        let message = "Account does not have the abilities to perform the action.";
        Self::new(402, None, message).because("The account's plan does not include this feature.")
    }

    pub fn access_denied() -> Self {
        Self::new(403, Some(2010), "Access Denied")
    }

    pub fn not_found() -> Self {
        Self::new(404, Some(2100), "Not Found")
    }

    /// Returns the error for a change that the state of an object does not allow.
    pub fn not_allowed(reason: &str) -> Self {
        Self::new(405, Some(2001), "Method Not Allowed").because(reason)
    }

    pub fn too_large(reason: &str) -> Self {
        Self::new(413, Some(2001), "Request Entity Too Large").because(reason)
    }

    pub fn too_many_incidents() -> Self {
        Self::too_large("At most 250 incidents may be updated at a time.")
    }

    /// Returns the refusal of a request that is not from a program or page of this machine.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::access_denied().because(reason)
    }

    /// Returns the refusal of a request to the remote control without its token.
    pub fn without_control_token(header: &str) -> Self {
        Self::unauthenticated().because(format!("Send the token that the command sandbox prints, as {header}."))
    }

    pub fn rate_limited() -> Self {
        Self::new(429, Some(2020), "Rate Limit Exceeded")
    }

    /// Returns PagerDuty's error with that status, for a fault without a body.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 => Self::new(400, Some(2001), "Invalid Input Provided"),
            401 => Self::unauthenticated(),
            402 => Self::missing_ability(),
            403 => Self::access_denied(),
            404 => Self::not_found(),
            429 => Self::rate_limited(),
            _ => Self::new(status, Some(2000), "Internal Error"),
        }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(skip_serializing_if = "Reasons::is_empty")]
    errors: &'a Reasons,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = ErrorBody { message: self.message, code: self.code, errors: &self.reasons };
        let body = one("error", &error).unwrap_or_default();
        json(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
    }
}

/// A value that was looked up by ID and may not exist.
pub trait OrNotFound<T> {
    /// Returns the value, or PagerDuty's 404.
    fn or_404(self) -> Result<T, Problem>;
}

impl<T> OrNotFound<T> for Option<T> {
    fn or_404(self) -> Result<T, Problem> {
        self.ok_or_else(Problem::not_found)
    }
}

/// Returns a response with a body of JSON.
pub fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns the response for a handler's answer, with this status if it succeeded.
pub fn response(status: StatusCode, answer: Answer) -> Response {
    match answer {
        Ok(body) if body.is_empty() => status.into_response(),
        Ok(body) => json(status, body),
        Err(problem) => problem.into_response(),
    }
}
