//! Users by ID, read side by side and kept for a short time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use pagerduty_api::operations::users::GET_USER;

use super::accounts::cached::Cached;
use super::{Api, Query, Request};
use crate::error::{Code, Result};
use crate::ids::Id;
use crate::models::{Model, Person, User};
use crate::sync::lock;

/// The most users that are read by ID for one answer.
pub const MAX_PEOPLE: usize = 100;

/// The number of users that are read at the same time.
const PARALLEL: usize = 50;

/// The most users that are kept for one credential.
const MAX_KEPT: usize = 2_000;

/// The users of an account that were read by ID.
#[derive(Debug, Default)]
pub struct People(Mutex<HashMap<String, Arc<Cached<(), Person>>>>);

impl People {
    fn get(&self, id: &Id<User>) -> Arc<Cached<(), Person>> {
        let mut all = lock(&self.0);
        if all.len() >= MAX_KEPT && !all.contains_key(id.as_str()) {
            all.clear();
        }
        Arc::clone(all.entry(id.to_string()).or_default())
    }
}

impl Api {
    /// Returns users by their IDs, with a warning for each reason why some are missing.
    ///
    /// A user whom PagerDuty does not have any more is [`deleted`](Person::deleted).
    pub async fn people(&self, ids: impl IntoIterator<Item = Id<User>>) -> (HashMap<String, Person>, Vec<String>) {
        let mut seen = BTreeSet::new();
        let ids: Vec<_> = ids.into_iter().filter(|id| seen.insert(id.to_string())).collect();
        let (mut people, mut warnings) = (HashMap::new(), Vec::new());
        if ids.len() > MAX_PEOPLE {
            warnings
                .push(format!("Only the first {MAX_PEOPLE} of {} users were looked up: narrow the range.", ids.len()));
        }
        let mut failures = Vec::new();
        for some in ids.get(..ids.len().min(MAX_PEOPLE)).unwrap_or_default().chunks(PARALLEL) {
            for (id, found) in some.iter().zip(join_all(some.iter().map(|id| self.person(id))).await) {
                match found {
                    Ok(person) => {
                        people.insert(id.to_string(), person);
                    }
                    Err(error) => failures.push((id, error)),
                }
            }
        }
        if let Some((id, error)) = failures.first() {
            let others = if failures.len() > 1 { format!(" and {} others", failures.len() - 1) } else { String::new() };
            warnings.push(format!("The data of user {id}{others} could not be fetched: {error}"));
        }
        (people, warnings)
    }

    async fn person(&self, id: &Id<User>) -> Result<Person> {
        self.account.people.get(id).get((), self.shared().fetch_person(id.clone())).await
    }

    async fn fetch_person(self, id: Id<User>) -> Result<Person> {
        let person = |name, email, deleted| Person { id: id.to_string(), name, email, deleted };
        let request = Request::on(&GET_USER, &id, Query::new());
        match self.read_one::<User>(&request, &User::facts_only()).await {
            Ok(row) => Ok(person(row.facts.name, row.facts.email, false)),
            Err(error) if error.code() == Code::NotFound => Ok(person(None, None, true)),
            Err(error) => Err(error),
        }
    }
}
