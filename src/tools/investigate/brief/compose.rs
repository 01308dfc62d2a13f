//! Composes the brief: chooses the items that fit into a budget, the most telling first. It has no I/O.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pagerduty_rows::tokens::estimate_text;
use pagerduty_rows::write::to_lines;
use serde_json::{Map, Value};

/// A part of the brief. The order is that of the answer: what fired, what changed before it, who has it, what was tried,
/// and how the last one like it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Alerts,
    Changes,
    Oncall,
    Notes,
    Similar,
    Impact,
    Service,
    Related,
    Timeline,
    Automation,
    Memories,
}

impl Part {
    /// All parts, in the order of the answer.
    pub const ALL: [Self; 11] = [
        Self::Alerts,
        Self::Changes,
        Self::Oncall,
        Self::Notes,
        Self::Similar,
        Self::Impact,
        Self::Service,
        Self::Related,
        Self::Timeline,
        Self::Automation,
        Self::Memories,
    ];

    /// Returns the name in arguments and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Changes => "changes",
            Self::Oncall => "oncall",
            Self::Notes => "notes",
            Self::Similar => "similar",
            Self::Impact => "impact",
            Self::Service => "service",
            Self::Related => "related",
            Self::Timeline => "timeline",
            Self::Automation => "automation",
            Self::Memories => "memories",
        }
    }

    /// Returns whether its items are in the order in which they happened.
    const fn is_chronological(self) -> bool {
        matches!(self, Self::Notes | Self::Timeline)
    }
}

/// A fact of the brief.
#[derive(Clone, Debug)]
pub struct Item {
    /// The part that it belongs to.
    pub part: Part,
    /// The time at which it happened, in parts with that order.
    pub at: Option<Timestamp>,
    /// The sentence about it.
    pub line: String,
    /// The IDs, times and numbers for programs and further calls.
    pub data: Map<String, Value>,
    /// The links, for which other items come first.
    pub links: Option<Value>,
}

/// The items of a brief, and the members around them.
#[derive(Debug, Default)]
pub struct Draft {
    /// The first sentence. It is always there.
    pub headline: String,
    /// The members that are always there, such as the incident.
    pub members: Map<String, Value>,
    /// The items, those of each part in the order in which they matter.
    pub items: Vec<Item>,
    /// The warnings, which are added to the answer later.
    pub warnings: Vec<String>,
}

/// The positions of the items that an answer has, of those among them with data, and of those among these with links.
#[derive(Debug, Default)]
struct Chosen {
    items: BTreeSet<usize>,
    data: BTreeSet<usize>,
    links: BTreeSet<usize>,
}

/// The tokens of what may be added to the answer later: the label of the sandbox.
const LABEL: usize = 12;

/// The member that counts, by part, the items that did not fit.
const LEFT_OUT: &str = "left_out";

