//! Rules as data: how a sender is recognized, and where each fact stands.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::Repeats;
use crate::blocks::Blocks;
use crate::event::Event;
use crate::links::Meaning;
use crate::text::{MAX_TEXT, cut, object, pattern, scalar};
use crate::time;

/// The remark about an alert of a sender whose later events do not belong to it.
pub const STAYS_OPEN: &str =
    "No later event of the sender resolves this alert: it stays open until a user or the service resolves it.";

/// The kinds of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The problem.
    What,
    /// More about the problem.
    Detail,
    /// The name of the check or rule.
    Name,
    /// The start of the problem.
    Since,
    /// The host.
    Host,
    /// The service, as the sender names it.
    Service,
    /// The cluster.
    Cluster,
    /// The namespace.
    Namespace,
    /// The region.
    Region,
    /// The environment.
    Environment,
    /// Another part of a system that is affected.
    Resource,
    /// The source of the event, in the common event format.
    Source,
    /// The component, in the common event format.
    Component,
    /// The group, in the common event format.
    Group,
    /// The class, in the common event format.
    Class,
    /// The condition that is checked, or the reason why it holds.
    Condition,
    /// The severity in the sender's own word.
    Severity,
    /// The measured value.
    Value,
    /// The number of occurrences.
    Count,
}

impl Kind {
    /// Returns the name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::What => "what",
            Kind::Detail => "detail",
            Kind::Name => "name",
            Kind::Since => "since",
            Kind::Host => "host",
            Kind::Service => "service",
            Kind::Cluster => "cluster",
            Kind::Namespace => "namespace",
            Kind::Region => "region",
            Kind::Environment => "environment",
            Kind::Resource => "resource",
            Kind::Source => "source",
            Kind::Component => "component",
            Kind::Group => "group",
            Kind::Class => "class",
            Kind::Condition => "condition",
            Kind::Severity => "severity",
            Kind::Value => "value",
            Kind::Count => "count",
        }
    }
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The kind.
    pub kind: Kind,
    /// The value, as the sender wrote it.
    pub value: String,
    /// The place in the event: `details.when`, `label:severity`.
    pub from: String,
    /// The instant of a time. `None` if the event does not name its zone.
    pub at: Option<Timestamp>,
}

impl Fact {
    /// Returns whether it was read from a part that PagerDuty's common event format defines, and not from the details.
    #[must_use]
    pub fn is_common(&self) -> bool {
        COMMON
            .iter()
            .any(|(_, places)| places.iter().any(|place| matches!(place, Place::Event(name) if *name == self.from)))
    }
}

