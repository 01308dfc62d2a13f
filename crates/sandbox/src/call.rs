//! A request that has been admitted, in the form that handlers take.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use serde_json::Value;

use super::account::Account;
use super::documents::text;
use super::gate::Caller;
use super::guard::Base;
use super::params::Params;
use super::reply::Problem;
use super::view::View;

#[derive(Debug)]
pub struct Call {
    /// The `{id}` of the path, or nothing.
    pub id: String,
    /// The IDs after it, of objects inside it.
    parts: Vec<String>,
    pub params: Params,
    pub caller: Caller,
    /// The URL under which the caller reached the sandbox. Links start with it.
    pub base: String,
    /// Set for the operations of shift-based schedules, whose errors have another form.
    names_fields: bool,
    from: Option<String>,
    body: Bytes,
}

impl Call {
    /// Returns the ID of the innermost object that the path names inside another.
    pub fn part(&self) -> &str {
        self.parts.last().map(String::as_str).unwrap_or_default()
    }

    /// Returns the ID of the object that the path names around the innermost one.
    pub fn outer_part(&self) -> &str {
        self.parts.first().map(String::as_str).unwrap_or_default()
    }

    /// Returns whether the request has no body.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Returns the values of `include[]`.
    pub fn includes(&self) -> Vec<&str> {
        self.params.all("include[]")
    }

    /// Returns the data that an answer is written from.
    pub fn view<'a>(&'a self, account: &'a Account, includes: &'a [&'a str]) -> View<'a> {
        View::new(account, &self.base, includes)
    }

    /// Returns an error in the form of the operation that was called.
    pub fn refused(&self, problem: Problem) -> Problem {
        if self.names_fields { problem.by_field() } else { problem.listed() }
    }

    /// Returns the body of a write.
    pub fn body(&self) -> Result<Value, Problem> {
        let body = serde_json::from_slice(&self.body).ok().filter(Value::is_object);
        body.ok_or_else(|| Problem::invalid("The request body must be a JSON object."))
    }

    /// Returns the ID of the user who writes, which is empty for an account-level key without `From`. Operations that
    /// require `From` use [`actor`](Self::actor).
    pub fn author(&self, account: &Account) -> Result<String, Problem> {
        let is_known = self.from.is_some() || self.caller.user(account).is_some();
        if is_known { self.actor(account) } else { Ok(String::new()) }
    }

    /// Returns the ID of the user who writes: the user in `From`, or else the one that the token belongs to.
    pub fn actor(&self, account: &Account) -> Result<String, Problem> {
        let user = match &self.from {
            Some(email) => account.user_by_email(email).ok_or_else(Problem::requester_not_found)?,
            None => self
                .caller
                .user(account)
                .ok_or_else(|| Problem::invalid("The From header is required with this API key."))?,
        };
        Ok(text(user, "id").to_owned())
    }
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = parts.extensions.remove::<Caller>().ok_or_else(Problem::unauthenticated)?;
        let path = RawPathParams::from_request_parts(&mut parts, state).await.map_err(|_| Problem::not_found())?;
        let mut ids = path.iter().map(|(_, id)| id.to_owned());
        let (id, inner) = (ids.next().unwrap_or_default(), ids.collect());
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::invalid("The query string cannot be read."))?;
        let names_fields = parts.uri.path().starts_with("/v3/");
        let base = parts.extensions.remove::<Base>().ok_or_else(Problem::not_found)?.0;
        let from = parts.headers.get("from").and_then(|from| from.to_str().ok()).map(str::to_owned);
        let body = read_body(Request::from_parts(parts, body), state).await?;
        Ok(Self { id, parts: inner, params: Params(query.0), caller, base, names_fields, from, body })
    }
}

/// Returns the body of a request, if it is complete and not too large.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let body = Bytes::from_request(request, state).await;
    body.map_err(|_| Problem::too_large("The request body is too large or was cut off."))
}
