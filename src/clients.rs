//! The known MCP clients: the size of answers they show whole, the part of an answer they read, and how long they wait.
//!
//! Everything here was observed with the named version. Untested properties are marked as such and never guessed. The
//! server looks a client up by the name in its `clientInfo`, to keep answers within the size that the client shows.
//! `docs/clients.md` is written from this table.

/// A known client and its observed properties.
#[derive(Debug)]
pub struct Client {
    /// The usual name.
    pub title: &'static str,
    /// The version on which all figures were observed.
    pub version: &'static str,
    /// The name in `clientInfo`, or `None` if it was not recorded.
    pub name: Option<&'static str>,
    /// The largest answer it shows its model whole.
    pub shows: Shows,
    /// The part of an answer that its model reads.
    pub reads: Reads,
    /// The time it waits for an answer by default.
    pub waits: Waits,
    /// Set if it sends a cancellation when it gives up; `None` if unknown.
    pub cancels: Option<bool>,
    /// The part of the server's instructions that its model reads.
    pub instructions: Instructions,
    /// The settings to use for it.
    pub advice: &'static str,
}

/// The largest answer a client shows whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A known limit.
    UpTo(Size),
    /// No known limit: an answer of this many characters was shown whole.
    AtLeast(usize),
    /// Not tried.
    Untried,
}

/// A size of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The number of units.
    pub most: usize,
    /// The unit.
    pub unit: Unit,
}

/// The unit in which a client measures text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Characters as JavaScript counts them: those outside the Basic Multilingual Plane count as two.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// The part of an answer that a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The text.
    Text,
    /// The structured content.
    Structured,
    /// Both, so that the content counts twice.
    Both,
    /// The text and the structured content, but only the text if it is exactly the compact JSON of the structured content.
    BothUnlessIdentical,
    /// The part that the program built on the client passes on.
    Program,
}

/// The time a client waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// This many seconds.
    Seconds(u32),
    /// This many seconds, starting again with each progress notification.
    SecondsAfterProgress(u32),
    /// More than this many seconds: it was still waiting then.
    LongerThan(u32),
    /// Not tried.
    Untried,
}

/// The part of the instructions that a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// All of them.
    Whole,
    /// This many characters.
    First(u32),
    /// This many characters when the client defers its tools, otherwise all of them.
    FirstWhenDeferred(u32),
    /// This many characters when the client defers its tools, otherwise nothing.
    OnlyWhenDeferred(u32),
    /// Nothing.
    Nothing,
    /// Not tried.
    Untried,
}

impl Client {
    /// Returns the client of this name, if there is exactly one.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut named = KNOWN.iter().filter(|client| client.name == Some(name));
        named.next().filter(|_| named.next().is_none())
    }

    /// Returns the largest size of an answer that is shown whole.
    #[must_use]
    pub fn limit(&self) -> Option<Size> {
        match self.shows {
            Shows::UpTo(size) => Some(size),
            Shows::AtLeast(_) | Shows::Untried => None,
        }
    }
}

const fn characters(most: usize) -> Shows {
    Shows::UpTo(Size { most, unit: Unit::Characters })
}

const fn bytes(most: usize) -> Shows {
    Shows::UpTo(Size { most, unit: Unit::Bytes })
}

/// The name in `clientInfo` of programs that use the official Python SDK and set no name.
const PYTHON_SDK: Option<&str> = Some("mcp");

/// Returns a framework without a known limit that does not show instructions.
const fn framework(title: &'static str, version: &'static str, name: Option<&'static str>) -> Client {
    Client {
        title,
        version,
        name,
        shows: Shows::Untried,
        reads: Reads::Text,
        waits: Waits::Untried,
        cancels: None,
        instructions: Instructions::Nothing,
        advice: "",
    }
}

/// Returns a TypeScript framework. For these it was not tested whether instructions are shown, and the names were not
/// recorded.
const fn typescript(title: &'static str, version: &'static str) -> Client {
    Client { instructions: Instructions::Untried, ..framework(title, version, None) }
}

