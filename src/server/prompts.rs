//! The prompts: requests that a person selects by name in the client, written out for the model.
//!
//! They cost nothing until one is used. A prompt exists only while all of its tools are switched on.

use pagerduty_api::Resource;
use pagerduty_api::operations::schedules::SCHEDULES;
use pagerduty_api::operations::teams::TEAMS;
use pagerduty_rows::text;
use rmcp::ErrorData;
use rmcp::model::{GetPromptRequestParams, GetPromptResult, ListPromptsResult, PromptArgument, PromptMessage, Role};
use serde_json::{Map, Value, json};

use super::caching::{CACHE_SCOPE, TTL_MS};
use crate::params::shorten;
use crate::tools::Tool;

/// The most characters of an argument. Names are shorter, and a prompt is sent with the whole conversation.
const MAX_ARGUMENT: usize = 200;

/// A prompt.
pub(super) struct Prompt {
    /// The name.
    pub name: &'static str,
    title: &'static str,
    description: &'static str,
    /// The tools that the text names. The first one is called with the arguments.
    tools: &'static [&'static str],
    /// The arguments. All are optional.
    pub arguments: &'static [Argument],
    /// The text that follows the call.
    text: &'static str,
}

/// An argument of a prompt: a parameter of its first tool, under a name for people.
pub(super) struct Argument {
    /// The name.
    pub name: &'static str,
    description: &'static str,
    parameter: &'static str,
    /// The resource whose names it takes. Without one, it is a time or a time zone.
    pub names: Option<&'static Resource>,
}

const TEAM: Argument = Argument {
    name: "team",
    description: "Name of a team. Default: your teams",
    parameter: "team_ids",
    names: Some(&TEAMS),
};

const SCHEDULE: Argument = Argument {
    name: "schedule",
    description: "Name of an on-call schedule. Default: all of the team",
    parameter: "schedule_ids",
    names: Some(&SCHEDULES),
};

const SINCE: Argument =
    Argument { name: "since", description: "Start, such as 2026-12-24", parameter: "since", names: None };

const UNTIL: Argument =
    Argument { name: "until", description: "End, such as 2027-01-02", parameter: "until", names: None };

const TIME_ZONE: Argument = Argument {
    name: "time_zone",
    description: "Time zone of the report, such as Europe/Berlin",
    parameter: "time_zone",
    names: None,
};

const PROMPTS: &[Prompt] = &[
    Prompt {
        name: "coverage_check",
        title: "Check on-call coverage",
        description: "Finds the times at which a page would reach no person, and proposes what to do about them.",
        tools: &["check_coverage"],
        arguments: &[TEAM, SCHEDULE, SINCE, UNTIL],
        text: "Will every page in that time reach a person? Report what the answer finds, most urgent first: what is \
               wrong, on which schedule or policy, from when until when in local time, who is affected, and how to fix \
               it. If it finds nothing, say so in one sentence. Name each warning of the answer, since an unread part \
               may hide a gap. Change nothing: propose overrides, and wait for my decision.",
    },
    Prompt {
        name: "handoff",
        title: "Write the shift handoff",
        description: "Writes the report for the person who is on call next.",
        tools: &["get_handoff"],
        arguments: &[TEAM, SCHEDULE, SINCE, TIME_ZONE],
        text: "Write the handoff (handover) for the person who is on call next, short enough to read in two minutes, in \
               this order: who hands over to whom and when, in local time; what is open, most urgent first, each with \
               its state, what was tried, and the next step; what happened in the shift and how it ended; what returns \
               by itself, such as snoozed incidents; and what to watch. Leave out empty parts. Name each warning of the \
               answer. Do not acknowledge, resolve or note anything.",
    },
];

/// Returns the prompts whose tools are all among `tools`.
pub(super) fn offered(tools: &[&'static Tool]) -> impl Iterator<Item = &'static Prompt> {
    PROMPTS.iter().filter(|prompt| prompt.tools.iter().all(|name| tools.iter().any(|tool| tool.name == *name)))
}

/// Returns the answer to `prompts/list`.
pub(super) fn list(tools: &[&'static Tool]) -> ListPromptsResult {
    let argument = |argument: &Argument| {
        PromptArgument::new(argument.name).with_description(argument.description).with_required(false)
    };
    let prompt = |prompt: &Prompt| {
        let arguments = prompt.arguments.iter().map(argument).collect();
        rmcp::model::Prompt::new(prompt.name, Some(prompt.description), Some(arguments)).with_title(prompt.title)
    };
    let prompts = offered(tools).map(prompt).collect();
    ListPromptsResult::with_all_items(prompts).with_ttl_ms(TTL_MS).with_cache_scope(CACHE_SCOPE)
}

/// Returns the answer to `prompts/get`: one message of the user.
///
/// An unknown name or argument is error -32602 (2025-11-25, "Prompts", "Error Handling").
pub(super) fn get(request: &GetPromptRequestParams, tools: &[&'static Tool]) -> Result<GetPromptResult, ErrorData> {
    let wanted = &request.name;
    let prompt = offered(tools).find(|prompt| prompt.name == *wanted).ok_or_else(|| {
        let names: Vec<_> = offered(tools).map(|prompt| prompt.name).collect();
        refused(format!("there is no prompt {:?}; the prompts are: {}", shorten(wanted), names.join(", ")))
    })?;
    let call = prompt.call(request.arguments.as_ref())?;
    let message = PromptMessage::new_text(Role::User, format!("{call} {}", prompt.text));
    Ok(GetPromptResult::new(vec![message]).with_description(prompt.description))
}

impl Prompt {
    /// Returns the sentence that says how to call the first tool.
    fn call(&self, given: Option<&Map<String, Value>>) -> Result<String, ErrorData> {
        let mut arguments = Map::new();
        for (name, value) in given.into_iter().flatten() {
            let argument = self.arguments.iter().find(|argument| argument.name == name).ok_or_else(|| {
                let names: Vec<_> = self.arguments.iter().map(|argument| argument.name).collect();
                let (name, names) = (shorten(name), names.join(", "));
                refused(format!("{} has no argument {name:?}; its arguments are: {names}", self.name))
            })?;
            if let Some(text) = self.read(name, value)? {
                let value = if argument.names.is_some() { json!([text]) } else { json!(text) };
                arguments.insert(argument.parameter.to_owned(), value);
            }
        }
        let tool = self.tools.first().copied().unwrap_or_default();
        Ok(if arguments.is_empty() {
            format!("Call {tool} without arguments.")
        } else {
            format!("Call {tool} with {}. Names stand for IDs there.", Value::Object(arguments))
        })
    }

    /// Reads the value of an argument. A blank one counts as absent.
    fn read(&self, name: &str, value: &Value) -> Result<Option<String>, ErrorData> {
        let text = match value {
            Value::Null => return Ok(None),
            Value::String(text) => text.trim(),
            _ => return Err(refused(format!("{name} of {} is {value}: send a text", self.name))),
        };
        if text.chars().count() > MAX_ARGUMENT {
            return Err(refused(format!("{name} of {} has more than {MAX_ARGUMENT} characters", self.name)));
        }
        Ok((!text.is_empty()).then(|| text::neutralize(text).into_owned()))
    }
}

fn refused(message: String) -> ErrorData {
    ErrorData::invalid_params(message, None)
}