/// A place in an event.
pub enum Place {
    /// A part beside the details.
    Event(&'static str),
    /// A value in the details.
    Detail(&'static [&'static str]),
    /// A value of a list of names and values in the details: of objects, or of texts `name:value`.
    Tag(&'static [&'static str], &'static str),
    /// All names and values of such a list.
    Tags(&'static [&'static str]),
    /// A line `name: value` of a text in the details, or a part of the JSON there.
    Line(&'static str, &'static [&'static str]),
    /// Two values, one after the other.
    Both(&'static Place, &'static Place),
    /// A part of a text.
    Part(&'static Place, fn(&str) -> Option<&str>),
    /// A label that all alerts of the event share.
    Label(&'static str),
    /// An annotation that all alerts of the event share.
    Annotation(&'static str),
    /// A line after the annotations, the same for all alerts of the event.
    Field(&'static str),
    /// The earliest start of the alerts of the event.
    Start,
}

impl Place {
    /// Returns the text there, and the name of the place.
    pub fn read<'e>(&self, event: &'e Event<'_>, blocks: Option<&'e Blocks>) -> Option<(Cow<'e, str>, String)> {
        let trimmed = |text: &'e str| Cow::Borrowed(text.trim());
        match self {
            Self::Event(name) => Some((trimmed(event.part(name)?), (*name).to_owned())),
            Self::Detail(path) => Some((scalar(event.detail(path)?)?.into(), event.place(path))),
            Self::Tag(path, name) => {
                let value = tags(event.detail(path)?).into_iter().find(|(own, _)| own == name)?.1;
                Some((value.into(), format!("{}[{name}]", event.place(path))))
            }
            Self::Tags(path) => {
                let tags = tags(event.detail(path)?);
                let text = tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
                (!text.is_empty()).then(|| (text.into(), event.place(path)))
            }
            Self::Line(within, path) => {
                let text = line(event.detail(&[within])?.as_str()?, path)?;
                Some((text, format!("line:{}", path.join("."))))
            }
            Self::Both(first, second) => {
                let (text, from) = first.read(event, blocks)?;
                let (more, also) = second.read(event, blocks)?;
                Some((format!("{text} {more}").into(), format!("{from}, {also}")))
            }
            Self::Part(place, part) => {
                let (text, from) = place.read(event, blocks)?;
                let part = part(&text).map(str::trim).filter(|part| !part.is_empty())?.to_owned();
                Some((part.into(), from))
            }
            Self::Label(name) => Some((trimmed(blocks?.shared(|block| &block.labels, name)?), format!("label:{name}"))),
            Self::Annotation(name) => {
                Some((trimmed(blocks?.shared(|block| &block.annotations, name)?), format!("annotation:{name}")))
            }
            Self::Field(name) => Some((trimmed(blocks?.shared(|block| &block.fields, name)?), format!("line:{name}"))),
            Self::Start => Some((trimmed(blocks?.starts_at()?), "startsAt".to_owned())),
        }
    }
}

/// A sign of a sender.
pub enum Sign {
    /// A part beside the details has this value, in any case.
    Is(&'static str, &'static str),
    /// The details have all of these.
    Details(&'static [&'static str]),
    /// A text in the details begins so.
    Begins(&'static str, &'static str),
}

impl Sign {
    fn is_in(&self, event: &Event<'_>) -> bool {
        match self {
            Self::Is(name, value) => event.part(name).is_some_and(|part| part.trim().eq_ignore_ascii_case(value)),
            Self::Details(names) => names.iter().all(|name| event.detail(&[name]).is_some()),
            Self::Begins(name, text) => {
                event.detail(&[name]).and_then(Value::as_str).is_some_and(|own| own.trim_start().starts_with(text))
            }
        }
    }
}

/// The key of repeated alerts, where PagerDuty's key does not tell them.
pub enum Repeat {
    /// PagerDuty's key of the alert tells them.
    Key,
    /// The source and a detail.
    Detail(&'static str),
    /// The client and the title without digits, if the sender gave no key.
    Title,
}

/// A sender, and the rule for its events.
pub struct Sender {
    /// The name.
    pub name: &'static str,
    /// The signs, of which one is enough.
    pub signs: &'static [Sign],
    /// The places of facts, in their order. The first place that has a value counts.
    pub facts: &'static [(Kind, &'static [Place])],
    /// The places of links.
    pub links: &'static [(Meaning, Place)],
    /// The texts of links beside the details, with their meaning.
    pub texts: &'static [(&'static str, Meaning)],
    /// Values of parts beside the details that say nothing.
    pub constants: &'static [(&'static str, &'static str)],
    /// The meaning of images. `None` if they are the sender's logo.
    pub images: Option<Meaning>,
    /// Whether the details hold several alerts.
    pub has_blocks: bool,
    /// Whether the details are shown as they are, because their names are the user's.
    pub shows_details: bool,
    /// Returns whether no later event of the sender belongs to an alert.
    pub stays_open: fn(&Event<'_>) -> bool,
    /// The key of repeated alerts.
    pub repeat: Repeat,
}

/// The rule for the parts that PagerDuty's common event format defines, for all senders.
const COMMON: &[(Kind, &[Place])] = &[
    (Kind::What, &[Place::Event("summary")]),
    (Kind::Since, &[Place::Event("timestamp")]),
    (Kind::Source, &[Place::Event("source")]),
    (Kind::Component, &[Place::Event("component")]),
    (Kind::Group, &[Place::Event("group")]),
    (Kind::Class, &[Place::Event("class")]),
];

impl Sender {
    /// Returns whether an event is from this sender.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.signs.iter().any(|sign| sign.is_in(event))
    }

    /// Returns whether a text at a place says nothing.
    pub fn is_constant(&self, from: &str, text: &str) -> bool {
        self.constants.iter().any(|(name, value)| *name == from && *value == text)
    }

    /// Returns the key of repeated alerts.
    pub fn repeats(&self, event: &Event<'_>) -> Option<Repeats> {
        match self.repeat {
            Repeat::Key => None,
            Repeat::Detail(name) => {
                let detail = event.detail(&[name]).and_then(scalar)?;
                let key = format!("{} {name} {detail}", event.part("source").unwrap_or_default());
                Some(Repeats { key, is_guess: false })
            }
            Repeat::Title if event.part("dedup_key").is_some() => None,
            Repeat::Title => {
                let client = event.part("client").unwrap_or(self.name);
                Some(Repeats { key: format!("{client} {}", pattern(event.part("summary")?)), is_guess: true })
            }
        }
    }
}

