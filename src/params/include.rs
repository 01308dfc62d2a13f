//! `include`: the fields an answer should have.

use std::marker::PhantomData;

use pagerduty_rows::fields::{Field, Selection, plain};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value};

use super::{Form, Param, items, names_nothing, nearest, shorten};
use crate::error::{Code, Error, Result};
use crate::models::{Model, Shape};

/// Names in `include` that are not fields of an incident. Each needs a separate request.
pub trait Extras: Send + 'static {
    /// The names.
    const NAMES: &'static [&'static str];
    /// Names that only another tool takes. A warning says so.
    const ELSEWHERE: &'static [&'static str] = &[];
}

/// No such names.
#[derive(Clone, Debug)]
pub struct NoExtras;

impl Extras for NoExtras {
    const NAMES: &'static [&'static str] = &[];
}

/// The requested fields: fields of `M`, names of `X`, and others that PagerDuty may send although its description lacks
/// them. If the parameter is absent, these are the default fields.
#[derive(Clone, Debug)]
pub struct Include<M, X = NoExtras> {
    /// Set if the default fields come first.
    with_defaults: bool,
    /// Every requested name, in order, without repetitions.
    names: Vec<String>,
    of: PhantomData<fn() -> (M, X)>,
}

/// The most names in one call, and the longest name.
const MOST_NAMES: usize = 100;
const LONGEST_NAME: usize = 64;

impl<M: Model, X: Extras> Include<M, X> {
    /// Returns the fields to decode and to show.
    #[must_use]
    pub fn selection(&self) -> Selection<'_> {
        if self.names.is_empty() {
            return M::defaults();
        }
        let asked = self.names.iter().filter(|name| !X::NAMES.contains(&name.as_str()));
        let asked = asked.map(|name| M::field(name).unwrap_or_else(|| plain(name)));
        let named = |field: &Field| M::field(field.name).filter(|_| self.names(field.name)).unwrap_or(*field);
        let defaults = M::DEFAULT.iter().filter(|_| self.with_defaults).map(named);
        let repeats = |name: &str| self.with_defaults && M::DEFAULT.iter().any(|field| field.name == name);
        let selection = Selection::new(defaults.chain(asked.filter(|field| !repeats(field.name))).collect(), M::FACTS);
        // A field that was named is shown even if it only repeats another one.
        if self.with_defaults && !M::ECHOES.iter().any(|(echo, _)| self.names(echo)) {
            return selection.without_echoes(M::ECHOES);
        }
        selection
    }

    /// Returns whether `include` has this name.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().any(|asked| asked == name)
    }

    /// Returns whether an answer has a part that a tool composes: it is among the default fields, or named.
    #[must_use]
    pub fn has_composed(&self, name: &str) -> bool {
        self.names.is_empty() || self.with_defaults || self.names(name)
    }

    /// Returns every requested name, in order.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns warnings about fields that were requested by name and are in no row.
    #[must_use]
    pub fn warnings<'r>(&self, shape: Shape, rows: impl Iterator<Item = &'r Object>) -> Vec<String> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let rows: Vec<_> = rows.collect();
        let mut warnings = Vec::new();
        let missing = M::missing(&self.selection(), shape).into_iter().chain(X::ELSEWHERE.iter().copied());
        let missing: Vec<_> = missing.filter(|name| self.names(name)).collect();
        if !missing.is_empty() {
            let (with, instead) = match shape {
                Shape::One => ("one object", String::new()),
                Shape::List => ("a list", " Request one object by its ID.".to_owned()),
                Shape::Change => {
                    ("the answer to a change", format!(" Ask get_{} for one by its ID.", M::RESOURCE.many))
                }
            };
            warnings.push(format!("PagerDuty does not send {} with {with}.{instead}", missing.join(", ")));
        }
        let is_known =
            |name: &str| M::field(name).is_some() || X::NAMES.contains(&name) || X::ELSEWHERE.contains(&name);
        let appears = |name: &str| rows.iter().any(|row| row.has(name));
        let unseen: Vec<_> =
            self.names.iter().filter(|name| !rows.is_empty() && !is_known(name) && !appears(name)).collect();
        if !unseen.is_empty() {
            let names = unseen.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            warnings.push(format!(
                "No row has {names}: PagerDuty did not send it, or it is empty. Known fields of {}: {}.",
                M::RESOURCE.many,
                known::<M, X>().collect::<Vec<_>>().join(", ")
            ));
        }
        warnings
    }

    /// Puts the fields that were added later, named `added`, into the order of `include`. Without `include` they stay at the
    /// end.
    #[must_use]
    pub fn arrange(&self, shown: Map<String, Value>, added: &[&'static str]) -> Map<String, Value> {
        if self.names.is_empty() { shown } else { self.chosen(shown, M::DEFAULT.iter().map(|field| field.name), added) }
    }

    /// Returns the requested fields, in that order, of an object whose default fields are `defaults`, followed by
    /// `added`.
    #[must_use]
    pub fn chosen<'d>(
        &'d self,
        mut shown: Map<String, Value>,
        defaults: impl Iterator<Item = &'d str>,
        added: &[&'static str],
    ) -> Map<String, Value> {
        let defaults = defaults.filter(|_| self.with_defaults || self.names.is_empty());
        let asked = defaults.chain(self.asked()).chain(added.iter().copied());
        asked.filter_map(|name| shown.shift_remove_entry(name)).collect()
    }
}

