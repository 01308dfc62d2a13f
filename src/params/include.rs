//! `include`: the fields an answer should have.

use std::marker::PhantomData;

use pagerduty_rows::fields::Selection;
use serde_json::{Map, Value};

use super::{Param, items, nearest, strings};
use crate::error::{Code, Error, Result};
use crate::models::{Model, Request};

/// Names an incident may be asked to include that are not fields of it but requests of their own.
pub trait Extras: Send + 'static {
    /// The names.
    const NAMES: &'static [&'static str];
}

/// No such names.
#[derive(Clone, Debug)]
pub struct NoExtras;

impl Extras for NoExtras {
    const NAMES: &'static [&'static str] = &[];
}

/// The fields asked for: fields of `M`, or of the names of `X`. Absent, it is the default set.
#[derive(Clone, Debug)]
pub struct Include<M, X = NoExtras> {
    /// Every name asked for, in order, repetitions dropped; `None` is the default set.
    names: Option<Vec<&'static str>>,
    of: PhantomData<fn() -> (M, X)>,
}

impl<M: Model, X: Extras> Include<M, X> {
    /// What to decode and show.
    #[must_use]
    pub fn selection(&self) -> Selection {
        match &self.names {
            None => M::defaults(),
            Some(names) => Selection::new(names.iter().filter_map(|name| M::field(name)).collect(), M::FACTS),
        }
    }

    /// Whether it was asked for by name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().flatten().any(|asked| *asked == name)
    }

    /// What to say about fields that were asked for by name and do not come with such a request.
    #[must_use]
    pub fn warning(&self, request: Request) -> Option<String> {
        self.names.as_ref()?;
        let missing = M::missing(&self.selection(), request);
        if missing.is_empty() {
            return None;
        }
        let (with, instead) = match request {
            Request::One => ("one object", ""),
            Request::List => ("a list", " Ask for one object by its ID."),
            Request::Change => ("the answer to a change", " Ask for the object afterwards."),
        };
        Some(format!("PagerDuty does not send {} with {with}.{instead}", missing.join(", ")))
    }

    /// Puts what was added afterwards, under `added`, into the order asked for. Without `include` it stays at the end.
    #[must_use]
    pub fn arrange(&self, mut shown: Map<String, Value>, added: &[&'static str]) -> Map<String, Value> {
        let Some(names) = &self.names else { return shown };
        let asked = names.iter().chain(added);
        asked.filter_map(|name| shown.shift_remove_entry(*name)).collect()
    }
}

impl<M: Model, X: Extras> Param for Include<M, X> {
    const REQUIRED: bool = false;

    fn schema() -> Map<String, Value> {
        strings()
    }

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let asked = items(name, value, "a list of field names, like [\"id\", \"summary\"]")?;
        if asked.is_empty() {
            return Err(Error::new(
                Code::InvalidInclude,
                format!("{name} is empty, which would leave nothing to answer"),
            )
            .hint("Leave it out for the default fields, or name the fields you need."));
        }
        let mut names = Vec::with_capacity(asked.len());
        for asked in &asked {
            let field = M::field(asked).map(|field| field.name);
            let extra = || X::NAMES.iter().find(|extra| *extra == asked).copied();
            let known = field.or_else(extra).ok_or_else(|| unknown::<M, X>(name, asked))?;
            if !names.contains(&known) {
                names.push(known);
            }
        }
        Ok(Self { names: Some(names), of: PhantomData })
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self { names: None, of: PhantomData })
    }

    fn is_given(&self) -> bool {
        self.names.is_some()
    }
}

fn unknown<M: Model, X: Extras>(name: &str, wanted: &str) -> Error {
    let defaults = || M::DEFAULT.iter().map(|field| field.name);
    let all = || defaults().chain(M::OTHER.iter().copied()).chain(X::NAMES.iter().copied());
    let suggestion = nearest(wanted, all()).map(|near| format!("Did you mean {near}? ")).unwrap_or_default();
    let list = all().collect::<Vec<_>>().join(", ");
    let shortened: String = wanted.chars().take(80).collect();
    Error::new(
        Code::InvalidInclude,
        format!("{name} names {shortened:?}, which is not a field of {}", M::RESOURCE.many),
    )
    .hint(format!("{suggestion}Fields: {list}."))
}