/// Reads the facts of an event.
pub fn facts(event: &Event<'_>, sender: Option<&Sender>, blocks: Option<&Blocks>) -> Vec<Fact> {
    let rules = sender.map(|sender| sender.facts).unwrap_or_default();
    let mut facts: Vec<Fact> = Vec::new();
    for (kind, places) in rules.iter().chain(COMMON) {
        let is_known = facts.iter().any(|fact| fact.kind == *kind);
        let read = places.iter().filter_map(|place| place.read(event, blocks));
        let mut read = read.filter(|(text, from)| !sender.is_some_and(|sender| sender.is_constant(from, text)));
        let Some((text, from)) = read.next().filter(|_| !is_known) else { continue };
        // The source of the common event format often is the host or the service.
        let is_common = COMMON.iter().any(|(common, _)| common == kind) && *kind > Kind::Since;
        if is_common && facts.iter().any(|fact| fact.value == text) {
            continue;
        }
        let at = (*kind == Kind::Since).then(|| time::instant(&text)).flatten();
        facts.push(Fact { kind: *kind, value: cut(&text, MAX_TEXT), from, at });
    }
    facts.sort_by_key(|fact| fact.kind);
    facts
}

/// Reads names and values: objects with a name or key and a value, texts `name:value`, or one text with several of them.
fn tags(value: &Value) -> Vec<(String, String)> {
    let split = |text: &str| {
        let (name, value) = text.trim().split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    match value {
        Value::String(text) => text.split(',').filter_map(split).collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|tag| match tag {
                Value::String(text) => split(text),
                tag => Some((scalar(tag.get("name").or_else(|| tag.get("key"))?)?, scalar(tag.get("value")?)?)),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The line between two parts of a text.
const RULE: &str = "----------------------------------------";

/// Returns the value of a line `name: value` of the first part of a text. A value may be JSON over several lines.
fn line<'t>(text: &'t str, path: &[&str]) -> Option<Cow<'t, str>> {
    let (name, within) = path.split_first()?;
    let mut lines = text.lines().take_while(|line| *line != RULE);
    let value = lines.by_ref().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
    if within.is_empty() {
        return Some(Cow::Borrowed(value.trim())).filter(|value| !value.is_empty());
    }
    let mut json = value.to_owned();
    for line in lines.take_while(|line| *line != "}") {
        json.push_str(line);
    }
    // The last line has the bracket, unless the value is on one line.
    let json = object(&format!("{json}}}")).or_else(|| object(&json));
    let value = within.iter().try_fold(json.as_ref()?, |value, name| value.get(name))?;
    scalar(value).map(Cow::Owned)
}
