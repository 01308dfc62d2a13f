//! The docstrings of the Python methods: sentences for people, beside the short texts of the catalogue for models.
//!
//! A tool or a parameter without a text here has the text of the catalogue.

use super::methods::Method;
use crate::params::Declaration;

/// The end of the docstring of a tool.
pub(super) const RETURNS: &str = "Returns:\n    The answer as an MCP client receives it, without a limit on its size.\n\n\
                                  Raises:\n    PagerDutyError: The call failed; `code` says why.\n";

/// The end of the docstring of a stream.
pub(super) const YIELDS: &str = "Yields:\n    Each row of the list. A page is fetched when the loop reaches it.\n\n\
                                 Raises:\n    PagerDutyError: A page could not be fetched; `code` says why.\n";

/// The summaries of tools.
const TOOLS: &[(&str, &str)] = &[
    (
        "build_user_context",
        "Returns the current user.\n\nThe answer has the ID, name and email address of the user, and the IDs of the user's teams, \
         services and escalation policies.",
    ),
    (
        "get_incidents",
        "Returns incidents, newest first, or one incident.\n\nWithout filters the list has the incidents of the current user's \
         teams. A single incident, by its ID or number, also has the details of its alert.",
    ),
    (
        "acknowledge_incident",
        "Acknowledges an incident.\n\nThe current user takes responsibility for it, and paging and escalation stop.",
    ),
    (
        "resolve_incident",
        "Resolves an incident.\n\nA resolved incident is closed, and no method of this package can reopen it.",
    ),
    ("add_incident_note", "Adds a note to an incident.\n\nAll responders of the incident can read the note."),
    (
        "get_oncalls",
        "Returns who is on call, now or in a time range.\n\nWithout filters the list covers the escalation policies of the current \
         user and of the user's teams. Level 1 is paged first. An entry without `start` and `end` is permanent.",
    ),
    (
        "get_schedules",
        "Returns on-call schedules, or one schedule.\n\nWith `since` or `until`, a single schedule also has its final turns and \
         its overrides.",
    ),
    (
        "list_users_oncall",
        "Returns the users who are on call on one schedule, now or in a time range.\n\nEach user has an email address. Phone \
         numbers need `include=[\"contact_methods\"]`.",
    ),
    (
        "get_escalation_policies",
        "Returns escalation policies, or one policy.\n\nA policy says who is paged in which order, and when a page escalates. \
         Without filters the list has the policies of the current user's teams that page the user.",
    ),
    (
        "get_services",
        "Returns services, or one service.\n\nIncidents belong to services. Without filters the list has the services of the \
         current user's teams.",
    ),
    ("get_teams", "Returns teams by name, or one team."),
    (
        "find",
        "Returns the objects that texts stand for, of any kind.\n\nEach row has the kind, the ID and the name. Without a text, \
         all objects of one kind are returned.",
    ),
    (
        "get_users",
        "Returns users, or one user.\n\nWithout filters the list has the members of the current user's teams.",
    ),
];

