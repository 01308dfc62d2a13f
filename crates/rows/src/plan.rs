//! Plans of the projection, made from the tables of a request.

use std::cell::RefCell;

use crate::fields::{DELETED, Derive, Echo, Keep, Named, plain};

/// The fields to copy of an object, by their names in it.
#[derive(Debug, Default)]
pub struct Plan<'n> {
    members: Vec<Member<'n>>,
    /// The names of the previous object in the order in which they came: nearly all objects of a list have the same.
    pub known: RefCell<Vec<Known>>,
    /// The number of shown fields.
    pub shown: usize,
    /// The positions of fields that are left out if they repeat another one, each with the position of that one.
    pub echoes: Vec<(usize, usize)>,
}

/// A name of an object.
#[derive(Debug, Default)]
pub struct Known {
    /// The name and the colon, as they are written.
    pub written: String,
    /// The position of the member of the plan.
    pub member: Option<usize>,
    /// The names in the value if it was skipped, as they are written.
    pub below: Vec<String>,
}

/// A field of PagerDuty's object, with its uses.
#[derive(Debug)]
pub struct Member<'n> {
    name: &'n str,
    /// The shown fields that it is the source of.
    pub shows: Vec<Shows<'n>>,
    /// The position among the facts.
    pub fact: Option<usize>,
}

/// A shown field.
#[derive(Debug)]
pub struct Shows<'n> {
    /// The position among the shown fields.
    pub place: usize,
    /// The comma, the name and the colon before the value.
    pub prefix: String,
    /// The part of the value to copy.
    pub how: How<'n>,
    /// A function that computes the value.
    pub derive: Option<Derive>,
}

/// [`Keep`] with the plan of the fields.
#[derive(Debug)]
#[allow(missing_docs, reason = "as those of `Keep`")]
pub enum How<'n> {
    Whole,
    Verbatim,
    Line,
    Raw,
    Only(Plan<'n>),
}

impl How<'static> {
    fn new(keep: Keep) -> Self {
        match keep {
            Keep::Whole => How::Whole,
            Keep::Verbatim => How::Verbatim,
            Keep::Line => How::Line,
            Keep::Raw => How::Raw,
            Keep::Only(fields) => How::Only(Plan::new(fields, &[], &[])),
        }
    }
}

impl How<'_> {
    /// Returns the part of a text to copy.
    #[must_use]
    pub fn trimmed<'t>(&self, text: &'t str) -> &'t str {
        if matches!(self, How::Line) { text.trim() } else { text }
    }

    /// Returns whether the part of a text to copy neither begins nor ends with an escape, which may be one of white space.
    #[must_use]
    pub fn keeps_ends(&self, escaped: &str) -> bool {
        let is_escape = |byte: Option<&u8>| byte == Some(&b'\\');
        let bytes = escaped.trim().as_bytes();
        !matches!(self, How::Line) || !(is_escape(bytes.first()) || is_escape(bytes.iter().nth_back(1)))
    }
}

impl<'n> Plan<'n> {
    /// Makes the plan of a table.
    #[must_use]
    pub fn new(fields: &[Named<'n>], facts: &[&'static str], echoes: &[Echo]) -> Self {
        let place = |name| fields.iter().position(|field| field.name == name);
        let echoes = echoes.iter().filter_map(|(echo, original)| Some((place(*echo)?, place(*original)?))).collect();
        let mut plan =
            Self { members: Vec::with_capacity(fields.len() + 2), known: RefCell::default(), shown: 0, echoes };
        let deleted = plain(DELETED);
        let is_asked = fields.iter().any(|field| field.source == DELETED && field.derive.is_none());
        for field in fields.iter().chain((!is_asked).then_some(&deleted)) {
            let shows = Shows {
                place: plan.shown,
                prefix: [",\"", field.name, "\":"].concat(),
                how: How::new(field.keep),
                derive: field.derive,
            };
            plan.shown += 1;
            plan.change(field.source, |member| member.shows.push(shows));
        }
        for (place, name) in facts.iter().enumerate() {
            plan.change(name, |member| member.fact = Some(place));
        }
        plan
    }

    /// Changes the member of this name, which is added if it is missing.
    fn change(&mut self, name: &'n str, change: impl FnOnce(&mut Member<'n>)) {
        if let Some(member) = self.members.iter_mut().find(|member| member.name == name) {
            return change(member);
        }
        let mut member = Member { name, shows: Vec::new(), fact: None };
        change(&mut member);
        self.members.push(member);
    }

    /// Returns the position of the member of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// Returns the member at a position.
    #[must_use]
    pub fn member(&self, position: usize) -> Option<&Member<'n>> {
        self.members.get(position)
    }
}
