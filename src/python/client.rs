//! Tool calls from Python, inside the caller's process: the class `_core.Client`.
//!
//! One kind of client reads the environment with every call, as the functions of the package do; the other keeps the settings
//! it was made with. Each method has a blocking variant.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyInt};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use super::convert::{arguments_from_python, to_python};
use super::errors::{raised, to_exception};
use super::runtime::refuse_after_fork;
use super::settings::{Overrides, environment};
use super::waiting::{block_on, block_on_raw, to_awaitable};
use crate::app::App;
use crate::auth::Credentials;
use crate::config::{Config, Format, MAX_RESPONSE_TOKENS, Variables};
use crate::error::Result;
use crate::reply::{Reply, Written};
use crate::tools::{self, CallOptions, Filter, Toolbox};

/// A client, which calls tools.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Client(Arc<Source>);

enum Source {
    /// The settings of the environment at the time of each call.
    Environment,
    /// The settings with which the client was made.
    Dedicated(Box<Dedicated>),
}

struct Dedicated {
    config: Config,
    filter: Filter,
    /// Whether the user chose a response budget, rather than the default.
    has_budget: bool,
    /// Started by the first call, because the sandbox needs the runtime.
    app: OnceCell<Arc<App>>,
}

/// A running app, and whether its user chose a response budget.
struct Ready {
    app: Arc<App>,
    has_budget: bool,
}

/// The rules of one call, beside those of its tool.
#[derive(Clone, Copy, Default)]
pub struct CallRules {
    /// Whether the response budget of a model applies. A budget that the user chose always applies.
    pub budget: bool,
    /// Whether a list without filters is the whole account, and not a mistake.
    pub whole_account: bool,
    /// A parameter that the call requires, although the tool does not.
    pub needs: Option<&'static str>,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, token=None, region=None, base_url=None, user_email=None, timeout=None, max_response_tokens=None, read_only=false, toolsets=None))]
    #[allow(clippy::too_many_arguments)] // They are Python's keywords.
    fn new(
        py: Python<'_>,
        token: Option<String>,
        region: Option<String>,
        base_url: Option<String>,
        user_email: Option<String>,
        timeout: Option<f64>,
        max_response_tokens: Option<Bound<'_, PyInt>>,
        read_only: bool,
        toolsets: Option<Vec<String>>,
    ) -> PyResult<Self> {
        // As text: the settings decide whether it is a size, and Python's integers are unbounded.
        let max_response_tokens = max_response_tokens.map(|tokens| tokens.str()?.extract()).transpose()?;
        let overrides = Overrides { token, region, base_url, user_email, timeout, max_response_tokens };
        let mut variables = environment(py)?;
        let dedicated = overrides.apply(&mut variables).and_then(|()| {
            let config = Config::new(&variables)?;
            let settings = Filter::of(&config);
            let read_only = read_only || settings.read_only;
            let filter = Filter { read_only, toolsets: toolsets.or(settings.toolsets), tools: None };
            // Refuses an unknown toolset now and not in the first call.
            Toolbox::new(&config, &filter)?;
            Ok(Dedicated { has_budget: has_budget(&variables), config, filter, app: OnceCell::new() })
        });
        Ok(Self(Arc::new(Source::Dedicated(Box::new(raised(py, dedicated)?)))))
    }

    /// Returns the client that reads the environment with every call.
    #[staticmethod]
    fn from_environment() -> Self {
        Self(Arc::new(Source::Environment))
    }

