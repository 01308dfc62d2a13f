//! Query parameters: PagerDuty's array notation, ranges of time, and filters as tables.

use jiff::{Span, Timestamp};

use super::account::Account;
use super::reply::Problem;
use super::time::{Range, earlier, later};

/// The decoded query string, in order.
#[derive(Debug, Default)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// Returns the values of a parameter, without empty ones. The name of an array ends in `[]`. PagerDuty ignores it
    /// otherwise.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(key, value)| key == name && !value.is_empty());
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the value of a parameter, or the last of several.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).pop()
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }

    /// Returns the times in `since` and `until`, each if given.
    pub fn bounds(&self, account: &Account) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
        let read = |name| {
            let read = |text| {
                account.zone.read(text).ok_or_else(|| Problem::invalid(format!("{name} is not an ISO 8601 time.")))
            };
            self.one(name).map(read).transpose()
        };
        Ok((read("since")?, read("until")?))
    }

    /// Returns the range between `since` and `until`, which are both required.
    pub fn required_range(&self, account: &Account) -> Result<Range, Problem> {
        let (since, until) = self.bounds(account)?;
        let required = |name| move || Problem::field(name, "is required");
        let range = Range { since: since.ok_or_else(required("since"))?, until: until.ok_or_else(required("until"))? };
        if range.since < range.until { Ok(range) } else { Err(Problem::invalid("since must be before until.")) }
    }

    /// Returns the range between `since` and `until`, or `None` if neither is given. From a single bound, the range
    /// extends by `span`.
    pub fn range(&self, account: &Account, span: Span) -> Result<Option<Range>, Problem> {
        let range = match self.bounds(account)? {
            (None, None) => return Ok(None),
            (Some(since), None) => Range { since, until: later(since, span) },
            (None, Some(until)) => Range { since: earlier(until, span), until },
            (Some(since), Some(until)) => Range { since, until },
        };
        if range.since < range.until { Ok(Some(range)) } else { Err(Problem::invalid("since must be before until.")) }
    }
}

/// A parameter that narrows a list, and the function that decides whether a row matches the given values.
pub type Filter<T> = (&'static str, fn(&T, &[&str]) -> bool);

/// Returns the rows that pass every filter whose parameter is present.
pub fn select<'a, T>(rows: impl IntoIterator<Item = &'a T>, filters: &[Filter<T>], params: &Params) -> Vec<&'a T> {
    let asked = filters.iter().map(|(name, keeps)| (params.all(name), keeps)).filter(|(wanted, _)| !wanted.is_empty());
    let asked: Vec<_> = asked.collect();
    rows.into_iter().filter(|row| asked.iter().all(|(wanted, keeps)| keeps(row, wanted))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &[(&str, &str)]) -> Params {
        Params(query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn select_applies_every_given_filter() {
        const FILTERS: &[Filter<&str>] = &[
            ("initial", |row, wanted| wanted.iter().any(|initial| row.starts_with(initial))),
            ("length[]", |row, wanted| wanted.contains(&row.len().to_string().as_str())),
        ];
        let selected = |query: &[(&str, &str)]| select(&["Ant", "Bee", "Beetle"], FILTERS, &params(query)).len();
        assert_eq!(selected(&[]), 3);
        assert_eq!(selected(&[("initial", "B")]), 2);
        assert_eq!(selected(&[("initial", "B"), ("length[]", "3")]), 1);
        assert_eq!(selected(&[("length", "3")]), 3, "an array without [] is ignored");
    }
}
