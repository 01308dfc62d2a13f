//! The links of an event, with a meaning by their place. The host of an address has no say in it.

use std::collections::HashSet;

use serde_json::Value;

use crate::blocks::{Blocks, get};
use crate::event::Event;
use crate::rules::Sender;
use crate::text::cut;

/// The most links of an event, and the longest address.
const MAX_LINKS: usize = 20;
const MAX_ADDRESS: usize = 2_000;

/// The most characters of a text of a link.
const MAX_TEXT: usize = 100;

/// The most characters of a text that are searched for addresses.
const MAX_SEARCHED: usize = 20_000;

/// The meaning of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// How to react.
    Runbook,
    /// A graph or dashboard.
    Graph,
    /// The alert, its query or its results in the monitoring program.
    Source,
    /// The monitoring program.
    Tool,
    /// A link with a text of the sender.
    Other,
    /// An address in a text.
    InText,
}

impl Meaning {
    /// Returns the name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runbook => "runbook",
            Self::Graph => "graph",
            Self::Source => "source",
            Self::Tool => "monitoring_tool",
            Self::Other => "other",
            Self::InText => "in_text",
        }
    }
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The meaning.
    pub meaning: Meaning,
    /// The address, with `http` or `https`.
    pub href: String,
    /// The sender's text.
    pub text: Option<String>,
    /// The place in the event.
    pub from: String,
}

/// Words in the text of a link that say its meaning.
const WORDS: &[(Meaning, &[&str])] = &[
    (Meaning::Runbook, &["runbook", "playbook"]),
    (Meaning::Graph, &["dashboard", "graph", "panel", "chart", "snapshot"]),
];

/// The ends of the names of annotations that are links. <https://github.com/kubernetes-monitoring/kubernetes-mixin>
const ANNOTATIONS: &[(Meaning, &[&str])] =
    &[(Meaning::Runbook, &["runbook_url", "runbook"]), (Meaning::Graph, &["dashboard_url", "dashboard"])];

/// Finds the links of an event, runbooks first.
pub fn of(event: &Event<'_>, sender: Option<&Sender>, blocks: Option<&Blocks>) -> Vec<Link> {
    let mut found = Found::default();
    let tool = event.part("client_url");
    for (list, context) in event.contexts() {
        found.context(list, context, sender, tool);
    }
    for (meaning, place) in sender.map(|sender| sender.links).unwrap_or_default() {
        if let Some((href, from)) = place.read(event, blocks) {
            found.add(*meaning, &href, None, from);
        }
    }
    if let Some(blocks) = blocks {
        found.blocks(blocks);
    }
    if let Some(url) = event.part("client_url") {
        found.add(Meaning::Tool, url, None, "client_url".to_owned());
    }
    found.texts(event);
    found.links.sort_by_key(|link| link.meaning);
    found.links
}

/// Reads a list of links, which some senders give as texts.
pub fn list(list: &Value) -> Vec<Link> {
    let mut found = Found::default();
    for context in list.as_array().into_iter().flatten() {
        found.context("links", context, None, None);
    }
    found.links
}

#[derive(Default)]
struct Found {
    links: Vec<Link>,
    known: HashSet<String>,
}

impl Found {
    fn add(&mut self, meaning: Meaning, href: &str, text: Option<&str>, from: String) {
        // Some senders leave the blanks of a name in an address. A host has none.
        let href = href.trim();
        let path = href.match_indices('/').nth(2).map_or(href.len(), |(at, _)| at);
        let (host, path) = href.split_at(path);
        let href = &format!("{host}{}", path.replace(' ', "%20"));
        let is_web = ["http://", "https://"].iter().any(|scheme| {
            href.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && href.len() > scheme.len()
        });
        let is_clean = !href.contains(|one: char| one.is_whitespace() || one.is_control());
        let is_usable = is_web && is_clean && href.len() <= MAX_ADDRESS && self.links.len() < MAX_LINKS;
        if is_usable && self.known.insert(href.to_owned()) {
            let text = text.map(str::trim).filter(|text| !text.is_empty()).map(|text| cut(text, MAX_TEXT));
            self.links.push(Link { meaning, href: href.to_owned(), text, from });
        }
    }

