//! Teams.

use crate::{Operation, Paging, Resource};

/// Teams.
pub const TEAMS: Resource = Resource { noun: "team", one: "team", many: "teams", pages: &["teams"] };

pub(super) const ALL: &[&Operation] = &[&LIST_TEAMS, &GET_TEAM];

const READ: &[&str] = &["teams.read"];

/// Lists teams.
pub const LIST_TEAMS: Operation = Operation::list("listTeams", "/teams", &TEAMS, Paging::Offset, READ);

/// Reads one team.
pub const GET_TEAM: Operation = Operation::get("getTeam", "/teams/{id}", &TEAMS, READ);
