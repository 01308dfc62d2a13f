//! The confirmation of changes by a person, before tools that destroy, publish or run something.
//!
//! With `--confirm`, such a call is first made as a dry run, and a person is shown its effect. After a yes, the dry run is
//! repeated: the call runs only if the effect is still the one that was shown, and otherwise the person gets another
//! question. The tool then reads the objects once more and applies its own checks, as in every call.
//!
//! A caller that cannot pass the question on is refused, so a door that does not ask cannot make such a change.

pub(super) mod question;
mod state;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use pagerduty_api::operations::incidents::INCIDENTS;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::change::Started;
use super::resolve::Lookups;
use super::toolbox::Call;
use super::{Context, Tool, Toolbox};
use crate::client::Api;
use crate::error::{Code, Error, Result};
use crate::names::NAMED;
use crate::params;
use crate::reply::{Question, Reply};
use question::Words;
use state::State;

/// The most questions of one call: the effect may change while a question is open.
const MOST_QUESTIONS: u64 = 3;

/// The name of the parameter with which a tool only shows its effect.
const DRY_RUN: &str = "dry_run";

/// The way from a call to a person.
#[derive(Clone, Debug)]
pub enum Asking {
    /// The caller cannot pass a question on.
    Unavailable(Unavailable),
    /// The person answers while the call waits.
    Within(Asker),
    /// The call ends with the question, and another call brings the answer.
    ByRounds(Option<Round>),
}

/// The reason why a caller cannot pass a question on, with the next step.
#[derive(Clone, Copy, Debug)]
pub struct Unavailable {
    /// The reason, which continues a sentence after "and".
    pub why: &'static str,
    /// The next step.
    pub hint: &'static str,
}

impl Default for Asking {
    fn default() -> Self {
        Self::Unavailable(Unavailable {
            why: "a program cannot pass the question on",
            hint: "Ask the person in the program before the call, and unset PAGERDUTY_CONFIRM.",
        })
    }
}

