//! Which of the tools are switched on.

use super::{ALL, Tool, Toolset};
use crate::error::{Code, Error, Result};

/// Which tools are switched on. `None` is no choice: all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only tools that change nothing.
    pub read_only: bool,
    /// Only these tools.
    pub tools: Option<Vec<String>>,
    /// Only tools of these toolsets.
    pub toolsets: Option<Vec<String>>,
}

impl Filter {
    /// The tools that pass, in the catalogue's order: read-only first, then names, then toolsets; a tool must pass all
    /// three. An unknown name is an error, since a filter with a typo would switch off what was meant to stay.
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
