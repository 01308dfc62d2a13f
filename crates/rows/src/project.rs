//! Copies the selected fields of PagerDuty's objects, as bytes, in the selected order.
//!
//! A text without escapes, a number and a word are copied as PagerDuty wrote them. The fields of an
//! object are written in the order in which they come, and put into the order of the table at its end.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use crate::decode::{MAX_DEPTH, TOO_DEEP, Unreadable};
use crate::facts::Facts;
use crate::fields::{DELETED, REFERENCE};
use crate::object::Object;
use crate::plan::{How, Known, Member, Plan, Shows};
use crate::repair;
use crate::scan::{Kind, Literal, Scanner};
use crate::write::append_quoted;

/// The kind of a value that was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// A value that is shown.
    Full,
    /// A null, an empty text or an empty list.
    Empty,
    /// An object without members.
    EmptyObject,
}

/// The part of the output that a field takes. An absent field takes none.
type Span = std::ops::Range<usize>;

const ABSENT: Span = 0..0;

/// Copies the selected parts of the objects in a text.
#[derive(Debug)]
pub(crate) struct Projector<'t> {
    pub(crate) scanner: Scanner<'t>,
    /// Set in a list, whose objects have mostly the same names.
    pub(crate) repeats: bool,
    out: Vec<u8>,
    /// The parts of the output that the fields of the unfinished objects take.
    spans: Vec<Span>,
    /// The fields of an object while they are put into order.
    ordered: Vec<u8>,
}

