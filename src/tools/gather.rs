//! Additional parts of an answer, fetched side by side with its main object and under one budget.
//!
//! The main object is what matters. A part that fails or is late becomes a warning and never delays the answer for long.

use std::pin::pin;

use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{self, StreamExt};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};
use tokio::sync::SetOnce;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Context;
use crate::budget::Budget;
use crate::error::{Code, Error, Result};
use crate::reply::Reply;

/// A part: its name and the request for its rows.
pub type Part<'r> = (&'static str, BoxFuture<'r, Result<Vec<Object>>>);

/// The parts that were fetched.
pub struct Parts(Vec<(&'static str, Result<Vec<Object>>)>);

/// Fetches an object and its parts side by side. Without the object, its parts are not waited for.
pub async fn gather<T>(
    cx: &Context,
    object: impl Future<Output = Result<T>>,
    parts: Vec<Part<'_>>,
) -> Result<(T, Parts)> {
    let until = SetOnce::new();
    let object = async {
        let object = object.await?;
        let _ = until.set(cx.api.grace());
        Ok(object)
    };
    let parts = join_all(parts.into_iter().map(|(name, part)| {
        let until = &until;
        async move { (name, in_time(part, until).await) }
    }));
    let (object, parts) = tokio::try_join!(object, async { Ok(parts.await) })?;
    Ok((object, Parts(parts)))
}

/// The number of requests of [`side_by_side`] that are in flight at a time.
const PARALLEL: usize = 25;

/// Sends requests side by side, and returns their answers in order.
///
/// Once one of them has succeeded, each wait for a further answer is short. So a request without a response fails alone,
/// while many requests take as long as they need.
pub async fn side_by_side<T>(
    cx: &Context,
    requests: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Vec<Result<T>> {
    let numbered = requests.into_iter().enumerate().map(|(place, request)| async move { (place, request.await) });
    let numbered: Vec<_> = numbered.collect();
    let mut answers: Vec<_> = numbered.iter().map(|_| Err(late())).collect();
    let mut running = pin!(stream::iter(numbered).buffer_unordered(PARALLEL));
    let mut until: Option<Instant> = None;
    loop {
        let next = match until {
            None => running.next().await,
            Some(until) => timeout_at(until, running.next()).await.unwrap_or_default(),
        };
        let Some((place, answer)) = next else { return answers };
        if answer.is_ok() {
            until = Some(cx.api.grace());
        }
        if let Some(slot) = answers.get_mut(place) {
            *slot = answer;
        }
    }
}

/// Waits for an additional part, which is late if it takes much longer than the main one.
pub async fn beside<T, U>(
    cx: &Context,
    main: impl Future<Output = T>,
    part: impl Future<Output = U>,
) -> (T, Result<U>) {
    let until = SetOnce::new();
    let main = async {
        let main = main.await;
        let _ = until.set(cx.api.grace());
        main
    };
    tokio::join!(main, in_time(async { Ok(part.await) }, &until))
}

fn late() -> Error {
    Error::new(Code::Timeout, "there was no response soon after that of the others; try again")
}

/// Waits for a part, at most until `until` once the object is there.
pub async fn in_time<T>(part: impl Future<Output = Result<T>>, until: &SetOnce<Instant>) -> Result<T> {
    let over = async { sleep_until(*until.wait().await).await };
    tokio::select! {
        biased;
        answer = part => answer,
        () = over => Err(late()),
    }
}

/// The numbers and the warnings about parts, for the metadata.
#[derive(Default)]
pub struct Summary {
    counts: Vec<(String, usize)>,
    warnings: Vec<String>,
}

impl Parts {
    /// Adds the rows that fit into `budget` to an object.
    pub fn attach(self, shown: &mut Map<String, Value>, budget: &mut Budget) -> Summary {
        let mut summary = Summary::default();
        for (name, rows) in self.0 {
            let rows = match rows {
                Ok(rows) if rows.is_empty() => continue,
                Ok(rows) => rows,
                Err(error) => {
                    summary.warnings.push(format!("{name} could not be fetched: {error}"));
                    continue;
                }
            };
            let count = rows.len();
            let fitting: Vec<Object> = rows.into_iter().take_while(|row| budget.take(row)).collect();
            if fitting.len() < count {
                summary.warnings.push(format!("The answer is full: {} of {count} {name} are here.", fitting.len()));
            }
            summary.counts.push((format!("{name}_count"), count));
            let fitting = fitting.iter().map(|row| Value::Object(row.members()));
            shown.insert(name.to_owned(), fitting.collect());
        }
        summary
    }
}

impl Summary {
    /// Adds the numbers and the warnings to an answer.
    pub fn report(self, mut reply: Reply) -> Reply {
        for (name, count) in self.counts {
            reply.set(&name, count);
        }
        reply.warned(self.warnings)
    }
}
