//! Compares titles by their words, for accounts whose plan does not compare incidents.

use std::collections::{BTreeSet, HashMap};

use crate::names;

/// The similarity from which two titles are alike, in hundredths.
const ALIKE: f64 = 60.0;

/// Returns the words of a title that do not vary: those without a digit, in lower case.
///
/// Numbers, hosts and measurements differ between incidents of one cause.
fn words(title: &str) -> BTreeSet<String> {
    names::words(title).into_iter().filter(|word| !word.contains(|letter: char| letter.is_numeric())).collect()
}

/// Returns the similarity of a title to each of others in hundredths, or `None` if they are not alike.
///
/// It is the common part of their words, in which a word counts more the fewer of the titles have it.
pub fn similarities<'t>(title: &str, others: impl IntoIterator<Item = &'t str>) -> Vec<Option<f64>> {
    let (wanted, others): (_, Vec<_>) = (words(title), others.into_iter().map(words).collect());
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for word in others.iter().chain([&wanted]).flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let all = f64::from(u32::try_from(others.len() + 1).unwrap_or(u32::MAX));
    let weight = |word: &String| 1.0 + (all / f64::from(counts.get(word.as_str()).copied().unwrap_or(1))).ln();
    let total = |words: &BTreeSet<String>| words.iter().map(weight).sum::<f64>();
    let similarity = |other: &BTreeSet<String>| {
        let common: f64 = wanted.intersection(other).map(weight).sum();
        let similarity = (200.0 * common / (total(&wanted) + total(other))).round();
        (similarity >= ALIKE).then_some(similarity)
    };
    others.iter().map(similarity).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_differ_in_hosts_and_numbers_are_alike() {
        let others =
            ["Disk 97 % full on db-7.eu", "disk full (91 %) on db-2", "Checkout latency above 2 s on web-1", ""];
        let found = similarities("Disk 98 % full on db-3.eu", others);
        assert_eq!(found[0], Some(100.0));
        assert!(found[1].is_some_and(|score| score < 100.0), "{found:?}");
        assert_eq!(found[2..], [None, None]);
    }

    #[test]
    fn words_that_all_titles_share_count_little() {
        let others: Vec<_> = (0..20).map(|_| "Payments API is slow").chain(["Payments API is down"]).collect();
        let found = similarities("Payments API is down", others);
        assert_eq!(found.last(), Some(&Some(100.0)));
        assert!(found[0].is_none_or(|score| score < 70.0), "{:?}", found[0]);
    }

    #[test]
    fn title_without_words_is_like_none() {
        assert_eq!(similarities("42", ["42", "500"]), [None, None]);
    }
}