impl<'t> Projector<'t> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'t str) -> Self {
        let (out, spans, ordered) = (Vec::new(), Vec::new(), Vec::new());
        Self { scanner: Scanner::new(text), repeats: false, out, spans, ordered }
    }

    /// Copies an object, which is next in the text, and returns it with its facts.
    pub(crate) fn row(
        &mut self,
        plan: &Plan<'_>,
        facts: &'static [&'static str],
        depth: usize,
    ) -> Result<(Object, Facts<'t>), Unreadable> {
        self.out.clear();
        let mut facts = Facts::absent(facts, depth + 1);
        self.fields(plan, depth, &mut facts)?;
        let text = std::str::from_utf8(&self.out).unwrap_or_default();
        Ok((Object::from_text(text.to_owned()), facts))
    }

    /// Copies the fields of an object.
    fn fields(&mut self, plan: &Plan<'_>, depth: usize, facts: &mut Facts<'t>) -> Result<Content, Unreadable> {
        let start = self.begin(plan);
        let mut known = plan.known.take();
        let (mut number, mut sources) = (0, Vec::new());
        let mut follows = self.scanner.opens(b'}');
        while follows {
            let name = self.name(plan, &mut known, number)?;
            // A null counts as absent.
            match name.member.and_then(|member| plan.member(member)).filter(|_| self.scanner.peek() != Some(b'n')) {
                Some(member) => self.member(member, start, depth, &mut sources, facts)?,
                None if self.repeats => drop(self.scanner.skip_like(&mut name.below)?),
                None => drop(self.scanner.skip()?),
            }
            number += usize::from(self.repeats);
            follows = self.scanner.continues(b'}')?;
        }
        plan.known.replace(known);
        self.derive(&sources, start, depth, facts)?;
        Ok(self.finish(plan, start))
    }

    /// Reads a name. `known` are the names of the previous object, and `number` the number of this one.
    fn name<'k>(
        &mut self,
        plan: &Plan<'_>,
        known: &'k mut Vec<Known>,
        number: usize,
    ) -> Result<&'k mut Known, Unreadable> {
        let is_known = known.get(number).is_some_and(|known| self.repeats && self.scanner.takes_text(&known.written));
        if !is_known {
            self.scanner.peek();
            let at = self.scanner.position();
            let member = plan.find(&decoded(self.scanner.name()?));
            let written = if self.repeats { self.scanner.since(at).to_owned() } else { String::new() };
            known.truncate(number);
            known.push(Known { written, member, below: Vec::new() });
        }
        known.get_mut(number).ok_or_else(|| Unreadable::because("a name is missing".to_owned()))
    }

    /// Begins an object. Returns the position of its first byte and of its first span.
    fn begin(&mut self, plan: &Plan<'_>) -> (usize, usize) {
        let start = (self.out.len(), self.spans.len());
        self.spans.resize(start.1 + plan.shown, ABSENT);
        start
    }

    /// Copies the value of a member.
    fn member<'m>(
        &mut self,
        member: &'m Member<'m>,
        start: (usize, usize),
        depth: usize,
        sources: &mut Vec<(&'m Shows<'m>, &'t str)>,
        facts: &mut Facts<'t>,
    ) -> Result<(), Unreadable> {
        let at = self.scanner.position();
        if member.shows.is_empty() {
            self.scanner.skip()?;
        }
        for shows in &member.shows {
            self.scanner.go_to(at);
            if shows.derive.is_some() {
                sources.push((shows, self.scanner.skip()?));
            } else {
                let from = self.out.len();
                self.out.extend_from_slice(shows.prefix.as_bytes());
                let content = self.value(&shows.how, depth + 1)?;
                self.place(content, from, start.1 + shows.place);
            }
        }
        if let Some(fact) = member.fact {
            facts.set(fact, self.scanner.since(at));
        }
        Ok(())
    }

    /// Records the span of a field that begins at a position, or removes the field if it is empty.
    fn place(&mut self, content: Content, from: usize, place: usize) {
        if content != Content::Full {
            self.out.truncate(from);
        }
        let span = if content == Content::Full { from..self.out.len() } else { ABSENT };
        if let Some(slot) = self.spans.get_mut(place) {
            *slot = span;
        }
    }

    /// Computes fields from their sources, once all facts are known.
    fn derive(
        &mut self,
        sources: &[(&Shows<'_>, &'t str)],
        start: (usize, usize),
        depth: usize,
        facts: &Facts<'t>,
    ) -> Result<(), Unreadable> {
        for (shows, source) in sources {
            let source = value(source, depth + 1);
            let derived = source.zip(shows.derive).and_then(|(source, derive)| derive(&source, facts));
            let Some(json) = derived.and_then(|value| serde_json::to_string(&value).ok()) else { continue };
            let mut projector = Projector::new(&json);
            let content = projector.value(&shows.how, 0)?;
            let from = self.out.len();
            self.out.extend_from_slice(shows.prefix.as_bytes());
            self.out.extend_from_slice(&projector.out);
            self.place(content, from, start.1 + shows.place);
        }
        Ok(())
    }

    /// Ends an object whose fields have been written.
    fn finish(&mut self, plan: &Plan<'_>, start: (usize, usize)) -> Content {
        for (echo, original) in &plan.echoes {
            let text = |place: &usize| {
                let span = self.spans.get(start.1 + place).cloned()?;
                let text = self.out.get(span)?;
                text.get(1 + text.iter().position(|byte| *byte == b':')?..)
            };
            if text(echo).is_some_and(|echo| Some(echo) == text(original))
                && let Some(span) = self.spans.get_mut(start.1 + echo)
            {
                *span = ABSENT;
            }
        }
        self.assemble(start)
    }

    /// Puts the fields of an object into the order of their spans.
    fn assemble(&mut self, (start, first_span): (usize, usize)) -> Content {
        let spans = self.spans.get(first_span..).unwrap_or_default();
        let end = spans
            .iter()
            .filter(|span| !span.is_empty())
            .try_fold(start, |end, span| (span.start == end).then_some(span.end));
        if end != Some(self.out.len()) {
            self.ordered.clear();
            for span in spans {
                self.ordered.extend_from_slice(self.out.get(span.clone()).unwrap_or_default());
            }
            self.out.truncate(start);
            self.out.extend_from_slice(&self.ordered);
        }
        self.spans.truncate(first_span);
        // Each field begins with a comma.
        let Some(comma) = self.out.get_mut(start) else {
            self.out.extend_from_slice(b"{}");
            return Content::EmptyObject;
        };
        *comma = b'{';
        self.out.push(b'}');
        Content::Full
    }

    /// Copies the selected part of a value.
    fn value(&mut self, how: &How<'_>, depth: usize) -> Result<Content, Unreadable> {
        match self.scanner.kind()? {
            Kind::Null => {
                self.out.extend_from_slice(self.scanner.word()?.as_bytes());
                Ok(Content::Empty)
            }
            Kind::Boolean => {
                self.out.extend_from_slice(self.scanner.word()?.as_bytes());
                Ok(Content::Full)
            }
            Kind::Number => {
                let number = self.scanner.number()?;
                let is_short = number.len() < 19 && number.bytes().all(|byte| byte.is_ascii_digit());
                let shown = if is_short { None } else { repair::number(number).1 };
                self.out.extend_from_slice(shown.as_deref().unwrap_or(number).as_bytes());
                Ok(Content::Full)
            }
            Kind::String => self.text(how),
            Kind::List | Kind::Object if depth == MAX_DEPTH => {
                self.scanner.skip()?;
                append_quoted(&mut self.out, TOO_DEEP)?;
                Ok(Content::Full)
            }
            Kind::List => self.list(how, depth),
            Kind::Object => match how {
                How::Only(plan) => self.fields(plan, depth, &mut Facts::absent(&[], depth + 1)),
                How::Whole | How::Verbatim | How::Line | How::Raw => self.whole(how, depth),
            },
        }
    }

    /// Copies a text. One whose escapes are those that an answer has is copied as it is written.
    fn text(&mut self, how: &How<'_>) -> Result<Content, Unreadable> {
        let literal = self.scanner.string()?;
        if literal.is_plain || (literal.is_canonical && how.keeps_ends(literal.text())) {
            let text = how.trimmed(literal.text());
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
            return Ok(if text.is_empty() { Content::Empty } else { Content::Full });
        }
        let text = decoded(literal);
        let text = how.trimmed(&text);
        append_quoted(&mut self.out, text)?;
        Ok(if text.is_empty() { Content::Empty } else { Content::Full })
    }

    /// Copies a list element by element. Objects that become empty are left out.
    fn list(&mut self, how: &How<'_>, depth: usize) -> Result<Content, Unreadable> {
        let start = self.out.len();
        self.out.push(b'[');
        let mut follows = self.scanner.opens(b']');
        while follows {
            let before = self.out.len();
            if before > start + 1 {
                self.out.push(b',');
            }
            let content = self.value(how, depth + 1)?;
            if content == Content::EmptyObject && !matches!(how, How::Verbatim | How::Raw) {
                self.out.truncate(before);
            }
            follows = self.scanner.continues(b']')?;
        }
        self.out.push(b']');
        Ok(if self.out.len() == start + 2 { Content::Empty } else { Content::Full })
    }

    /// Copies all fields of an object, of which a reference has few: it has `id`, `type`, `self` and `summary`.
    fn whole(&mut self, how: &How<'_>, depth: usize) -> Result<Content, Unreadable> {
        let start = (self.out.len(), self.spans.len());
        let is_raw = matches!(how, How::Raw);
        let below = if matches!(how, How::Line) { &How::Whole } else { how };
        let mut members: Vec<(Cow<'t, str>, Span)> = Vec::new();
        let mut follows = self.scanner.opens(b'}');
        while follows {
            let literal = self.scanner.name()?;
            let name = decoded(literal);
            let from = self.out.len();
            self.out.push(b',');
            if literal.is_canonical {
                self.out.extend_from_slice(literal.quoted.as_bytes());
            } else {
                append_quoted(&mut self.out, &name)?;
            }
            self.out.push(b':');
            let content = self.value(below, depth + 1)?;
            let is_shown = is_raw || content == Content::Full;
            if !is_shown {
                self.out.truncate(from);
            }
            members.push((name, if is_shown { from..self.out.len() } else { ABSENT }));
            follows = self.scanner.continues(b'}')?;
        }
        last_of_each(&mut members);
        let find = |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, span)| span.clone());
        let is_reference = matches!(how, How::Whole | How::Line)
            && ["id", "type", "self", "summary"].iter().all(|name| find(name).is_some());
        if is_reference {
            let names = REFERENCE.iter().map(|field| field.name).chain([DELETED]);
            self.spans.extend(names.filter_map(find));
        } else {
            self.spans.extend(members.into_iter().map(|(_, span)| span));
        }
        Ok(self.assemble(start))
    }
}

