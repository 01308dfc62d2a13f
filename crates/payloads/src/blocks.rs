//! The alerts within one event of Alertmanager, and of Grafana, which writes them the same way.
//!
//! The details hold a text for the firing alerts and one for the resolved ones. In the text, each alert is a block:
//!
//! ```text
//! Labels:
//!  - alertname = HighErrorRate
//! Annotations:
//!  - summary = the first line,
//! and the next one
//! Source: https://prometheus.example.com/graph
//! ```
//!
//! Values are not escaped, so a value may contain lines that look like the format. Names are sorted, and each section
//! comes once, so most of such values can be detected. Then only the name of the alert is used. Newer versions send a list of
//! objects, which has no such problem.

use serde_json::{Map, Value};

use crate::event::Event;
use crate::rules::Fact;
use crate::text::{MAX_TEXT, cut, scalar};

/// The remark about a text whose blocks have no certain limits.
pub const UNCLEAR: &str = "The alerts within the details have no certain limits, because a value looks like the format \
                           or the counts differ. The details are shown as they were sent.";

/// The most alerts that are shown one by one.
const MAX_INSTANCES: usize = 10;

/// The most alerts that are read.
const MAX_BLOCKS: usize = 5_000;

/// The most labels that are shown, and the most characters of what tells one alert from the others.
const MAX_LABELS: usize = 20;
const MAX_DIFFERENCE: usize = 200;

/// The lines after the sections of a block.
const ENDINGS: &[&str] = &["Source", "Silence", "Dashboard", "Panel"];

/// The line that Grafana writes before the sections of a block.
const VALUE: &str = "Value";

/// The name of a label that is always the first.
const FIRST: &str = "alertname";

/// Names with values.
pub type Pairs = Vec<(String, String)>;

/// The alerts of one event, summarized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The number of firing alerts, if it is known.
    pub firing: Option<usize>,
    /// The number of resolved alerts, if it is known.
    pub resolved: Option<usize>,
    /// The labels that all alerts share, without those that are facts.
    pub labels: Pairs,
    /// The parts in which the alerts differ, for the first ones.
    pub instances: Vec<String>,
    /// The number of further alerts.
    pub more: usize,
}

/// One alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub labels: Pairs,
    pub annotations: Pairs,
    pub fields: Pairs,
    starts_at: Option<String>,
    /// Set if a value looks like the format.
    is_unclear: bool,
}

/// The alerts of an event.
pub struct Blocks {
    /// The firing alerts, or else the resolved ones.
    pub all: Vec<Block>,
    firing: Option<usize>,
    resolved: Option<usize>,
    is_unclear: bool,
}

impl Blocks {
    /// Reads the alerts of an event. Returns `None` if the details do not have them.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let firing = event.detail(&["firing"]).map(read).unwrap_or_default();
        let resolved = event.detail(&["resolved"]).map(read).unwrap_or_default();
        let count = |name| event.detail(&[name]).and_then(scalar)?.parse().ok();
        let (num_firing, num_resolved) = (count("num_firing"), count("num_resolved"));
        let differs = |blocks: &[Block], stated: Option<usize>| stated.is_some_and(|stated| stated != blocks.len());
        let counts_differ = differs(&firing, num_firing) || differs(&resolved, num_resolved);
        let is_unclear = counts_differ || firing.iter().chain(&resolved).any(|block| block.is_unclear);
        let all = if firing.is_empty() { resolved } else { firing };
        let all: Vec<_> = if is_unclear { all.into_iter().map(Block::name_only).collect() } else { all };
        (!all.is_empty()).then_some(Self { all, firing: num_firing, resolved: num_resolved, is_unclear })
    }

    /// Returns whether the alerts within the details have no certain limits.
    pub fn is_unclear(&self) -> bool {
        self.is_unclear
    }

    /// Returns a value that all alerts share.
    pub fn shared<'b>(&'b self, of: impl Fn(&'b Block) -> &'b Pairs, name: &str) -> Option<&'b str> {
        let value = |block: &'b Block| get(of(block), name);
        let first = value(self.all.first()?)?;
        self.all.iter().all(|block| value(block) == Some(first)).then_some(first)
    }

    /// Returns the earliest start.
    pub fn starts_at(&self) -> Option<&str> {
        let starts = self.all.iter().filter_map(|block| block.starts_at.as_deref());
        starts.min_by_key(|start| crate::time::instant(start))
    }

    /// Returns the summary. Labels that are facts are left out.
    pub fn group(&self, facts: &[Fact]) -> Group {
        let used =
            |name: &str| name == FIRST || facts.iter().any(|fact| fact.from.strip_prefix("label:") == Some(name));
        let first = self.all.first().map(|block| block.labels.as_slice()).unwrap_or_default();
        let is_shared = |name: &str| self.shared(|block| &block.labels, name).is_some();
        let shared = first.iter().filter(|(name, _)| is_shared(name) && !used(name)).take(MAX_LABELS);
        let labels = shared.map(|(name, value)| (cut(name, MAX_DIFFERENCE), cut(value, MAX_TEXT))).collect();
        let is_list = self.all.len() > 1 && !self.is_unclear;
        let instances: Vec<_> = self.all.iter().take(if is_list { MAX_INSTANCES } else { 0 }).collect();
        let more = if is_list { self.all.len() - instances.len() } else { 0 };
        let instances = instances.into_iter().map(|block| self.difference(block)).collect();
        Group { firing: self.firing, resolved: self.resolved, labels, instances, more }
    }

    /// Returns the part in which an alert differs from the others: the value of a label, or several with their names.
    pub fn difference(&self, block: &Block) -> String {
        let differs = |name: &str| self.shared(|block| &block.labels, name).is_none();
        let own: Vec<_> = block.labels.iter().filter(|(name, _)| differs(name)).collect();
        let text = match own.as_slice() {
            [(_, value)] => value.clone(),
            several => several.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "),
        };
        cut(&text, MAX_DIFFERENCE)
    }
}