    /// Returns the `asyncio` future of a tool's [`Answer`]. Canceling it drops the call, and its requests with it.
    #[pyo3(signature = (name, arguments, *, budget=false))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        name: String,
        arguments: &Bound<'py, PyAny>,
        budget: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rules = CallRules { budget, ..CallRules::default() };
        to_answer(py, self.call_with(py, name, arguments_from_python(arguments)?, rules)?)
    }

    /// Calls a tool like `call`, and waits for the answer.
    #[pyo3(signature = (name, arguments, *, budget=false))]
    fn call_sync<'py>(
        &self,
        py: Python<'py>,
        name: String,
        arguments: &Bound<'py, PyAny>,
        budget: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rules = CallRules { budget, ..CallRules::default() };
        block_on(py, self.call_with(py, name, arguments_from_python(arguments)?, rules)?)
    }

    /// Raises an exception unless the settings name a credential. Does not start a login.
    fn require_credential(&self, py: Python<'_>) -> PyResult<()> {
        let Source::Dedicated(dedicated) = self.0.as_ref() else { return Ok(()) };
        let credentials = Credentials::new(&dedicated.config);
        let named = credentials.settings().map_or(credentials.login().is_some(), |key| key.is_ok());
        if dedicated.config.sandbox || named {
            return Ok(());
        }
        raised(py, block_on_raw(py, async move { credentials.present().await })?).map(drop)
    }

    /// Returns a list as a stream of pages.
    fn pages(&self, py: Python<'_>, name: String, arguments: &Bound<'_, PyAny>) -> PyResult<Pages> {
        let opened = arguments_from_python(arguments)?.and_then(|arguments| tools::Pages::new(name, arguments));
        let reading = Reading { pages: raised(py, opened)?, warned: Vec::new() };
        Ok(Pages { source: Arc::clone(&self.0), reading: Arc::new(Mutex::new(reading)) })
    }
}

impl Client {
    /// Returns the future of a call, with the settings as they are now. Wrong arguments are an error of the future.
    pub(super) fn call_with(
        &self,
        py: Python<'_>,
        name: String,
        arguments: Result<Map<String, Value>>,
        rules: CallRules,
    ) -> PyResult<impl Future<Output = Outcome> + Send + 'static> {
        let ready = self.0.ready(py)?;
        let call = async move {
            let arguments = arguments?;
            let ready = ready.await?;
            let CallRules { budget, whole_account, needs } = rules;
            if let Some(parameter) = needs {
                ready.app.toolbox.tool(&name)?.require(&arguments, parameter)?;
            }
            let options = CallOptions { whole_account, format: Format::Json, ..ready.options(budget) };
            ready.app.toolbox.call_on(options, &name, arguments).await
        };
        Ok(async { Outcome(call.await.map(json)) })
    }
}

