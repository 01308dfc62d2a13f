//! Finds operations by words.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Operation, Reference};

/// Words that say nothing about an operation.
const COMMON: &[&str] = &[
    "a",
    "all",
    "an",
    "and",
    "any",
    "api",
    "are",
    "as",
    "at",
    "be",
    "by",
    "can",
    "do",
    "for",
    "from",
    "get",
    "give",
    "has",
    "have",
    "how",
    "i",
    "in",
    "is",
    "it",
    "its",
    "me",
    "my",
    "of",
    "on",
    "one",
    "or",
    "our",
    "pagerduty",
    "please",
    "show",
    "some",
    "that",
    "the",
    "their",
    "there",
    "this",
    "to",
    "us",
    "was",
    "we",
    "what",
    "which",
    "with",
    "you",
];

/// Words that engineers use, and the words of the table that mean the same.
const SAME: &[(&str, &str)] = &[
    ("ack", "acknowledge"),
    ("add", "create"),
    ("assign", "reassign"),
    ("attach", "associate"),
    ("bulk", "many"),
    ("close", "resolve"),
    ("detach", "disassociate"),
    ("edit", "change"),
    ("invoke", "run"),
    ("make", "create"),
    ("member", "user"),
    ("modify", "change"),
    ("mttr", "figures"),
    ("mtta", "figures"),
    ("mute", "silence"),
    ("new", "create"),
    ("open", "create"),
    ("pause", "maintenance"),
    ("people", "user"),
    ("person", "user"),
    ("phone", "contact"),
    ("policies", "policy"),
    ("pull", "read"),
    ("remove", "delete"),
    ("rename", "change"),
    ("rota", "schedule"),
    ("see", "list"),
    ("set", "change"),
    ("shift", "schedule"),
    ("start", "run"),
    ("update", "change"),
    ("view", "read"),
    ("who", "user"),
];

/// The weight of a word in the description, and of one among the other words, the path and PagerDuty's name.
const IN_DESCRIPTION: f64 = 2.0;
const ELSEWHERE: f64 = 1.0;

/// The words of an operation, with their weights.
pub type Weights = BTreeMap<String, f64>;

impl Reference {
    /// Returns the operations that fit the words best, the best one first.
    ///
    /// Each word counts by how rare it is among the operations. Of equally good ones, the one with the shorter path comes
    /// first, and deprecated ones come last.
    #[must_use]
    pub fn search(&'static self, text: &str, most: usize) -> Vec<&'static Operation> {
        let wanted = wanted(text);
        let index = self.index.get_or_init(|| self.operations.iter().map(weights).collect());
        let rarity = |word: &str| {
            let with = index.iter().filter(|weights| weights.contains_key(word)).count();
            let [with, without] =
                [with, index.len() - with].map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
            (1.0 + (without + 0.5) / (with + 0.5)).ln()
        };
        let rarities: Vec<_> =
            wanted.iter().map(|words| words.iter().map(|word| (word, rarity(word))).collect::<Vec<_>>()).collect();
        let score = |weights: &Weights| -> f64 {
            let length: f64 = weights.values().sum();
            let of_word = |(word, rarity): &(&String, f64)| {
                weights.get(*word).map_or(0.0, |weight| rarity * weight / (weight + 0.6 + 0.03 * length))
            };
            rarities.iter().map(|words| words.iter().map(of_word).fold(0.0, f64::max)).sum()
        };
        let mut scored: Vec<_> = index.iter().map(score).zip(&self.operations).collect();
        scored.retain(|(score, _)| *score > 0.0);
        for (score, one) in &mut scored {
            *score *= if one.deprecated { 0.7 } else { 1.0 };
        }
        scored.sort_by(|(score, one), (other_score, other)| {
            other_score.total_cmp(score).then_with(|| one.path.len().cmp(&other.path.len()))
        });
        scored.into_iter().map(|(_, one)| one).take(most).collect()
    }
}

/// Returns for each wanted word its forms: itself, and the word of the table with the same meaning.
fn wanted(text: &str) -> Vec<BTreeSet<String>> {
    let forms = |word: String| {
        let same = SAME.iter().filter(|(said, _)| stem(said) == word).map(|(_, table)| stem(table));
        same.chain([word.clone()]).collect()
    };
    words(text).filter(|word| !COMMON.contains(&word.as_str())).map(|word| forms(stem(&word))).collect()
}

/// Returns the words of an operation with their weights.
fn weights(operation: &Operation) -> Weights {
    let mut weights = Weights::new();
    let mut add = |text: &str, weight: f64| {
        for word in words(text).filter(|word| !COMMON.contains(&word.as_str())) {
            let known = weights.entry(stem(&word)).or_insert(0.0);
            *known = f64::max(*known, weight);
        }
    };
    add(operation.does, IN_DESCRIPTION);
    for text in [operation.words, operation.path, operation.id] {
        add(text, ELSEWHERE);
    }
    weights
}

/// Splits a text at everything that is no letter or digit, and between a small and a capital letter.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut separated = String::with_capacity(text.len() + 8);
    let mut is_small = false;
    for character in text.chars() {
        if character.is_uppercase() && is_small {
            separated.push(' ');
        }
        is_small = character.is_lowercase();
        separated.extend(character.to_lowercase());
    }
    let split = separated.split(|character: char| !character.is_alphanumeric());
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Removes the endings of plurals and verbs, so that the forms of a word are equal.
fn stem(word: &str) -> String {
    let endings = [("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")];
    let strip = |(ending, other): &(&str, &str)| {
        let stem = word.strip_suffix(ending).filter(|stem| stem.len() >= 3)?;
        (!(word.ends_with("ss") || word.ends_with("us"))).then(|| format!("{stem}{other}"))
    };
    endings.iter().find_map(strip).unwrap_or_else(|| word.to_owned())
}
