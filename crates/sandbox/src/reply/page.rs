//! The pages of a list.

use super::Problem;
use crate::params::Params;

/// The part of a list that is requested.
///
/// See <https://developer.pagerduty.com/docs/rest-api-v2/pagination/>.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: usize,
    pub offset: usize,
    /// Set if the whole list is counted.
    pub total: bool,
}

impl Page {
    /// PagerDuty lists no further than this.
    const CEILING: usize = 10_000;

    pub fn of(params: &Params, [default, maximum]: [usize; 2]) -> Result<Self, Problem> {
        let number = |name: &str, default| match params.one(name) {
            None => Ok(default),
            Some(text) => {
                text.parse::<usize>().map_err(|_| Problem::invalid(format!("{name} must be a positive number.")))
            }
        };
        let limit = number("limit", default)?.clamp(1, maximum);
        let offset = number("offset", 0)?;
        if offset.saturating_add(limit) > Self::CEILING {
            return Err(Problem::arguments(format!(
                "offset and limit must not add up to more than {}.",
                Self::CEILING
            )));
        }
        Ok(Self { limit, offset, total: params.is_true("total") })
    }

    /// Returns the part of a list that is read by cursor.
    pub fn by_cursor(params: &Params, sizes: [usize; 2]) -> Result<Self, Problem> {
        let page = Self::of(params, sizes)?;
        let place = |cursor: &str| cursor.strip_prefix(Self::CURSOR)?.parse().ok();
        let offset = match params.one("cursor") {
            None => 0,
            Some(cursor) => place(cursor).ok_or_else(|| Problem::invalid("cursor is not one of this list."))?,
        };
        Ok(Self { offset, ..page })
    }

    /// The start of each cursor.
    const CURSOR: &'static str = "place-";

    /// Returns the cursor of the page that begins at a row.
    pub fn cursor(place: usize) -> String {
        format!("{}{place}", Self::CURSOR)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAGE;
    use super::*;

    fn params(query: &[(&str, &str)]) -> Params {
        Params(query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn page_size_has_default_maximum_and_ceiling() {
        let page =
            |query: &[(&str, &str)]| Page::of(&params(query), PAGE).map(|page| (page.limit, page.offset, page.total));
        assert_eq!(page(&[]), Ok((25, 0, false)));
        assert_eq!(page(&[("limit", "400"), ("offset", "7"), ("total", "true")]), Ok((100, 7, true)));
        assert_eq!(page(&[("limit", "100"), ("offset", "9900")]), Ok((100, 9900, false)));
        assert!(page(&[("limit", "100"), ("offset", "9901")]).is_err());
        assert!(page(&[("limit", "-1")]).is_err());
        assert!(page(&[("offset", "many")]).is_err());
    }
}
