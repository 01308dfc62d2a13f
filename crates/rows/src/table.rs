//! Writes a list as a table: the same data with each name written once.
//!
//! The first line is the metadata as JSON, the second line has the columns, and each further line is a row. Cells are
//! separated by tabs. Objects become columns `service.id`. Lists of objects become columns `teams[].id`, whose cells
//! hold the values of the elements, separated by `;`. A cell is one of these:
//!
//! - empty: the field is absent;
//! - `=`: the text after the `=` in the column's header, in which `{other}` stands for the row's cell in another column.
//!   PagerDuty repeats itself a lot: an incident's `summary` is its number and title, and most of its times are equal;
//! - JSON (a number, a quoted text, a list): that value;
//! - any other text: that text.
//!
//! The table is lossless: the test below parses tables back into rows.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The explanation of the format, sent with each table.
pub const LEGEND: &str = "Tab-separated; empty: absent; a[].b: of each a, by ;; =: as the header says";

/// The most fields that an object may have in all rows together to become columns. A larger object stays JSON in one cell.
const MAX_FIELDS: usize = 24;

/// The length in bytes from which a repeated text is replaced by a reference.
const MIN_REPEATED: usize = 3;

/// Returns the rows as lines: the columns, then each row.
#[must_use]
pub fn table(rows: &[Map<String, Value>]) -> String {
    let mut columns = columns(rows.iter(), "");
    let mut grid: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| column.cell(row)).collect()).collect();
    let names: Vec<_> = columns.iter().map(|column| column.name.clone()).collect();
    let rules: Vec<_> = (0..columns.len()).map(|column| rule(&grid, &names, column)).collect();
    for cells in &mut grid {
        // A rule refers to the cells as they were before any rule was applied.
        let before = cells.clone();
        for ((cell, column), rule) in cells.iter_mut().zip(&before).zip(&rules) {
            if rule.as_ref().is_some_and(|rule| rule.expand(&before).as_deref() == Some(column)) {
                "=".clone_into(cell);
            }
        }
    }
    for (column, rule) in columns.iter_mut().zip(&rules) {
        if let Some(rule) = rule {
            _ = write!(column.name, "={}", rule.text(&names));
        }
    }
    let header = columns.into_iter().map(|column| column.name).collect::<Vec<_>>();
    let lines = std::iter::once(header).chain(grid).map(|cells| cells.join("\t"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The columns of a table that is not complete yet, which the cost of a row depends on.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// The names seen so far in each object, by the object's own name.
    seen: HashMap<String, HashSet<String>>,
}

impl Outline {
    /// Returns approximately the text that one more row adds to a table: its cells, and the names that no earlier row has.
    /// An object with too many names in all rows does not become columns, so its names are repeated in each row.
    #[must_use]
    pub fn likely_text(&mut self, row: &Map<String, Value>) -> String {
        let mut cells: Vec<String> = Vec::new();
        let mut names = String::new();
        for column in columns(std::iter::once(row), "") {
            let cell = column.cell(row);
            let repeats = |earlier: &String| {
                earlier.len() >= MIN_REPEATED
                    && (*earlier == cell || (earlier.len() > 8 && cell.ends_with(earlier.as_str())))
            };
            let repeated = cells.iter().any(repeats);
            let (object, name) = column.name.rsplit_once('.').unwrap_or(("", &column.name));
            let known = self.seen.entry(object.to_owned()).or_default();
            let is_new = !known.contains(name) && known.insert(name.to_owned());
            let is_record = object.is_empty() || known.len() <= MAX_FIELDS;
            if is_new && !object.is_empty() || !is_record {
                _ = write!(names, "\"{name}\":\"\",");
            }
            cells.push(if repeated { "=".to_owned() } else { cell });
        }
        format!("{}\n{names}", cells.join("\t"))
    }
}

/// A column: its name, and the path to its values.
struct Column {
    name: String,
    path: Vec<Step>,
}

enum Step {
    Field(String),
    /// Each element of a list.
    Each,
}

/// Returns the columns of objects, in the order in which their fields first appear.
fn columns<'r>(rows: impl Iterator<Item = &'r Map<String, Value>> + Clone, prefix: &str) -> Vec<Column> {
    let mut fields: Vec<(&str, Vec<&Value>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (name, value) in rows.flatten() {
        let place = *places.entry(name).or_insert_with(|| {
            fields.push((name, Vec::new()));
            fields.len() - 1
        });
        if let Some((_, values)) = fields.get_mut(place) {
            values.push(value);
        }
    }
    let mut columns = Vec::new();
    for (field, values) in fields {
        let name = format!("{prefix}{field}");
        let below = if let Some(objects) = records(&values) {
            Some((Vec::new(), self::columns(objects.into_iter(), &format!("{name}."))))
        } else {
            let elements = lists(&values).and_then(|elements| records(&elements));
            // A list within a list stays JSON in the cell of the outer one.
            let elements = elements.filter(|_| !prefix.contains("[]"));
            elements.map(|objects| (vec![Step::Each], self::columns(objects.into_iter(), &format!("{name}[]."))))
        };
        match below {
            None => columns.push(Column { name, path: vec![Step::Field(field.to_owned())] }),
            Some((each, below)) => columns.extend(below.into_iter().map(|column| {
                let here = std::iter::once(Step::Field(field.to_owned()));
                let each = each.iter().map(|_| Step::Each);
                Column { name: column.name, path: here.chain(each).chain(column.path).collect() }
            })),
        }
    }
    columns
}

/// Returns the values as objects that can become columns: none is empty, and their names are few and plain.
fn records<'v>(values: &[&'v Value]) -> Option<Vec<&'v Map<String, Value>>> {
    let objects: Option<Vec<_>> = values.iter().map(|value| value.as_object()).collect();
    let objects = objects.filter(|objects| objects.iter().all(|object| !object.is_empty()))?;
    let mut names: Vec<_> = objects.iter().flat_map(|object| object.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let plain =
        |name: &&String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (names.len() <= MAX_FIELDS && names.iter().all(plain)).then_some(objects)
}

