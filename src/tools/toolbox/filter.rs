//! Selects the tools that are switched on.

use super::{ALL, Tool, Toolset};
use crate::error::{Code, Error, Result};

/// The choice of tools that are switched on. `None` means all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Set to allow only tools that change nothing.
    pub read_only: bool,
    /// The names of the tools to allow.
    pub tools: Option<Vec<String>>,
    /// The names of the toolsets to allow.
    pub toolsets: Option<Vec<String>>,
}

impl Filter {
    /// Returns the tools that pass, in the catalogue's order: a tool must pass the read-only filter, the names and the
    /// toolsets. An unknown name is an error, because a filter with a typo would switch off tools that were meant to
    /// stay.
    pub fn tools(&self) -> Result<Vec<&'static Tool>> {
        let names: Vec<_> = ALL.iter().map(|tool| tool.name).collect();
        let toolsets: Vec<_> = Toolset::ALL.iter().map(|toolset| toolset.name()).collect();
        check("tool", self.tools.as_deref(), &names)?;
        check("toolset", self.toolsets.as_deref(), &toolsets)?;
        let chosen = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == name))
        };
        Ok(ALL
            .iter()
            .filter(|tool| !self.read_only || tool.is_read_only())
            .filter(|tool| chosen(&self.tools, tool.name) && chosen(&self.toolsets, tool.toolset.name()))
            .collect())
    }
}

fn check(what: &str, chosen: Option<&[String]>, known: &[&str]) -> Result<()> {
    match chosen.into_iter().flatten().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(Error::new(Code::InvalidConfiguration, format!("there is no {what} {unknown:?}"))
            .hint(format!("Known {what}s: {}.", known.join(", ")))),
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
        assert_eq!(names(&Filter::default()).unwrap().len(), ALL.len());
        let read_only = Filter { read_only: true, ..Filter::default() };
        assert_eq!(names(&read_only).unwrap().len(), ALL.len() - 3);
        let notes = Filter { tools: list(&["add_incident_note", "get_teams"]), ..read_only };
        assert_eq!(names(&notes).unwrap(), ["get_teams"]);
        let teams = Filter { toolsets: list(&["teams"]), ..Filter::default() };
        assert_eq!(names(&teams).unwrap(), ["get_teams"]);
        assert!(names(&Filter { tools: list(&[]), ..Filter::default() }).unwrap().is_empty(), "an empty list is none");
        for wrong in [
            Filter { tools: list(&["get_team"]), ..Filter::default() },
            Filter { toolsets: list(&["team"]), ..Filter::default() },
        ] {
            assert_eq!(names(&wrong).unwrap_err().code(), Code::InvalidConfiguration);
        }
    }
}
