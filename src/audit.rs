//! The audit log: a record of each change, in the log of the server or in a file.
//!
//! A record names the caller, the tool and the changed objects, never the credential, and never the text of notes unless the
//! operator wants the arguments.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::private;

/// The log target of the records.
pub const TARGET: &str = "pagerduty_mcp_server::audit";

/// The time that an answer waits for its record to be written: a file system may not respond.
const LIMIT: Duration = Duration::from_secs(2);

/// The record of one call.
#[derive(Debug, Serialize)]
pub struct Record<'r> {
    /// The time of the end of the call.
    pub timestamp: String,
    /// The name of the tool.
    pub tool: &'static str,
    /// The changed objects, in words with their IDs: "incident Q1".
    pub objects: Vec<String>,
    /// The outcome: `applied`, `already_so`, `conflict`, `pending`, `partial`, `failed`, `unknown` or `not_confirmed`.
    pub outcome: String,
    /// The code of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Whether a change was sent.
    pub sent: bool,
    /// Whether the client did not wait for the answer.
    pub withdrawn: bool,
    /// The way in which the call arrived.
    pub door: &'static str,
    /// The `From` address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The ID of the credential's user, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The source of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<&'static str>,
    /// The keyed hash of the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_fingerprint: Option<String>,
    /// The name of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'r str>,
    /// PagerDuty's IDs of the requests that change something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_ids: Vec<String>,
    /// The ID of the call's trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The duration of the call in seconds.
    pub elapsed_s: f64,
    /// The arguments, if the operator wants them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<&'r Map<String, Value>>,
}

/// The place of the records. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log {
    file: Option<Arc<Path>>,
    /// Whether the records have the arguments.
    pub with_arguments: bool,
}

impl Log {
    /// Returns the log of the settings, after checking that its file can be written.
    pub fn open(config: &Config) -> Result<Self> {
        let Some(path) = &config.audit_log else { return Ok(Self::default()) };
        private::append(path, "").map_err(|error| {
            Error::new(
                Code::InvalidConfiguration,
                format!("the audit log {} cannot be written: {error}", path.display()),
            )
            .hint("Pass the path of a regular file in an existing folder.")
        })?;
        Ok(Self { file: Some(path.as_path().into()), with_arguments: config.audit_text })
    }

    /// Writes a record, and returns whether it was written.
    ///
    /// The file is opened for each record, so that a file which was renamed to rotate it is continued under its own name.
    pub async fn write(&self, record: &Record<'_>) -> bool {
        let Some(file) = self.file.clone() else {
            record.log();
            return true;
        };
        let line = serde_json::to_string(record).unwrap_or_default();
        let text = format!("{line}\n");
        let path = Arc::clone(&file);
        let writing = tokio::task::spawn_blocking(move || private::append(&path, &text));
        let error = match tokio::time::timeout(LIMIT, writing).await {
            Ok(Ok(Ok(()))) => return true,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the file system does not respond".to_owned(),
        };
        // The line would be lost otherwise.
        tracing::error!(target: TARGET, path = %file.display(), error, line, "audit log not written");
        false
    }
}

impl Record<'_> {
    /// Writes the record to the log of the server, whose lines have a time and a trace.
    fn log(&self) {
        let incident = match self.objects.as_slice() {
            [only] => only.strip_prefix("incident "),
            _ => None,
        };
        tracing::info!(
            target: TARGET,
            tool = self.tool,
            object = self.objects.join(", "),
            incident,
            outcome = self.outcome,
            error = self.error,
            sent = self.sent,
            withdrawn = self.withdrawn,
            door = self.door,
            author = self.author,
            user_id = self.user_id,
            credential = self.credential,
            credential_fingerprint = self.credential_fingerprint,
            client = self.client,
            request_id = Some(self.request_ids.join(", ")).filter(|ids| !ids.is_empty()),
            elapsed_s = self.elapsed_s,
            "change"
        );
    }
}