/// Returns the elements of all lists, or `None` if a value is not a list or an empty one.
fn lists<'v>(values: &[&'v Value]) -> Option<Vec<&'v Value>> {
    let lists: Option<Vec<_>> = values.iter().map(|value| value.as_array().filter(|list| !list.is_empty())).collect();
    Some(lists?.into_iter().flatten().collect())
}

impl Column {
    fn cell(&self, row: &Map<String, Value>) -> String {
        let Some((Step::Field(first), rest)) = self.path.split_first() else { return String::new() };
        let Some(mut value) = row.get(first) else { return String::new() };
        let mut rest = rest.iter();
        while let Some(step) = rest.next() {
            match (step, value) {
                (Step::Field(name), Value::Object(object)) => match object.get(name) {
                    Some(below) => value = below,
                    None => return String::new(),
                },
                (Step::Each, Value::Array(elements)) => return each(elements, rest.as_slice()),
                _ => return String::new(),
            }
        }
        text(value, false)
    }
}

/// Returns the joined cells of a list's elements, or an empty text if all are empty.
fn each(elements: &[Value], path: &[Step]) -> String {
    let one = |element: &Value| {
        let found = path.iter().try_fold(element, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Each => None,
        });
        found.map_or_else(String::new, |value| text(value, true))
    };
    let cells: Vec<_> = elements.iter().map(one).collect();
    if cells.iter().all(String::is_empty) { String::new() } else { cells.join(";") }
}

/// Returns a value as the text of a cell.
fn text(value: &Value, in_list: bool) -> String {
    let Value::String(text) = value else { return in_one_line(value) };
    let odd = text.is_empty()
        || text == "="
        || text.contains(|c: char| c.is_control() || breaks_lines(c) || (in_list && c == ';'))
        || (in_list && text.starts_with(['"', '[', '{']))
        || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if odd { in_one_line(value) } else { text.clone() }
}

