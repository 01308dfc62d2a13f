//! Facts and links in the events that monitoring programs send to PagerDuty, without I/O.
//!
//! PagerDuty keeps the event of an alert as it was sent, and each program writes it differently. [`read`] takes an event
//! from the three places where PagerDuty puts it (`event`), finds the program that sent it in a table of rules
//! (`senders`), and reads the facts and links from the places that the rule names. Each fact has the place that it was
//! read from, so that a wrong rule can be seen.
//!
//! Nothing is guessed. A fact exists only where a rule or PagerDuty's common event format defines it. The event of an
//! unknown program has a title, the fields of that format, links without a meaning, and its details as they are.
//!
//! Every text belongs to the sender. It is bounded here, and the caller quotes it.

mod blocks;
mod event;
mod links;
mod rules;
mod senders;
mod text;
mod time;

use serde_json::{Map, Value};

pub use blocks::Group;
pub use links::{Link, Meaning};
pub use rules::{Fact, Kind, STAYS_OPEN};
pub use time::instant;

use blocks::Blocks;
use event::Event;
use rules::Sender;

/// The content of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The program that sent it, if there is a rule for it.
    pub sender: Option<&'static str>,
    /// The facts, each kind at most once.
    pub facts: Vec<Fact>,
    /// The links, each address at most once.
    pub links: Vec<Link>,
    /// The alerts within the event, if the program sends several in one.
    pub group: Option<Group>,
    /// The details as they are, if there is no rule for the sender or if they do not agree with its rule.
    pub details: Option<Value>,
    /// The number of details that were left out.
    pub left_out: usize,
    /// Sentences about what is unusual.
    pub remarks: Vec<&'static str>,
    /// The key under which alerts of this event count as repeats, if the alert's own key does not tell them.
    pub repeats: Option<Repeats>,
}

/// The key of repeated alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// The key.
    pub key: String,
    /// Whether the key only consists of texts that are alike.
    pub is_guess: bool,
}

impl Payload {
    /// Returns a fact.
    #[must_use]
    pub fn fact(&self, kind: Kind) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.kind == kind)
    }

    /// Returns the value of a fact.
    #[must_use]
    pub fn value(&self, kind: Kind) -> Option<&str> {
        self.fact(kind).map(|fact| fact.value.as_str())
    }

    /// Returns the first link with a meaning.
    #[must_use]
    pub fn link(&self, meaning: Meaning) -> Option<&Link> {
        self.links.iter().find(|link| link.meaning == meaning)
    }
}

/// Reads the body of an alert or of an incident. `title` is the summary of the alert.
#[must_use]
pub fn read(body: &Value, title: Option<&str>) -> Payload {
    let event = Event::of(body, title);
    let sender = senders::ALL.iter().find(|sender| sender.matches(&event)).copied();
    let blocks = sender.filter(|sender| sender.has_blocks).and_then(|_| Blocks::of(&event));
    let facts = rules::facts(&event, sender, blocks.as_ref());
    let links = links::of(&event, sender, blocks.as_ref());
    let group = blocks.as_ref().map(|blocks| blocks.group(&facts));
    let is_plain = blocks.as_ref().is_none_or(Blocks::is_unclear);
    // A sender may be known by its name, and write its details in a way that the rule does not know.
    let reads_details = |sender: &Sender| sender.facts.is_empty() || facts.iter().any(|fact| !fact.is_common());
    let shows_details =
        sender.is_none_or(|sender| sender.shows_details || (sender.has_blocks && is_plain) || !reads_details(sender));
    let (details, left_out) = if shows_details { text::details(&event.details) } else { (None, 0) };
    let mut remarks = Vec::new();
    remarks.extend(blocks.as_ref().filter(|blocks| blocks.is_unclear()).map(|_| blocks::UNCLEAR));
    remarks.extend(sender.filter(|sender| (sender.stays_open)(&event)).map(|_| rules::STAYS_OPEN));
    let repeats = sender.and_then(|sender| sender.repeats(&event));
    Payload {
        sender: sender.map(|sender: &Sender| sender.name),
        facts,
        links,
        group,
        details,
        left_out,
        remarks,
        repeats,
    }
}

/// Reads a list of links of a change event.
#[must_use]
pub fn read_links(list: &Value) -> Vec<Link> {
    links::list(list)
}

/// Returns the details of a change event as they are, scalars first, in a bounded size.
#[must_use]
pub fn bounded(details: &Value) -> Option<Value> {
    text::details(details).0
}

/// Returns the event in PagerDuty's common event format from the place where PagerDuty nests it, if it does.
#[must_use]
pub fn common_event(body: &Value) -> Option<&Map<String, Value>> {
    event::common(body)
}

/// Returns a title without its digits and without differences in white space: titles of the same problem are equal.
#[must_use]
pub fn pattern(title: &str) -> String {
    text::pattern(title)
}