    /// Adds a link or an image, which some senders give as a text. `tool` is the address of the monitoring program.
    fn context(&mut self, list: &str, context: &Value, sender: Option<&Sender>, tool: Option<&str>) {
        let text = |name: &str| context.get(name).and_then(Value::as_str);
        let from = list.to_owned();
        if let Some(href) = context.as_str() {
            return self.add(Meaning::Other, href, None, from);
        }
        let label = text("text").or_else(|| text("alt"));
        let images = sender.map_or(Some(Meaning::Other), |sender| sender.images);
        // The text of an image is about the image, and not about the page behind it.
        let image = images.zip(text("src"));
        if let Some((meaning, src)) = image {
            self.add(meaning, src, label, from.clone());
        }
        // An image often leads to the program, whose address has its meaning already.
        if let Some(href) = text("href").filter(|href| image.is_none() || Some(*href) != tool) {
            self.add(meaning_of(label, sender), href, label.filter(|_| image.is_none()), from);
        }
    }

    /// Adds the links of alerts in one event. Where they differ, the first one is given.
    fn blocks(&mut self, blocks: &Blocks) {
        let Some(first) = blocks.all.first() else { return };
        let is_shared = |name: &str| blocks.shared(|block| &block.annotations, name).is_some();
        let of_first = blocks.difference(first);
        for (meaning, ends) in ANNOTATIONS {
            let named = |name: &str| ends.iter().any(|end| name.ends_with(end));
            let annotation = first.annotations.iter().filter(|(name, _)| named(name));
            for (name, href) in annotation {
                let text = (!is_shared(name)).then_some(of_first.as_str());
                self.add(*meaning, href, text, format!("annotation:{name}"));
            }
        }
        if let Some(href) = get(&first.fields, "Source") {
            self.add(Meaning::Source, href, None, "line:Source".to_owned());
        }
    }

    /// Adds the addresses in the title and in the details.
    fn texts(&mut self, event: &Event<'_>) {
        let mut left = MAX_SEARCHED;
        if let Some(title) = event.part("summary") {
            self.text(title, "summary", &mut left);
        }
        match event.details.as_ref() {
            Value::String(text) => self.text(text, &event.place(&[]), &mut left),
            Value::Object(details) => {
                for (name, value) in details.iter().filter(|(name, _)| !["firing", "resolved"].contains(&name.as_str()))
                {
                    if let Some(text) = value.as_str() {
                        self.text(text, &event.place(&[name]), &mut left);
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, from: &str, left: &mut usize) {
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| at < left).count();
        *left -= end.min(*left);
        let searched = text.char_indices().nth(end).map_or(text, |(end, _)| text.get(..end).unwrap_or_default());
        let ends_address = |one: char| one.is_whitespace() || "<>\"'`|\\".contains(one);
        for word in searched.split(ends_address) {
            let Some(start) = word.find("https://").or_else(|| word.find("http://")) else { continue };
            let href = without_punctuation(word.get(start..).unwrap_or_default());
            self.add(Meaning::InText, href, None, from.to_owned());
        }
    }
}

/// Returns an address without the punctuation of the sentence around it. A bracket belongs to the address that opens it.
fn without_punctuation(mut address: &str) -> &str {
    loop {
        let count = |bracket: char| address.matches(bracket).count();
        let shorter = match address.chars().last() {
            Some(')') if count(')') > count('(') => address.strip_suffix(')'),
            Some(']') if count(']') > count('[') => address.strip_suffix(']'),
            Some('.' | ',' | ';' | ':' | '!' | '?') => address.get(..address.len() - 1),
            _ => None,
        };
        match shorter {
            Some(shorter) => address = shorter,
            None => return address,
        }
    }
}

/// Returns the meaning of a link by its text.
fn meaning_of(text: Option<&str>, sender: Option<&Sender>) -> Meaning {
    let text = text.unwrap_or_default();
    let texts = sender.map(|sender| sender.texts).unwrap_or_default();
    if let Some((_, meaning)) = texts.iter().find(|(known, _)| *known == text) {
        return *meaning;
    }
    let text = text.to_lowercase();
    let found = WORDS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)));
    found.map_or(Meaning::Other, |(meaning, _)| *meaning)
}
