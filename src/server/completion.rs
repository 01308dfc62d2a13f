//! Completion of the arguments of prompts and of the variables of resource templates: names of PagerDuty's objects, and time
//! zones.

use pagerduty_api::Resource;
use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference};

use super::{prompts, resources};
use crate::auth::Origin;
use crate::params::shorten;
use crate::tools::{Tool, Toolbox};

/// The argument that takes a time zone.
const TIME_ZONE: &str = "time_zone";

/// The values that an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The names of a resource's objects.
    Names(&'static Resource),
    /// The time zones.
    TimeZones,
    /// Other values, which are not completed.
    Other,
}

/// Returns whether a prompt of these tools has an argument that takes names.
///
/// The variables of templates are completed too, but the capability is not announced for them alone.
pub(super) fn is_offered(tools: &[&'static Tool]) -> bool {
    prompts::offered(tools).flat_map(|prompt| prompt.arguments).any(|argument| argument.names.is_some())
}

/// Returns the values of the argument that a request completes.
///
/// An unknown prompt, template or argument is error -32602 (2025-11-25, "Completion", "Error Handling").
pub(super) fn subject(request: &CompleteRequestParams, tools: &[&'static Tool]) -> Result<Subject, ErrorData> {
    let argument = &request.argument.name;
    let subject = match &request.r#ref {
        Reference::Prompt(reference) => {
            let prompt = prompts::offered(tools).find(|prompt| prompt.name == reference.name);
            let argument = prompt.and_then(|prompt| prompt.arguments.iter().find(|known| known.name == argument));
            argument.map(|argument| match argument.names {
                Some(resource) => Subject::Names(resource),
                None if argument.name == TIME_ZONE => Subject::TimeZones,
                None => Subject::Other,
            })
        }
        Reference::Resource(reference) => resources::names(&reference.uri, argument, tools).map(Subject::Names),
        _ => None,
    };
    subject.ok_or_else(|| {
        let of = match &request.r#ref {
            Reference::Prompt(reference) => format!("the prompt {:?}", shorten(&reference.name)),
            Reference::Resource(reference) => format!("the resource {:?}", shorten(&reference.uri)),
            _ => "this reference".to_owned(),
        };
        let message = format!(
            "there is no argument {:?} of {of}; prompts/list and resources/templates/list show all",
            shorten(argument)
        );
        ErrorData::invalid_params(message, None)
    })
}

impl Subject {
    /// Returns the values that complete a text, the most likely first.
    pub(super) async fn values(self, toolbox: &Toolbox, origin: &Origin, text: &str) -> Vec<String> {
        match self {
            Subject::Names(resource) => toolbox.complete(origin, resource, text).await,
            Subject::TimeZones => {
                let wanted = text.trim().to_lowercase();
                pagerduty_calendar::zones::names().filter(|zone| zone.to_lowercase().contains(&wanted)).collect()
            }
            Subject::Other => Vec::new(),
        }
    }
}

/// Returns the answer, with at most 100 values.
pub(super) fn answer(mut values: Vec<String>) -> CompleteResult {
    let has_more = values.len() > CompletionInfo::MAX_VALUES;
    values.truncate(CompletionInfo::MAX_VALUES);
    CompletionInfo::with_pagination(values, None, has_more).map(CompleteResult::new).unwrap_or_default()
}