/// The texts of parameters. A name with the name of a tool before it takes precedence.
const PARAMETERS: &[(&str, &str)] = &[
    ("content", "The text of the note."),
    (
        "find.kinds",
        "Restricts the search to these kinds: `services`, `teams`, `users`, `schedules`, `escalation_policies` or \
      `incidents`. The default is all.",
    ),
    ("find.text", "Names, email addresses, web URLs, IDs, incident numbers or integration keys."),
    ("earliest", "Whether to return only the next turn of each policy, level and user."),
    (
        "get_escalation_policies.current_user_context",
        "Whether to list the policies of the current user's teams that page the user. \
      Pass `False` with `user_ids`, `team_ids` or `query` for others.",
    ),
    (
        "get_escalation_policies.team_ids",
        "Restricts the list to policies of these teams. Requires `current_user_context=False`.",
    ),
    (
        "get_escalation_policies.user_ids",
        "Restricts the list to policies that page these users. Requires `current_user_context=False`.",
    ),
    ("get_escalation_policies.policy_id", "The ID of a single policy to return. It excludes the filters of lists."),
    ("get_escalation_policies.query", "A part of the name. Without users and teams, all policies are searched."),
    (
        "get_incidents.current_user_context",
        "Whether to list the incidents of the current user's teams and of their services. Pass \
      `False` with `service_ids` or `team_ids` for others.",
    ),
    ("get_incidents.incident_id", "The ID or number of a single incident to return. It excludes the filters of lists."),
    (
        "get_incidents.since",
        "The start of the range in ISO 8601, in UTC unless it has an offset. The default is one month before `until`.",
    ),
    (
        "get_incidents.team_ids",
        "Restricts the list to incidents of these teams. Requires `current_user_context=False`.",
    ),
    ("get_incidents.until", "The end of the range, now by default. It may be at most 180 days after `since`."),
    (
        "get_oncalls.current_user_context",
        "Whether to list the policies of the current user and of the user's teams. Pass `False` with a \
      filter for others.",
    ),
    (
        "get_oncalls.escalation_policy_ids",
        "Restricts the list to turns on these escalation policies. Requires `current_user_context=False`.",
    ),
    ("get_oncalls.since", "The start of the range in ISO 8601, in UTC unless it has an offset. The default is now."),
    ("get_oncalls.until", "The end of the range, now by default. It may be at most 90 days ahead."),
    ("get_oncalls.user_ids", "Restricts the list to turns of these users. Requires `current_user_context=False`."),
    ("get_schedules.schedule_id", "The ID of a single schedule to return. It excludes the filters of lists."),
    ("get_schedules.since", "The start of the range of a single schedule in ISO 8601, in UTC unless it has an offset."),
    ("get_schedules.until", "The end of the range of a single schedule, two weeks after `since` by default."),
    (
        "get_services.current_user_context",
        "Whether to list the services of the current user's teams. Pass `False` with `team_ids` or \
      `query` for others.",
    ),
    ("get_services.query", "A part of the name. Without teams, all services are searched."),
    ("get_services.service_id", "The ID of a single service to return. It excludes the filters of lists."),
    ("get_services.team_ids", "Restricts the list to services of these teams. Requires `current_user_context=False`."),
    ("get_teams.team_id", "The ID of a single team to return. It excludes the filters of lists."),
    (
        "get_users.current_user_context",
        "Whether to list the members of the current user's teams. Pass `False` with `team_ids` or \
      `query` for others.",
    ),
    ("get_users.query", "A part of the name. Without teams, all users are searched."),
    ("get_users.team_ids", "Restricts the list to members of these teams. Requires `current_user_context=False`."),
    ("get_users.user_id", "The ID of a single user to return. It excludes the filters of lists."),
    ("incident_id", "The ID or number of the incident."),
    (
        "include",
        "The fields to return instead of the default ones. A name with a `+` in front adds a field to the default ones.",
    ),
    ("include_notes", "Whether to add the notes of the responders. Requires `incident_id`."),
    ("include_past_incidents", "Whether to add similar incidents of the past. Requires `incident_id`."),
    ("include_related_incidents", "Whether to add related incidents on other services. Requires `incident_id`."),
    ("limit", "The maximum number of rows, 100 by default."),
    ("offset", "The `next_offset` of the previous answer. Start again at 0 after changes to the rows."),
    ("query", "A part of the name."),
    ("schedule_id", "The ID of the schedule."),
    ("schedule_ids", "Restricts the list to turns on these schedules."),
    ("service_ids", "Restricts the list to incidents of these services. Requires `current_user_context=False`."),
    ("since", "The start of the range in ISO 8601, in UTC unless it has an offset. The default is now."),
    (
        "statuses",
        "Restricts the list to incidents with these statuses: `triggered`, `acknowledged` or `resolved`. The default is all.",
    ),
    ("until", "The end of the range, now by default."),
    ("urgencies", "Restricts the list to incidents with these urgencies: `high` or `low`. The default is all."),
];

/// The text of `limit` in a stream.
const STREAM_LIMIT: &str =
    "The maximum number of rows. The default is all, up to the 10,000 at which PagerDuty ends every list.";

/// Returns the first paragraphs of a method's docstring.
pub(super) fn method(method: Method) -> String {
    let tool = method.tool;
    if method.is_stream {
        return format!("Iterates over the rows that `{}` lists.", tool.name);
    }
    find(TOOLS, tool.name).unwrap_or(tool.description).to_owned()
}

/// Returns the text of a method's keyword.
pub(super) fn parameter(method: Method, declaration: &Declaration) -> String {
    let Declaration { name, description, .. } = declaration;
    if method.is_stream && *name == "limit" {
        return STREAM_LIMIT.to_owned();
    }
    let text = find(PARAMETERS, &format!("{}.{name}", method.tool.name)).or_else(|| find(PARAMETERS, name));
    text.map_or_else(|| format!("{description}."), str::to_owned)
}

fn find(texts: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    texts.iter().find(|(key, _)| *key == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;

    #[test]
    fn texts_belong_to_tools_and_parameters() {
        for (name, _) in TOOLS {
            assert!(tools::all().any(|tool| tool.name == *name), "there is no tool {name}");
        }
        for (key, _) in PARAMETERS {
            let (owner, name) = key.split_once('.').map_or((None, *key), |(owner, name)| (Some(owner), name));
            let mut tools = tools::all().filter(|tool| owner.is_none_or(|owner| tool.name == owner));
            let has = |tool: &tools::Tool| tool.params.iter().any(|parameter| parameter.name == name);
            assert!(tools.any(has), "there is no parameter {key}");
        }
    }
}