/// Returns a value as JSON on one line for every reader: JSON does not escape all line breaks of Unicode.
#[must_use]
pub fn in_one_line(value: &Value) -> String {
    let json = value.to_string();
    if !json.contains(breaks_lines) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if breaks_lines(c) {
            _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Returns whether a character is a Unicode line break that JSON does not escape: next line, line separator, paragraph
/// separator.
fn breaks_lines(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A rule for most cells of a column: a sequence of texts and of cells of other columns.
#[derive(Clone, PartialEq, Eq)]
struct Rule(Vec<Part>);

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(usize),
}

impl Rule {
    /// Returns the cell of a row by this rule, or `None` if a cell it refers to is empty.
    fn expand(&self, cells: &[String]) -> Option<String> {
        let mut all = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => all.push_str(text),
                Part::Column(column) => all.push_str(cells.get(*column).filter(|cell| !cell.is_empty())?),
            }
        }
        Some(all)
    }

    fn text(&self, names: &[String]) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Column(column) => format!("{{{}}}", names.get(*column).map_or("", String::as_str)),
        };
        self.0.iter().map(part).collect()
    }

    /// Returns a rule for `cell` that refers to the earlier cells of its row, preferring the longest.
    fn from_cell(cell: &str, earlier: &[String]) -> Self {
        let (mut parts, mut rest, mut open) = (Vec::new(), cell, String::new());
        while let Some(next) = rest.chars().next() {
            let found = earlier
                .iter()
                .enumerate()
                .filter(|(_, cell)| cell.len() >= MIN_REPEATED && rest.starts_with(cell.as_str()));
            // Among equally long cells, take the first.
            if let Some((column, cell)) = found.rev().max_by_key(|(_, cell)| cell.len()) {
                if !open.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut open)));
                }
                parts.push(Part::Column(column));
                rest = rest.get(cell.len()..).unwrap_or_default();
            } else {
                open.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        if !open.is_empty() {
            parts.push(Part::Text(open));
        }
        Self(parts)
    }

    /// Returns whether the rule can be written in a header.
    fn is_usable(&self) -> bool {
        let plain = |part: &Part| match part {
            Part::Text(text) => !text.contains(['{', '}', '\t', '\n']),
            Part::Column(_) => true,
        };
        self.0.iter().any(|part| matches!(part, Part::Column(_))) && self.0.iter().all(plain)
    }
}