/// Shows a question to a person, and returns whether the person confirmed it.
#[derive(Clone)]
pub struct Asker(Arc<dyn Fn(String) -> BoxFuture<'static, bool> + Send + Sync>);

impl Asker {
    /// Creates an asker from a function.
    pub fn new(ask: impl Fn(String) -> BoxFuture<'static, bool> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}

/// The answer to the question of an earlier call.
#[derive(Clone, Debug)]
pub struct Round {
    /// The state of the question, as the earlier call returned it.
    pub state: String,
    /// Whether the person confirmed it.
    pub is_confirmed: bool,
}

/// The continuation of a call after its confirmation.
pub(super) enum Confirmed {
    /// The call may run.
    Run,
    /// The call may run, and its time limit begins now.
    RunFromNow,
    /// The call ends with this answer.
    Ended(Reply),
}

/// The effect of a call.
enum Effect {
    /// Something would change.
    Change(Words),
    /// Nothing would change, or nothing can.
    Nothing(Reply),
}

impl Call {
    /// Returns the same call as one that only shows its effect, if its tool can do that.
    fn as_dry_run(&self) -> Option<Self> {
        let can_show = self.tool.params.iter().any(|declaration| declaration.name == DRY_RUN);
        let mut arguments = self.arguments.clone();
        arguments.insert(DRY_RUN.to_owned(), true.into());
        can_show.then(|| Self { arguments, ..self.restarted() })
    }

    /// Returns the same call, as if it had just arrived.
    pub(super) fn restarted(&self) -> Self {
        let caller = super::Party { arrived: None, ..self.caller.clone() };
        Self { caller, options: self.options, tool: self.tool, arguments: self.arguments.clone() }
    }

    fn is_dry_run(&self) -> bool {
        let declared = self.tool.params.iter().any(|declaration| declaration.name == DRY_RUN);
        let is_on = params::read::<params::Flag<false>>(&self.arguments, DRY_RUN).is_ok_and(params::Flag::is_on);
        declared && is_on
    }
}

impl Toolbox {
    /// Returns whether a person has to confirm calls of the tool with this name.
    #[must_use]
    pub fn asks_before(&self, name: &str) -> bool {
        self.confirmation().required && self.tool(name).is_ok_and(|tool| tool.destructive)
    }

    /// Returns whether a person has to confirm a call.
    pub(super) fn needs_confirmation(&self, call: &Call) -> bool {
        self.confirmation().required && call.tool.destructive && !call.is_dry_run()
    }

    /// Has a person confirm a call. If the call ends here, its API is left in `started`.
    pub(super) async fn confirm(&self, call: &Call, started: &Started) -> Result<Confirmed> {
        (call.tool.check)(&call.arguments)?;
        let deadline = Instant::now() + self.time_limit();
        let api = self.api(deadline, self.credential(call, deadline).await?).urgent();
        let outcome = self.ask(call, &api).await;
        if api.credential().is_login() {
            self.forget_if_refused(&outcome);
        }
        if !matches!(outcome, Ok(Confirmed::Run | Confirmed::RunFromNow)) {
            _ = started.set(api);
        }
        outcome
    }

    async fn ask(&self, call: &Call, api: &Api) -> Result<Confirmed> {
        match &call.caller.asking {
            Asking::Unavailable(Unavailable { why, hint }) => {
                let message =
                    format!("nothing was changed: {} needs the confirmation of a person, and {why}", call.tool.name);
                Err(Error::new(Code::ConfirmationUnavailable, message).hint(*hint))
            }
            Asking::Within(asker) => self.ask_within(call, api, asker).await,
            Asking::ByRounds(round) => self.ask_by_rounds(call, api, round.as_ref()).await,
        }
    }

    async fn ask_within(&self, call: &Call, api: &Api, asker: &Asker) -> Result<Confirmed> {
        let Words { mut text, compared: mut shown } = match self.effect(call, api).await? {
            Effect::Change(words) => words,
            Effect::Nothing(reply) => return Ok(Confirmed::Ended(reply)),
        };
        for _ in 0..MOST_QUESTIONS {
            if !(asker.0)(text).await {
                return Err(unconfirmed(call.tool));
            }
            match self.effect(&call.restarted(), api).await? {
                Effect::Change(now) if now.compared == shown => return Ok(Confirmed::RunFromNow),
                Effect::Change(now) => {
                    text = question::changed(&now.text);
                    shown = now.compared;
                }
                Effect::Nothing(reply) => return Ok(Confirmed::Ended(reply)),
            }
        }
        Err(restless(call.tool))
    }

    async fn ask_by_rounds(&self, call: &Call, api: &Api, round: Option<&Round>) -> Result<Confirmed> {
        let key = api.confirmation_key().await?;
        let (now, this) = (Timestamp::now(), state::digest(call.tool.name, &call.arguments));
        let state = round.map(|round| State::open(&round.state, &key));
        let state = state.map(|state| {
            let state = state.filter(|state| state.call == this && state.expires > now);
            state.ok_or_else(|| refused(call.tool, "the confirmation is too old, or belongs to another call"))
        });
        let state = state.transpose()?;
        if round.is_some_and(|round| !round.is_confirmed) {
            return Err(unconfirmed(call.tool));
        }
        let Words { text, compared } = match self.effect(call, api).await? {
            Effect::Change(words) => words,
            Effect::Nothing(reply) => return Ok(Confirmed::Ended(reply)),
        };
        let effect = state::hash(&compared);
        let number = state.as_ref().map_or(1, |state| state.number + 1);
        let text = match state {
            Some(state) if state.effect == effect => {
                let is_first = api.uses_confirmation(&state.id);
                let used = || refused(call.tool, "the confirmation was used before");
                return if is_first { Ok(Confirmed::Run) } else { Err(used()) };
            }
            Some(_) if number > MOST_QUESTIONS => return Err(restless(call.tool)),
            Some(_) => question::changed(&text),
            None => text,
        };
        let expires = now.checked_add(self.confirmation().validity).unwrap_or(now);
        let state = State::new(number, expires, this, effect).seal(&key);
        Ok(Confirmed::Ended(Reply::asking(Question { text, state })))
    }

    /// Returns the effect of a call: that of its dry run, or else its objects by name.
    async fn effect(&self, call: &Call, api: &Api) -> Result<Effect> {
        let Some(dry_run) = call.as_dry_run() else {
            let arguments = self.named(call, api).await?;
            return Ok(Effect::Change(self.on_account(question::of_arguments(call.tool, arguments))));
        };
        let reply = Box::pin(self.limit(&dry_run, &Started::new())).await?;
        if reply.outcome() == Some("dry_run") {
            let shown = reply.into_value().as_object().cloned().unwrap_or_default();
            return Ok(Effect::Change(self.on_account(question::of_preview(call.tool, shown))));
        }
        Ok(Effect::Nothing(reply))
    }

    /// Returns a question with the kind of account before it, if it is not a real one.
    fn on_account(&self, words: Words) -> Words {
        match self.label() {
            Some(label) => Words { text: format!("{}: {}", label.title, words.text), ..words },
            None => words,
        }
    }

    /// Returns the arguments of a call with the names of the objects that they stand for.
    async fn named(&self, call: &Call, api: &Api) -> Result<Map<String, Value>> {
        let Call { options, tool, arguments, .. } = call;
        let cx = Context { api: api.clone(), options: *options, waits_until: Instant::now() };
        let lookups = Lookups::of(arguments, tool.params);
        lookups.check_before(&cx).await?;
        let (mut arguments, _) = lookups.resolve(&cx, arguments, tool.params).await?;
        for declaration in tool.params {
            let Some(resource) = declaration.form.resource() else { continue };
            let has_names = NAMED.contains(&resource) || resource == &INCIDENTS;
            let Some(Value::String(id)) = arguments.get(declaration.name).filter(|_| has_names) else { continue };
            let object = api.object_by_id(resource, id.trim().trim_start_matches('#')).await?.ok_or_else(|| {
                Error::new(Code::NotFound, format!("there is no {} {id:?}", resource.noun))
                    .hint("Check the ID, and that the credential may see the object.")
            })?;
            let members = object.members().into_iter().filter(|(name, _)| ["id", "name"].contains(&name.as_str()));
            arguments.insert(declaration.name.to_owned(), Value::Object(members.collect()));
        }
        Ok(arguments)
    }
}

/// Returns the error for a call that no person confirmed: the client's reasons look alike, and none shows that a person
/// said no.
fn unconfirmed(tool: &Tool) -> Error {
    let message = format!("nothing was changed: no person confirmed this call of {}", tool.name);
    Error::new(Code::NotConfirmed, message).hint(
        "Start the server without --confirm if no person is at the client, or let the client ask before this tool.",
    )
}

/// Returns the error for an effect that differs after each question.
fn restless(tool: &Tool) -> Error {
    refused(tool, "its effect changed each time while the question was open")
}

/// Returns the error for a confirmation that does not count.
fn refused(tool: &Tool, why: &str) -> Error {
    let message = format!("nothing was changed: {why}");
    Error::new(Code::NotConfirmed, message).hint(format!("Call {} again: the person gets another question.", tool.name))
}