/// The advice for a client whose model reads an answer twice.
const ONCE: &str = "`--structured-content off`: its model reads text and structured content, everything twice.";

/// All tested clients: coding agents, Python, TypeScript.
pub const KNOWN: &[Client] = &[
    Client {
        title: "Claude Code",
        version: "2.1.328",
        name: Some("claude-code"),
        // Without `anthropic/maxResultSizeChars` on the tools, the limit is 49,936.
        shows: characters(108_857),
        reads: Reads::Structured,
        waits: Waits::LongerThan(330),
        cancels: None,
        instructions: Instructions::First(4_096),
        advice: "Nothing to set. The tools declare a larger result size (`anthropic/maxResultSizeChars`); without it \
                 Claude Code would show 49,936 characters.",
    },
    Client {
        title: "Codex CLI",
        version: "0.169.0",
        name: Some("codex-mcp-client"),
        shows: characters(12_000),
        reads: Reads::Structured,
        waits: Waits::Seconds(300),
        cancels: Some(true),
        instructions: Instructions::FirstWhenDeferred(247),
        advice: "`required = true` in the server's entry, or `codex exec` does not wait for it to start; \
                 `env_vars = [\"PAGERDUTY_API_TOKEN\"]`, or the key is not passed on. For models that Codex knows it shows \
                 48,000 characters: `--max-response-tokens 12000` makes use of that.",
    },
    Client {
        title: "Gemini CLI",
        version: "0.61.0",
        name: Some("gemini-cli-mcp-client"),
        shows: characters(40_000),
        reads: Reads::Text,
        waits: Waits::LongerThan(330),
        cancels: None,
        instructions: Instructions::Whole,
        advice: "`\"env\": {\"PAGERDUTY_API_TOKEN\": \"$PAGERDUTY_API_TOKEN\"}` in the server's entry, or the key is not passed on.",
    },
    Client {
        title: "opencode",
        version: "1.18.33",
        name: Some("opencode"),
        shows: bytes(49_936),
        reads: Reads::Text,
        waits: Waits::SecondsAfterProgress(60),
        cancels: Some(true),
        instructions: Instructions::Whole,
        advice: "`--read-only` for the `plan` agent, which also runs tools that change something.",
    },
    Client {
        title: "Copilot CLI",
        version: "1.0.102",
        name: Some("copilot-cli"),
        shows: bytes(14_600),
        reads: Reads::BothUnlessIdentical,
        waits: Waits::LongerThan(330),
        cancels: None,
        instructions: Instructions::OnlyWhenDeferred(160),
        advice: "Nothing to set.",
    },
    Client {
        title: "Continue CLI",
        version: "1.5.47",
        name: Some("continue-cli-client"),
        shows: Shows::AtLeast(123_032),
        reads: Reads::Text,
        waits: Waits::Seconds(60),
        cancels: None,
        instructions: Instructions::Nothing,
        advice: "`--read-only` if nothing may be changed: its own `--readonly` also runs tools that change something.",
    },
    Client {
        waits: Waits::Seconds(5),
        cancels: Some(true),
        advice: "`client_session_timeout_seconds=60`: five seconds are too few for a slow PagerDuty.",
        ..framework("openai-agents", "0.24.0", PYTHON_SDK)
    },
    Client {
        waits: Waits::LongerThan(100),
        cancels: Some(false),
        advice: "`client.session()`, or every call starts a process.",
        ..framework("langchain-mcp-adapters", "0.3.2", PYTHON_SDK)
    },
    Client {
        reads: Reads::Structured,
        waits: Waits::Seconds(300),
        cancels: Some(true),
        advice: "`include_instructions=True` shows the instructions.",
        ..framework("pydantic-ai-slim (MCPToolset)", "2.68.0", Some("fastmcp"))
    },
    Client {
        reads: Reads::Both,
        waits: Waits::Seconds(5),
        cancels: Some(true),
        advice: "`--structured-content off`: its model reads text and structured content, everything twice. `timeout=60`: \
                 five seconds are too few for a slow PagerDuty.",
        ..framework("google-adk (McpToolset)", "2.13.0", Some("google-adk"))
    },
    Client { waits: Waits::LongerThan(100), ..framework("crewai-tools", "1.15.30", PYTHON_SDK) },
    Client {
        reads: Reads::Both,
        waits: Waits::Seconds(30),
        cancels: Some(true),
        advice: ONCE,
        ..framework("llama-index-tools-mcp", "0.6.0", PYTHON_SDK)
    },
    framework("smolagents", "1.26.0", PYTHON_SDK),
    Client {
        waits: Waits::LongerThan(100),
        cancels: Some(false),
        ..framework("semantic-kernel", "1.45.0", PYTHON_SDK)
    },
    Client { waits: Waits::Seconds(10), cancels: Some(true), ..framework("agno", "3.1.10", Some("fastmcp")) },
    Client { waits: Waits::LongerThan(100), cancels: Some(true), ..framework("strands-agents", "1.62.0", PYTHON_SDK) },
    Client {
        waits: Waits::Seconds(5),
        cancels: Some(false),
        advice: "`read_timeout_seconds=60`: five seconds are too few for a slow PagerDuty.",
        ..framework("autogen-ext", "0.7.5", PYTHON_SDK)
    },
    Client {
        reads: Reads::Structured,
        waits: Waits::LongerThan(100),
        cancels: Some(true),
        ..framework("agent-framework-core", "1.23.0", PYTHON_SDK)
    },
    Client {
        reads: Reads::Both,
        waits: Waits::Seconds(30),
        cancels: Some(true),
        advice: ONCE,
        ..framework("mcp-haystack", "2.1.1", PYTHON_SDK)
    },
    framework("dspy", "3.4.1", PYTHON_SDK),
    Client { waits: Waits::LongerThan(100), cancels: Some(false), ..framework("mcp-use", "1.7.1", Some("mcp-use")) },
    Client {
        reads: Reads::Program,
        waits: Waits::LongerThan(100),
        cancels: Some(true),
        instructions: Instructions::Untried,
        ..framework("fastmcp (Client)", "4.1.6", PYTHON_SDK)
    },
    Client { waits: Waits::LongerThan(100), cancels: Some(false), ..typescript("@ai-sdk/mcp", "2.0.99") },
    Client {
        reads: Reads::Structured,
        waits: Waits::Seconds(60),
        cancels: Some(true),
        ..typescript("@mastra/mcp", "2.0.0")
    },
    Client {
        reads: Reads::Both,
        cancels: Some(true),
        advice: ONCE,
        ..typescript("@langchain/mcp-adapters (LangChain.js)", "1.1.4")
    },
    Client { cancels: Some(true), ..typescript("@openai/agents", "0.20.0") },
    Client { waits: Waits::Seconds(60), cancels: Some(true), ..typescript("@genkit-ai/mcp", "1.42.0") },
    Client {
        reads: Reads::Program,
        waits: Waits::Seconds(60),
        cancels: Some(true),
        ..typescript("@modelcontextprotocol/client", "2.4.0")
    },
    Client {
        reads: Reads::Program,
        waits: Waits::Seconds(60),
        cancels: Some(true),
        ..typescript("@modelcontextprotocol/sdk", "1.32.2")
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_is_found_by_unique_name() {
        assert_eq!(Client::named("opencode").unwrap().title, "opencode");
        for name in ["mcp", "fastmcp", "rmcp", "Opencode", ""] {
            assert!(Client::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn clients_with_limits_have_unique_names() {
        for client in KNOWN.iter().filter(|client| client.limit().is_some()) {
            assert!(client.name.and_then(Client::named).is_some(), "{}", client.title);
        }
    }
}
