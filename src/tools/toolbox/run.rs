//! The two inner layers: the credential of the caller, and the tool itself.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Call, Toolbox};
use crate::auth::Credential;
use crate::client::Api;
use crate::config::TIMEOUT;
use crate::error::{Code, Error, Result, spoken};
use crate::reply::Reply;
use crate::tools::change::Started;
use crate::tools::{Context, Tool};

/// The longest wait of a call whose client may not know that it runs. Many clients give up after a minute.
const IMPATIENT: Duration = Duration::from_secs(45);

/// The times of a call.
#[derive(Clone, Copy)]
struct Times {
    /// The time until which it may wait for an event.
    waits_until: Instant,
    /// The time limit, which a wait extends.
    deadline: Instant,
}

impl Call {
    /// Returns the longest time that the call may wait for an event.
    fn wait(&self) -> Duration {
        let longest = self.tool.waits.unwrap_or_default();
        if self.caller.is_impatient { longest.min(IMPATIENT) } else { longest }
    }
}

impl Toolbox {
    /// Returns the time limit of a call.
    pub(in crate::tools) fn time_limit(&self) -> Duration {
        self.timeout
    }

    /// Returns the credential of a call.
    pub(in crate::tools) async fn credential(&self, call: &Call, within: Instant) -> Result<Credential> {
        let credential = timeout_at(within, self.credentials.resolve(&call.caller.origin)).await;
        credential.unwrap_or_else(|_| Err(self.credentials.interrupted()))
    }

    /// Returns the API with a credential, for requests until `deadline`.
    pub(in crate::tools) fn api(&self, deadline: Instant, credential: Credential) -> Api {
        self.client.until(deadline, credential)
    }

    /// Runs a call within its time limit, which began when the call arrived.
    pub(in crate::tools) async fn limit(&self, call: &Call, started: &Started) -> Result<Reply> {
        let now = Instant::now();
        let arrived = call.caller.arrived.unwrap_or(now);
        let deadline = arrived + self.timeout;
        if deadline <= now {
            return Err(self.no_slot(call.tool));
        }
        let times = Times { waits_until: arrived + call.wait(), deadline: deadline + call.wait() };
        self.authenticate(call, deadline, times, started).await
    }

    fn no_slot(&self, tool: &Tool) -> Error {
        let error =
            Error::new(Code::Timeout, format!("{} waited {} for a free call slot", tool.name, spoken(self.timeout)));
        let hint = "Too many calls are in progress: send fewer at a time.";
        if tool.is_read_only() { error.hint(hint) } else { error.hint(format!("Nothing was changed. {hint}")) }
    }

    /// Waits for the caller's credential and runs the call with it. A login that PagerDuty refuses is forgotten.
    async fn authenticate(&self, call: &Call, within: Instant, times: Times, started: &Started) -> Result<Reply> {
        let credential = self.credential(call, within).await?;
        let by_login = credential.is_login();
        let api = self.api(times.deadline, credential);
        let api = if call.tool.is_read_only() { api } else { api.urgent() };
        _ = started.set(api.clone());
        let outcome = self.run(call, api, times).await;
        if by_login {
            self.forget_if_refused(&outcome);
        }
        outcome
    }

    /// Forgets the login if PagerDuty refused it.
    pub(in crate::tools) fn forget_if_refused<T>(&self, outcome: &Result<T>) {
        let refused = matches!(outcome, Err(error) if error.code() == Code::AuthenticationFailed);
        if let Some(login) = self.credentials.login().filter(|_| refused) {
            login.forget();
        }
    }

    /// Runs the tool until the time limit.
    async fn run(&self, call: &Call, api: Api, times: Times) -> Result<Reply> {
        let Call { options, tool, arguments, .. } = call;
        let cx = Context { api: api.clone(), options: *options, waits_until: times.waits_until };
        match timeout_at(times.deadline, (tool.run)(cx, arguments)).await {
            Ok(Ok(reply)) => Ok(reply.holding(|size| api.take_share(size))),
            Ok(Err(error)) => Err(timed_out(tool, error)),
            Err(_) => Err(api.in_doubt().unwrap_or_else(|| self.took_longer(tool))),
        }
    }

    fn took_longer(&self, tool: &Tool) -> Error {
        let error = Error::new(Code::Timeout, format!("{} took longer than {}", tool.name, spoken(self.timeout)));
        timed_out(tool, error.hint(format!("Request less at a time, or allow more time with {TIMEOUT}.")))
    }
}

/// Replaces the hint of a time-out of a write: the write was not sent, so nothing was changed.
///
/// A read before the write may have taken too long.
fn timed_out(tool: &Tool, error: Error) -> Error {
    if tool.is_read_only() || error.code() != Code::Timeout {
        return error;
    }
    error.hint(format!("Nothing was changed. Try again, or allow more time with {TIMEOUT}."))
}