impl Draft {
    /// Returns the members of the answer, with the items that fit into so many tokens.
    ///
    /// The first sentence of each part comes before the second ones, so that a small budget has something of every part, and
    /// before all data. Items that do not fit are skipped for smaller ones, and counted. Links come last.
    pub fn within(self, tokens: usize) -> Map<String, Value> {
        let order = self.order();
        let mut chosen = Chosen::default();
        let mut left = tokens.saturating_sub(LABEL + self.cost(&chosen));
        let mut take = |cost: usize| {
            let rest = left.checked_sub(cost);
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        for level in order.chunk_by(|(one, _), (other, _)| one == other) {
            let items = || level.iter().filter_map(|(_, place)| Some((*place, self.items.get(*place)?)));
            for (place, item) in items() {
                if take(item.cost_of_line()) {
                    chosen.items.insert(place);
                }
            }
            for (place, item) in items() {
                if chosen.items.contains(&place) && item.cost_of_data().is_some_and(&mut take) {
                    chosen.data.insert(place);
                }
            }
        }
        let order: Vec<_> = order.into_iter().map(|(_, place)| place).collect();
        for place in order.iter().copied().filter(|place| chosen.data.contains(place)) {
            if self.items.get(place).and_then(Item::cost_of_links).is_some_and(&mut take) {
                chosen.links.insert(place);
            }
        }
        // The parts of a text can cost less than the text.
        for place in order.iter().rev() {
            if LABEL + self.cost(&chosen) <= tokens {
                break;
            }
            for set in [&mut chosen.links, &mut chosen.data, &mut chosen.items] {
                set.remove(place);
            }
        }
        self.answer(&chosen)
    }

    /// Returns the positions of the items, the most telling first, each with the number of items before it in its part.
    fn order(&self) -> Vec<(usize, usize)> {
        let mut counts = [0_usize; Part::ALL.len()];
        let ranked = self.items.iter().enumerate().map(|(place, item)| {
            let count = counts.get_mut(item.part as usize);
            let depth = count.map_or(0, |count| std::mem::replace(count, *count + 1));
            ((depth, item.part), place)
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|((depth, _), place)| (depth, place)).collect()
    }

    fn cost(&self, chosen: &Chosen) -> usize {
        let mut members = self.answer(chosen);
        if !self.warnings.is_empty() {
            members.insert("warnings".to_owned(), self.warnings.clone().into());
        }
        estimate_text(&to_lines(&Value::Object(members)))
    }

    fn answer(&self, chosen: &Chosen) -> Map<String, Value> {
        let (mut lines, mut parts, mut left_out) = (vec![self.headline.as_str()], Map::new(), Map::new());
        for part in Part::ALL {
            let here = || self.items.iter().enumerate().filter(|(_, item)| item.part == part);
            let mut shown: Vec<_> = here().filter(|(place, _)| chosen.items.contains(place)).collect();
            if part.is_chronological() {
                shown.sort_by_key(|(_, item)| item.at);
            }
            lines.extend(shown.iter().map(|(_, item)| item.line.as_str()));
            let data = shown.iter().filter(|(place, _)| chosen.data.contains(place));
            let data: Vec<_> = data.map(|(place, item)| item.shown(chosen.links.contains(place))).collect();
            if !data.is_empty() {
                parts.insert(part.name().to_owned(), data.into());
            }
            let missing = here().count() - shown.len();
            if missing > 0 {
                left_out.insert(part.name().to_owned(), missing.into());
            }
        }
        let mut answer = Map::from_iter([("lines".to_owned(), lines.into())]);
        answer.extend(self.members.clone());
        answer.extend(parts);
        if !left_out.is_empty() {
            answer.insert(LEFT_OUT.to_owned(), left_out.into());
        }
        answer
    }
}

impl Item {
    /// Returns an item without a time and links.
    pub fn new(part: Part, line: String, data: Map<String, Value>) -> Self {
        Self { part, at: None, line, data, links: None }
    }

    fn shown(&self, with_links: bool) -> Map<String, Value> {
        let mut data = self.data.clone();
        data.extend(self.links.clone().filter(|_| with_links).map(|links| ("links".to_owned(), links)));
        data
    }

    /// Returns the tokens of the line, with its separator.
    fn cost_of_line(&self) -> usize {
        estimate_text(&format!("{},", Value::from(self.line.as_str())))
    }

    fn cost_of_data(&self) -> Option<usize> {
        (!self.data.is_empty()).then(|| estimate_text(&format!("{},", Value::Object(self.data.clone()))))
    }

    fn cost_of_links(&self) -> Option<usize> {
        self.links.as_ref().map(|links| estimate_text(&format!(",\"links\":{links}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(part: Part, line: &str) -> Item {
        Item::new(part, line.to_owned(), json!({"id": line}).as_object().unwrap().clone())
    }

    fn draft(items: Vec<Item>) -> Draft {
        Draft { headline: "It fired.".to_owned(), items, ..Draft::default() }
    }

    #[test]
    fn lines_are_told_part_by_part() {
        let items = vec![
            item(Part::Memories, "m"),
            item(Part::Alerts, "a1"),
            item(Part::Oncall, "o"),
            item(Part::Alerts, "a2"),
        ];
        let answer = Value::Object(draft(items).within(1_000));
        assert_eq!(answer["lines"], json!(["It fired.", "a1", "a2", "o", "m"]));
        assert_eq!(answer["alerts"], json!([{"id": "a1"}, {"id": "a2"}]));
        assert!(answer.get(LEFT_OUT).is_none());
    }

    #[test]
    fn first_item_of_each_part_fits_before_second_ones() {
        let items: Vec<_> = Part::ALL
            .iter()
            .flat_map(|part| (0..30).map(|number| item(*part, &format!("a sentence about {} {number}", part.name()))))
            .collect();
        for tokens in [600, 1_000, 2_000, 5_000] {
            let answer = Value::Object(draft(items.clone()).within(tokens));
            let lines = answer["lines"].as_array().unwrap();
            let about = |part: &Part| format!("a sentence about {} ", part.name());
            let count =
                |part: &Part| lines.iter().filter(|line| line.as_str().unwrap().starts_with(&about(part))).count();
            let counts: Vec<_> = Part::ALL.iter().map(count).collect();
            assert!(counts.is_sorted_by(|one, other| one >= other), "{tokens}: {counts:?}");
            assert!(counts[0] - counts[10] <= 1, "{tokens}: {counts:?}");
            for (part, count) in Part::ALL.iter().zip(counts) {
                assert_eq!(answer[LEFT_OUT][part.name()], 30 - count, "{tokens}");
            }
            let size = estimate_text(&answer.to_string());
            // The parts of an answer cost somewhat more than the whole.
            assert!(size <= tokens && size + 60 + tokens / 10 > tokens, "{size} of {tokens}");
        }
    }

    #[test]
    fn notes_are_told_in_their_order() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let note = |second| Item { at: at(second), ..item(Part::Notes, &format!("note {second}")) };
        let answer = Value::Object(draft(vec![note(30), note(20), note(10)]).within(1_000));
        assert_eq!(answer["lines"], json!(["It fired.", "note 10", "note 20", "note 30"]));
    }

    #[test]
    fn links_come_after_items() {
        let with_links = Item { links: Some(json!(["https://x.example/".repeat(20)])), ..item(Part::Alerts, "a") };
        let items = vec![with_links, item(Part::Memories, "m")];
        let answer = |tokens| Value::Object(draft(items.clone()).within(tokens));
        let small = answer(120);
        assert_eq!(small["lines"], json!(["It fired.", "a", "m"]));
        assert!(small["alerts"][0].get("links").is_none() && answer(1_000)["alerts"][0]["links"].is_array());
    }

    #[test]
    fn large_item_gives_way_to_small_ones() {
        let items = vec![item(Part::Alerts, &"long ".repeat(500)), item(Part::Changes, "deploy")];
        let answer = Value::Object(draft(items).within(300));
        assert_eq!(answer["lines"], json!(["It fired.", "deploy"]));
        assert_eq!(answer[LEFT_OUT], json!({"alerts": 1}));
    }
}