impl<M: Model, X: Extras> Param for Include<M, X> {
    const FORM: Form = Form::List(&[]);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let asked = items(name, value, "a list of field names, like [\"id\", \"summary\"]")?;
        if asked.is_empty() {
            return Err(names_nothing(Code::InvalidInclude, name, value));
        }
        if asked.len() > MOST_NAMES {
            let message = format!("{name} has {} names, more than {MOST_NAMES}", asked.len());
            return Err(Error::new(Code::InvalidInclude, message).hint("Name only the fields you need."));
        }
        // One plus sign is enough, because the other names are added to the same default fields.
        let with_defaults = asked.iter().any(|name| name.starts_with('+'));
        let mut names = Vec::with_capacity(asked.len());
        for asked in &asked {
            let asked = asked.strip_prefix('+').unwrap_or(asked).trim();
            if !known::<M, X>().any(|known| known == asked) && (!is_name(asked) || misspelt::<M, X>(asked).is_some()) {
                return Err(unknown::<M, X>(name, asked));
            }
            if !names.iter().any(|name| name == asked) {
                names.push(asked.to_owned());
            }
        }
        Ok(Self { with_defaults, names, of: PhantomData })
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self { with_defaults: false, names: Vec::new(), of: PhantomData })
    }

    fn is_given(&self) -> bool {
        !self.names.is_empty()
    }
}

/// Returns every known name.
fn known<M: Model, X: Extras>() -> impl Iterator<Item = &'static str> {
    M::DEFAULT.iter().map(|field| field.name).chain(M::OTHER.iter().copied()).chain(X::NAMES.iter().copied())
}

/// Returns whether PagerDuty could have a field of this name.
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.len() <= LONGEST_NAME && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the known name that was meant, if only a few letters are wrong: up to a quarter of them, three at most.
fn misspelt<M: Model, X: Extras>(written: &str) -> Option<&'static str> {
    let written = written.to_ascii_lowercase();
    let most = (written.len() / 4).clamp(1, 3);
    let near = known::<M, X>().map(|name| (strsim::damerau_levenshtein(&written, name), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

fn unknown<M: Model, X: Extras>(name: &str, wanted: &str) -> Error {
    let suggestion = misspelt::<M, X>(&shorten(wanted)).or_else(|| nearest(&shorten(wanted), known::<M, X>()));
    let suggestion = suggestion.map(|near| format!("Did you mean {near}? ")).unwrap_or_default();
    let list = known::<M, X>().collect::<Vec<_>>().join(", ");
    let quoted = shorten(&format!("{wanted:?}"));
    Error::new(Code::InvalidInclude, format!("{name} names {quoted}, which is not a field of {}", M::RESOURCE.many))
        .hint(format!("{suggestion}Fields: {list}."))
}
