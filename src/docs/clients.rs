//! Writes `docs/clients.md`, which has the table of known clients.

use std::fmt::Write;

use crate::clients::{Client, Instructions, KNOWN, Reads, Shows, Unit, Waits};

const INTRODUCTION: &str = "# Clients

The clients below were run against the server, each with a scripted model. Every figure was measured with that version;
other versions may differ. \"–\" was not tested.

A client that shows its model only a part of a long answer is recognized by its name in `clientInfo`, and lists are truncated
at a whole item before that point: `has_more`, `next_offset` and a warning say how to continue. An explicit budget
(`PAGERDUTY_MAX_RESPONSE_TOKENS` or `--max-response-tokens`) disables this. Names that several clients share are not
recognized, and over HTTP without `--sessions` only clients of revision 2026-07-28 send their name with every call. Other
clients get answers of up to 25,000 tokens.

The text and the structured content of an answer are the same JSON. With `--structured-content off` (or
`PAGERDUTY_STRUCTURED_CONTENT=off`) the answer has only the text, for clients that show their model both.

Calls that run longer than five seconds send a progress notification every five seconds if the client sends a
`progressToken`.

";

/// The section about questions to a person.
const CONFIRMATION: &str = "
## Confirmation

Tools that destroy, publish or run something are marked with `destructiveHint`, and most clients can ask before them by
themselves. That needs nothing of the server. With `--confirm` (`PAGERDUTY_CONFIRM=1`) the server asks in addition, by MCP
elicitation, and shows the effect of the call; [deploying.md](deploying.md#confirmation-by-a-person) has the details. A client
that cannot ask cannot use these tools then, except for dry runs.

| Client | Takes questions | Without a person to answer |
|---|---|---|
| Claude Code 2.1.328 | yes | `cancel` at once (`-p`) |
| Codex CLI 0.169.0 | yes | `decline` at once (`exec`) |
| Copilot CLI 1.0.102 | yes | `decline` at once (`-p`) |
| opencode 1.18.33, Gemini CLI 0.61.0 | no | |
| langchain-mcp-adapters 0.3.2, mcp-use 1.7.1, strands-agents 1.62.0, pydantic-ai-slim 2.68.0, fastmcp 4.1.6, google-adk 2.13.0 | with a callback of the program | error |
| @ai-sdk/mcp 2.0.99, @mastra/mcp 2.0.0, @modelcontextprotocol/client 2.4.0 | with a handler of the program | error |
| openai-agents 0.24.0, agent-framework-core 1.23.0, crewai-tools 1.15.30, llama-index-tools-mcp 0.6.0, agno 3.1.10, semantic-kernel 1.45.0, autogen-ext 0.7.5 | no | |

With clients of the older revisions, the time until the person answers counts against the client's time-out.
";

/// The section with the results of the last run of all clients. The test that writes this file puts the table between
/// the marks.
const RESULTS: &str = "
## Last run

`tests/clients/run` installs these clients and runs each against the server, with a scripted model;
[its README](../tests/clients/README.md) describes each check. \"Default list\" is `get_incidents` without arguments: how many
incidents in how many characters the server answered, and the characters that reached the model. An empty cell was not tested.

<!-- results: from tests/clients/results.md -->
<!-- /results -->
";

pub(super) fn clients_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    text.push_str(
        "| Client | `clientInfo` name | Shows whole | Model reads | Waits by default | Cancels | Instructions shown |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for client in KNOWN {
        let name = client.name.map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
        let _ = writeln!(
            text,
            "| {} {} | {name} | {} | {} | {} | {} | {} |",
            client.title,
            client.version,
            shows(client),
            reads(client.reads),
            waits(client.waits),
            match client.cancels {
                Some(true) => "yes",
                Some(false) => "no",
                None => "–",
            },
            instructions(client.instructions),
        );
    }
    text.push_str("\n## What to set\n\nClients that are not listed here need nothing.\n\n");
    for client in KNOWN.iter().filter(|client| !client.advice.is_empty()) {
        let _ = writeln!(text, "- **{}**: {}", client.title, client.advice);
    }
    text.push_str(CONFIRMATION);
    text.push_str(RESULTS);
    text
}

fn shows(client: &Client) -> String {
    match client.shows {
        Shows::UpTo(size) => {
            let unit = match size.unit {
                Unit::Characters => "characters",
                Unit::Bytes => "bytes",
            };
            format!("{} {unit}", grouped(size.most))
        }
        Shows::AtLeast(most) => format!("no limit found ({} characters)", grouped(most)),
        Shows::Untried => "–".to_owned(),
    }
}

fn reads(reads: Reads) -> &'static str {
    match reads {
        Reads::Text => "text",
        Reads::Structured => "structured content",
        Reads::Both => "both",
        Reads::BothUnlessIdentical => "text; both unless they are identical bytes",
        Reads::Program => "the program's choice",
    }
}

fn waits(waits: Waits) -> String {
    match waits {
        Waits::Seconds(seconds) => format!("{seconds} s"),
        Waits::SecondsAfterProgress(seconds) => format!("{seconds} s after the last progress notification"),
        Waits::LongerThan(seconds) => format!("more than {seconds} s"),
        Waits::Untried => "–".to_owned(),
    }
}

fn instructions(shown: Instructions) -> String {
    match shown {
        Instructions::Whole => "all".to_owned(),
        Instructions::First(most) => format!("{} characters", grouped(most as usize)),
        Instructions::FirstWhenDeferred(most) => format!("{most} characters if it defers tools, else all"),
        Instructions::OnlyWhenDeferred(most) => format!("{most} characters if it defers tools, else none"),
        Instructions::Nothing => "none".to_owned(),
        Instructions::Untried => "–".to_owned(),
    }
}

/// Returns a number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
