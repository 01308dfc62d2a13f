//! Selects the tools that are switched on.

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::tools::{SETS, Tool, Toolset, all};

/// The choice of tools that are switched on. Without any, these are the tools of the default toolsets.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Set to allow only tools that change nothing.
    pub read_only: bool,
    /// The names of the tools to allow; `None` allows all.
    pub tools: Option<Vec<String>>,
    /// The names of the toolsets to allow, or [`EVERY`] or [`DEFAULT`]; `None` allows all.
    pub toolsets: Option<Vec<String>>,
}

/// The word for every toolset.
pub const EVERY: &str = "all";

/// The word for the toolsets that are on by default.
pub const DEFAULT: &str = "core";

impl Filter {
    /// Returns the choice in the settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { read_only: config.read_only, tools: None, toolsets: Some(config.toolsets.clone()) }
    }

    /// Returns the tools that are switched on, in the catalogue's order.
    ///
    /// If neither tools nor toolsets are named, these are the tools of the default toolsets.
    pub fn tools(&self) -> Result<Vec<&'static Tool>> {
        let unnamed = self.tools.is_none() && self.toolsets.is_none();
        let is_default = |tool: &Tool| SETS.iter().any(|set| set.default && set.contains(tool.name));
        self.narrow(all().filter(|tool| !unnamed || is_default(tool)))
    }

    /// Returns the given tools that pass: a tool must pass the read-only filter, the names and the toolsets.
    ///
    /// An unknown name is an error, because a filter with a typo would switch off tools that were meant to stay.
    pub fn narrow(&self, tools: impl Iterator<Item = &'static Tool>) -> Result<Vec<&'static Tool>> {
        check("tool", self.tools.as_deref(), all().map(|tool| tool.name))?;
        check("toolset", self.toolsets.as_deref(), SETS.iter().map(|set| set.name).chain([DEFAULT, EVERY]))?;
        Ok(tools.filter(|tool| self.passes(tool)).collect())
    }

    fn passes(&self, tool: &Tool) -> bool {
        let named = |names: &Option<Vec<String>>, matches: &dyn Fn(&str) -> bool| {
            names.as_ref().is_none_or(|names| names.iter().any(|name| matches(name)))
        };
        let is_meant =
            |set: &Toolset, name: &str| name == set.name || name == EVERY || (name == DEFAULT && set.default);
        let in_set = |name: &str| SETS.iter().any(|set| is_meant(set, name) && set.contains(tool.name));
        (!self.read_only || tool.is_read_only())
            && named(&self.tools, &|name| name == tool.name)
            && named(&self.toolsets, &in_set)
    }
}

fn check(what: &str, chosen: Option<&[String]>, known: impl Iterator<Item = &'static str> + Clone) -> Result<()> {
    match chosen.into_iter().flatten().find(|name| !known.clone().any(|known| known == *name)) {
        None => Ok(()),
        Some(unknown) => Err(Error::new(Code::InvalidConfiguration, format!("there is no {what} {unknown:?}"))
            .hint(format!("Known {what}s: {}.", known.collect::<Vec<_>>().join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_narrow_and_never_widen() {
        let names =
            |filter: &Filter| filter.tools().map(|tools| tools.iter().map(|tool| tool.name).collect::<Vec<_>>());
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let default = names(&Filter::default()).unwrap().len();
        let read_only = Filter { read_only: true, ..Filter::default() };
        assert_eq!(names(&read_only).unwrap().len(), default - 3);
        let notes = Filter { tools: list(&["add_incident_note", "get_teams"]), ..read_only };
        assert_eq!(names(&notes).unwrap(), ["get_teams"]);
        let teams = Filter { toolsets: list(&["teams"]), ..Filter::default() };
        assert_eq!(names(&teams).unwrap(), ["get_teams"]);
        let crossed = Filter { tools: list(&["get_users", "get_teams"]), ..teams };
        assert_eq!(names(&crossed).unwrap(), ["get_teams"]);
        assert!(names(&Filter { tools: list(&[]), ..Filter::default() }).unwrap().is_empty(), "an empty list is none");
        let sets = |sets: &[&str]| names(&Filter { toolsets: list(sets), ..Filter::default() }).unwrap();
        assert_eq!(sets(&["all"]).len(), all().count());
        assert_eq!(sets(&["core"]), names(&Filter::default()).unwrap());
        assert_eq!(sets(&["core", "find"]).len(), default + 1);
        for wrong in [
            Filter { tools: list(&["get_team"]), ..Filter::default() },
            Filter { toolsets: list(&["team"]), ..Filter::default() },
        ] {
            assert_eq!(names(&wrong).unwrap_err().code(), Code::InvalidConfiguration);
        }
    }
}