/// Returns the rule that shortens a column most, or `None` if no rule does.
///
/// Only the rules that match one of the first eight cells are tried.
fn rule(grid: &[Vec<String>], names: &[String], column: usize) -> Option<Rule> {
    let cells =
        || grid.iter().filter_map(|cells| Some((cells, cells.get(column).filter(|cell| cell.len() >= MIN_REPEATED)?)));
    let mut rules: Vec<Rule> = Vec::new();
    for (cells, cell) in cells().take(8) {
        let earlier = cells.get(..column).unwrap_or_default();
        let same = earlier.iter().enumerate().filter(|(_, other)| *other == cell);
        let same = same.map(|(other, _)| Rule(vec![Part::Column(other)]));
        for rule in same.chain([Rule::from_cell(cell, earlier)]) {
            if rule.is_usable() && !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    let saved = |rule: &Rule| {
        let hits = cells().filter(|(cells, cell)| rule.expand(cells).as_ref() == Some(*cell));
        hits.map(|(_, cell)| cell.len() - 1).sum::<usize>()
    };
    let best = rules.into_iter().map(|rule| (saved(&rule), rule)).max_by_key(|(saved, _)| *saved);
    best.filter(|(saved, rule)| *saved > rule.text(names).len() + 1).map(|(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Parses a table into rows, by the format described at the top of this file.
    fn read(table: &str) -> Vec<Value> {
        let mut lines = table.split('\n');
        let header: Vec<_> = lines.next().unwrap().split('\t').collect();
        let header: Vec<_> = header.iter().map(|name| name.split_once('=').unwrap_or((name, ""))).collect();
        lines.map(|line| read_row(&header, line)).collect()
    }

    fn read_row(header: &[(&str, &str)], line: &str) -> Value {
        let mut cells: Vec<String> = Vec::new();
        for ((_, rule), cell) in header.iter().zip(line.split('\t')) {
            let mut whole = if cell == "=" { (*rule).to_owned() } else { cell.to_owned() };
            if cell == "=" {
                for ((name, _), earlier) in header.iter().zip(&cells) {
                    whole = whole.replace(&format!("{{{name}}}"), &earlier.replace('{', "\u{1}"));
                }
            }
            cells.push(whole.replace('\u{1}', "{"));
        }
        let mut row = json!({});
        for ((name, _), cell) in header.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()) {
            match name.split_once("[].") {
                None => *place(&mut row, name) = value(cell),
                Some((list, field)) => {
                    let list = place(&mut row, list);
                    for (number, element) in elements(cell).into_iter().enumerate() {
                        if list.is_null() {
                            *list = json!([]);
                        }
                        let list = list.as_array_mut().unwrap();
                        list.resize(list.len().max(number + 1), json!({}));
                        if !element.is_empty() {
                            *place(&mut list[number], field) = value(&element);
                        }
                    }
                }
            }
        }
        row
    }

    fn place<'v>(row: &'v mut Value, path: &str) -> &'v mut Value {
        path.split('.').fold(row, |value, name| {
            if value.is_null() {
                *value = json!({});
            }
            value.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
        })
    }

    fn value(cell: &str) -> Value {
        serde_json::from_str(cell).unwrap_or_else(|_| cell.into())
    }

    fn elements(cell: &str) -> Vec<String> {
        let (mut all, mut rest) = (Vec::new(), cell);
        loop {
            let end = if rest.starts_with(['"', '[', '{']) {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
                values.next().unwrap().unwrap();
                values.byte_offset()
            } else {
                rest.find(';').unwrap_or(rest.len())
            };
            all.push(rest[..end].to_owned());
            match rest[end..].strip_prefix(';') {
                Some(more) => rest = more,
                None => return all,
            }
        }
    }

    fn written(rows: &Value) -> String {
        let rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| row.as_object().unwrap().clone()).collect();
        table(&rows)
    }

    #[test]
    fn table_writes_names_once_and_repetitions_as_rules() {
        let row = |number: u32, title: &str, at: &str| {
            json!({"number": number, "title": title, "at": at, "summary": format!("[#{number}] {title}"),
                "changed": at, "service": {"id": format!("P{number}")}, "teams": [{"id": "T1"}, {"id": "T2"}]})
        };
        let rows = json!([
            row(101, "Disk is full", "09:00"),
            row(102, "[FIRING] Queue", "10:00"),
            row(103, "No route", "11:00")
        ]);
        let expected = "number\ttitle\tat\tsummary=[#{number}] {title}\tchanged={at}\tservice.id\tteams[].id\n\
                        101\tDisk is full\t09:00\t=\t=\tP101\tT1;T2\n\
                        102\t[FIRING] Queue\t10:00\t=\t=\tP102\tT1;T2\n\
                        103\tNo route\t11:00\t=\t=\tP103\tT1;T2";
        assert_eq!(written(&rows), expected);
        assert_eq!(Value::from(read(expected)), rows);
    }

    #[test]
    fn table_quotes_ambiguous_texts() {
        let rows = json!([{"a": "5", "b": 5, "c": "", "d": "=", "e": "x\ty", "f": null, "g": [], "h": {}, "i": "null"},
            {"a": "x", "b": "true", "g": [1, {"x": []}], "h": {"odd name": 1}},
            {"l": [{"s": "a;b"}, {"t": 1}, {"s": "[x"}]}]);
        assert_eq!(Value::from(read(&written(&rows))), rows, "{}", written(&rows));
    }

    #[test]
    fn table_escapes_unicode_line_breaks() {
        let rows = json!([{"title": "a\u{2028}b\u{85}", "list": ["\u{2029}"], "map": {"odd \u{2028}": "\u{2029}"}}]);
        let table = written(&rows);
        assert!(!table.contains(['\u{2028}', '\u{2029}', '\u{85}']), "{table}");
        assert_eq!(Value::from(read(&table)), rows, "{table}");
    }

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3i64..3).prop_map(Value::from),
            "[a-c=;{}\\[\\]\"\t\n 5]{0,5}".prop_map(Value::from),
            "(2026-11-2[0-9]T00:00|Disk is full|true|\\[#[0-9]\\] Disk)".prop_map(Value::from),
            "(.|\u{2028}){0,6}".prop_map(Value::from),
        ]
    }

    fn object(inner: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
        let fields = prop_oneof![4 => Just("id"), 4 => Just("summary"), 2 => Just("at"), 1 => Just("odd name"), 1 => Just("a.b")];
        proptest::collection::vec((fields, inner), 0..4).prop_map(|fields| fields.into_iter().collect())
    }

    fn any_value() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                object(inner.clone()),
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec(object(inner), 0..3).prop_map(Value::from),
            ]
        })
    }

    proptest! {
        #[test]
        fn table_parses_back_into_the_same_rows(
            rows in proptest::collection::vec(
                proptest::collection::vec(("(id|title|summary|created_at|teams|user)", any_value()), 0..7), 1..8,
            ),
        ) {
            let rows: Vec<Value> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let rows = Value::from(rows);
            let table = written(&rows);
            prop_assert_eq!(Value::from(read(&table)), rows, "{}", table);
        }
    }
}