/// The number of members from which duplicate names are searched for with a table.
const MANY: usize = 16;

/// Leaves one member of each name: in the place of the first, with the value of the last.
fn last_of_each(members: &mut Vec<(Cow<'_, str>, Span)>) {
    let has_duplicates = if members.len() < MANY {
        let mut rest = members.as_slice();
        std::iter::from_fn(|| rest.split_first().inspect(|(_, after)| rest = after))
            .any(|((name, _), after)| after.iter().any(|(other, _)| other == name))
    } else {
        let names: std::collections::HashSet<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
        names.len() < members.len()
    };
    if !has_duplicates {
        return;
    }
    let last: HashMap<String, Span> =
        members.iter().map(|(name, span)| (name.clone().into_owned(), span.clone())).collect();
    let mut seen = std::collections::HashSet::new();
    members.retain_mut(|(name, span)| {
        if let Some(last) = last.get(name.as_ref()) {
            last.clone_into(span);
        }
        seen.insert(name.clone().into_owned())
    });
}

/// Returns the text of a literal.
pub(crate) fn decoded(literal: Literal<'_>) -> Cow<'_, str> {
    if literal.is_plain {
        return Cow::Borrowed(literal.text());
    }
    let read = |json: &str| serde_json::from_str::<String>(json).ok();
    Cow::Owned(read(literal.quoted).or_else(|| read(&repair::string(literal.quoted).1?)).unwrap_or_default())
}

/// Returns the value of a JSON text that is nested to a depth.
pub(crate) fn value(json: &str, depth: usize) -> Option<Value> {
    let mut projector = Projector::new(json);
    projector.value(&How::Raw, depth).ok()?;
    serde_json::from_slice(&projector.out).ok()
}

#[cfg(test)]
mod tests;