/// Returns the value of a name.
pub fn get<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

fn read(value: &Value) -> Vec<Block> {
    match value {
        Value::String(text) => parse(text),
        Value::Array(list) => list.iter().take(MAX_BLOCKS).filter_map(object).collect(),
        _ => Vec::new(),
    }
}

/// Reads an alert of the list form.
fn object(alert: &Value) -> Option<Block> {
    let pairs = |name: &str| {
        let pairs = alert.get(name).and_then(Value::as_object).map(Map::iter).into_iter().flatten();
        pairs.filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
    };
    let text = |name: &str| alert.get(name).and_then(scalar);
    alert.as_object()?;
    Some(Block {
        labels: pairs("labels"),
        annotations: pairs("annotations"),
        fields: text("generatorURL").map(|url| ("Source".to_owned(), url)).into_iter().collect(),
        starts_at: text("startsAt"),
        ..Block::default()
    })
}

/// The part of a block that a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Outside,
    Labels,
    Annotations,
}

/// Reads the text form.
fn parse(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut section = Section::Outside;
    let mut value = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(shown) = field(line, &[VALUE]).filter(|_| lines.peek() == Some(&"Labels:")) {
            value = Some(shown);
            section = Section::Outside;
            continue;
        }
        if section == Section::Outside && line == "Labels:" {
            if blocks.len() == MAX_BLOCKS {
                break;
            }
            let fields = value.take().into_iter().collect();
            blocks.push(Block { fields, ..Block::default() });
            section = Section::Labels;
            continue;
        }
        let Some(block) = blocks.last_mut() else { continue };
        let ending = field(line, ENDINGS);
        match section {
            Section::Outside => match ending {
                Some(ending) => block.add(ending),
                None if line.trim().is_empty() => {}
                None => block.is_unclear = true,
            },
            Section::Labels if line == "Annotations:" => section = Section::Annotations,
            Section::Labels | Section::Annotations => {
                if let Some(ending) = ending.clone().filter(|_| section == Section::Annotations) {
                    section = Section::Outside;
                    block.add(ending);
                    continue;
                }
                let looks_like_format = ["Labels:", "Annotations:"].contains(&line) || ending.is_some();
                block.is_unclear |= looks_like_format;
                match pair(line).filter(|_| !looks_like_format) {
                    Some(pair) => block.push(section, pair),
                    None => block.extend(section, line),
                }
            }
        }
    }
    blocks
}

/// Reads a line after or before the sections.
fn field(line: &str, names: &[&str]) -> Option<(String, String)> {
    let (name, value) = line.split_once(": ")?;
    names.contains(&name).then(|| (name.to_owned(), value.trim().to_owned()))
}

/// Reads a line in a section.
fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix(" - ")?.split_once(" = ")?;
    Some((name.to_owned(), value.to_owned()))
}

impl Block {
    fn section(&mut self, section: Section) -> &mut Pairs {
        if section == Section::Annotations { &mut self.annotations } else { &mut self.labels }
    }

    /// Adds a line after the sections. Each kind comes once.
    fn add(&mut self, ending: (String, String)) {
        self.is_unclear |= self.fields.iter().any(|(name, _)| *name == ending.0);
        self.fields.push(ending);
    }

    /// Adds a pair to a section. A pair that is not in order belongs to a value.
    fn push(&mut self, section: Section, pair: (String, String)) {
        let is_in_order = self.section(section).last().is_none_or(|(last, _)| last == FIRST || *last < pair.0);
        self.is_unclear |= !is_in_order;
        self.section(section).push(pair);
    }

    /// Adds a line to the last value of a section.
    fn extend(&mut self, section: Section, line: &str) {
        match self.section(section).last_mut() {
            Some((_, value)) => {
                value.push('\n');
                value.push_str(line);
            }
            None => self.is_unclear = true,
        }
    }

    /// Removes all but the name, which is the first label: the rest may be part of a value.
    fn name_only(mut self) -> Self {
        self.labels.truncate(1);
        self.annotations.clear();
        self.fields.clear();
        self
    }
}
