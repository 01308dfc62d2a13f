//! Query parameters: PagerDuty's array notation, pages, ranges of time, and filters as tables.

use jiff::{Span, Timestamp};

use super::account::Account;
use super::reply::Problem;
use super::time::{Range, earlier, later};

/// The decoded query string, in order.
#[derive(Debug, Default)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// The values of a parameter, without blank ones. The name of an array ends in `[]`; PagerDuty ignores it
    /// otherwise.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(key, value)| key == name && !value.is_empty());
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a parameter that stands alone; of several, the last.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).pop()
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.one(name) == Some("true")
    }

    /// The times in `since` and `until`, each if given.
    pub fn bounds(&self, account: &Account) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
        let read = |name| {
            let read = |text| {
                account.zone.read(text).ok_or_else(|| Problem::invalid(format!("{name} is not an ISO 8601 time.")))
            };
            self.one(name).map(read).transpose()
        };
        Ok((read("since")?, read("until")?))
    }

    /// The range between `since` and `until`, where one bound alone stands for `span` from it, or none when neither is
    /// given.
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

/// What part of a list is asked for.
///
/// See <https://developer.pagerduty.com/docs/rest-api-v2/pagination/>.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: usize,
    pub offset: usize,
    /// Whether to count the whole list.
    pub total: bool,
}

impl Page {
    const DEFAULT: usize = 25;
    const LARGEST: usize = 100;
    /// PagerDuty lists no further than this.
    const CEILING: usize = 10_000;

    pub fn of(params: &Params) -> Result<Self, Problem> {
        let number = |name: &str, default| match params.one(name) {
            None => Ok(default),
            Some(text) => {
                text.parse::<usize>().map_err(|_| Problem::invalid(format!("{name} must be a positive number.")))
            }
        };
        let limit = number("limit", Self::DEFAULT)?.clamp(1, Self::LARGEST);
        let offset = number("offset", 0)?;
        if offset.saturating_add(limit) > Self::CEILING {
            return Err(Problem::arguments(format!(
                "offset and limit must not add up to more than {}.",
                Self::CEILING
            )));
        }
        Ok(Self { limit, offset, total: params.is_true("total") })
    }
}

/// One parameter that narrows a list of `T`: whether a row goes with the values given.
pub type Filter<T> = (&'static str, fn(&T, &[&str]) -> bool);

/// The rows that pass every filter whose parameter is present.
pub fn select<'a, T>(rows: impl IntoIterator<Item = &'a T>, filters: &[Filter<T>], params: &Params) -> Vec<&'a T> {
    let asked = filters.iter().map(|(name, keeps)| (params.all(name), keeps)).filter(|(wanted, _)| !wanted.is_empty());
    let asked: Vec<_> = asked.collect();
    rows.into_iter().filter(|row| asked.iter().all(|(wanted, keeps)| keeps(row, wanted))).collect()
}

/// Whether `name` has one of the wanted texts in it, in upper or lower case: PagerDuty's `query`.
pub fn matches_query(name: &str, wanted: &[&str]) -> bool {
    let name = name.to_lowercase();
    wanted.iter().any(|text| name.contains(&text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &[(&str, &str)]) -> Params {
        Params(query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn pages_have_defaults_a_largest_size_and_a_ceiling() {
        let page = |query: &[(&str, &str)]| Page::of(&params(query)).map(|page| (page.limit, page.offset, page.total));
        assert_eq!(page(&[]), Ok((25, 0, false)));
        assert_eq!(page(&[("limit", "400"), ("offset", "7"), ("total", "true")]), Ok((100, 7, true)));
        assert_eq!(page(&[("limit", "100"), ("offset", "9900")]), Ok((100, 9900, false)));
        assert!(page(&[("limit", "100"), ("offset", "9901")]).is_err());
        assert!(page(&[("limit", "-1")]).is_err());
        assert!(page(&[("offset", "many")]).is_err());
    }

    #[test]
    fn only_filters_that_are_asked_for_count_and_all_of_them_do() {
        const FILTERS: &[Filter<&str>] = &[
            ("query", |row, wanted| matches_query(row, wanted)),
            ("length[]", |row, wanted| wanted.contains(&row.len().to_string().as_str())),
        ];
        let selected = |query: &[(&str, &str)]| select(&["Ant", "Bee", "Beetle"], FILTERS, &params(query)).len();
        assert_eq!(selected(&[]), 3);
        assert_eq!(selected(&[("query", "bEE")]), 2);
        assert_eq!(selected(&[("query", "bee"), ("length[]", "3")]), 1);
        assert_eq!(selected(&[("length", "3")]), 3, "an array without [] is ignored");
    }
}