impl Source {
    /// Reads the environment now, while the interpreter is held. The returned future starts the app if necessary.
    fn ready(self: &Arc<Self>, py: Python<'_>) -> PyResult<impl Future<Output = Result<Ready>> + Send + 'static> {
        refuse_after_fork()?;
        let variables = match self.as_ref() {
            Self::Environment => Some(environment(py)?),
            Self::Dedicated(_) => None,
        };
        let source = Arc::clone(self);
        Ok(async move {
            match (source.as_ref(), variables) {
                (Self::Dedicated(dedicated), _) => {
                    let Dedicated { config, filter, has_budget, app } = dedicated.as_ref();
                    let start = || async { App::start(config.clone(), filter).await.map(Arc::new) };
                    Ok(Ready { app: Arc::clone(app.get_or_try_init(start).await?), has_budget: *has_budget })
                }
                (Self::Environment, variables) => {
                    let variables = variables.unwrap_or_default();
                    Ok(Ready { has_budget: has_budget(&variables), app: environment_app(variables).await? })
                }
            }
        })
    }
}

impl Ready {
    /// Returns the options of a call: those of a model with `budget`. Without it only a limit that the user chose applies.
    fn options(&self, budget: bool) -> CallOptions {
        let options = self.app.toolbox.options();
        if budget || self.has_budget { options } else { CallOptions { max_tokens: None, ..options } }
    }
}

/// Returns whether the user chose a response budget.
fn has_budget(variables: &Variables) -> bool {
    variables.get(MAX_RESPONSE_TOKENS).is_some()
}

/// Returns the app for these settings of the environment: the running one if its settings are the same, else a new one that
/// replaces it.
///
/// So connections, the current user's context and the sandbox last from call to call. Calls in progress keep their app.
async fn environment_app(variables: Variables) -> Result<Arc<App>> {
    static RUNNING: Mutex<Option<(Variables, Arc<App>)>> = Mutex::const_new(None);
    let mut running = RUNNING.lock().await;
    if let Some((settings, app)) = running.as_ref()
        && *settings == variables
    {
        return Ok(Arc::clone(app));
    }
    let config = Config::new(&variables)?;
    let filter = Filter::of(&config);
    let app = Arc::new(App::start(config, &filter).await?);
    *running = Some((variables, Arc::clone(&app)));
    Ok(app)
}

/// The outcome of a call: the text of its answer. It becomes a Python object or an exception where the interpreter is held
/// anyway.
pub(super) struct Outcome(Result<String>);

impl<'py> IntoPyObject<'py> for Outcome {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0 {
            Ok(json) => pagerduty_pyjson::object(py, &json),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}

/// Returns the `asyncio` future of the [`Answer`] of a call.
pub(super) fn to_answer(
    py: Python<'_>,
    call: impl Future<Output = Outcome> + Send + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    to_awaitable(py, async { Awaited(call.await) })
}

/// The outcome of an awaited call.
struct Awaited(Outcome);

impl<'py> IntoPyObject<'py> for Awaited {
    type Target = Answer;
    type Output = Bound<'py, Answer>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, Answer>> {
        match self.0.0 {
            Ok(json) => Bound::new(py, Answer(json)),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}

/// The text of an awaited answer.
///
/// The thread that delivers it competes with the event loop for the interpreter, so the objects are made by the loop's
/// thread, when the awaiting task continues.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Answer(String);

#[pymethods]
impl Answer {
    /// Returns the answer as an object.
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pagerduty_pyjson::object(py, &self.0)
    }
}

/// Writes an answer in the thread of the call, which does not hold the interpreter.
fn json(reply: Reply) -> String {
    match reply.write(Format::Json) {
        Written::Json(text) | Written::Table(text) => text,
    }
}

/// A list that is read page by page.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Pages {
    source: Arc<Source>,
    reading: Arc<Mutex<Reading>>,
}

/// The state of a list that is read page by page.
struct Reading {
    pages: tools::Pages,
    /// The warnings so far. A list has no envelope, so each of its warnings is given once.
    warned: Vec<Value>,
}

#[pymethods]
impl Pages {
    /// Returns the `asyncio` future of the next page, `(rows, new warnings)`, or of `None` after the last one.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_awaitable(py, self.read(py)?)
    }

    /// Returns the next page like `next`, and waits for it.
    fn next_sync<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        block_on(py, self.read(py)?)
    }
}

impl Pages {
    fn read(&self, py: Python<'_>) -> PyResult<impl Future<Output = NextPage> + Send + 'static> {
        let ready = self.source.ready(py)?;
        let reading = Arc::clone(&self.reading);
        let next = async move {
            let ready = ready.await?;
            // The budget is that of an answer. A stream is not held in memory as a whole.
            let options = CallOptions { max_tokens: None, ..ready.app.toolbox.options() };
            let Reading { pages, warned } = &mut *reading.lock().await;
            let mut page = pages.next(&ready.app.toolbox, options).await?;
            if let Some(page) = &mut page {
                page.warnings.retain(|warning| !warned.contains(warning));
                warned.extend(page.warnings.iter().cloned());
            }
            Ok(page)
        };
        Ok(async { NextPage(next.await) })
    }
}

struct NextPage(Result<Option<tools::Page>>);

impl<'py> IntoPyObject<'py> for NextPage {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0 {
            Ok(None) => Ok(py.None().into_bound(py)),
            Ok(Some(page)) => {
                let rows = pagerduty_pyjson::object(py, &page.rows)?;
                Ok((rows, to_python(py, &page.warnings.into())?).into_pyobject(py)?.into_any())
            }
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}
