//! Calls of tools from Python, inside its own process: the class `_core.Client`.
//!
//! One kind follows the environment from call to call, as the functions of the package do; the other keeps the settings it
//! was made with. Each method has a twin that blocks.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyInt};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use super::convert::{arguments_from_python, to_python};
use super::errors::{raised, to_exception};
use super::runtime::refuse_after_fork;
use super::settings::{Overrides, environment};
use super::waiting::{awaited, until_done, waited_for};
use crate::app::App;
use crate::auth::Credentials;
use crate::config::{Config, Format, MAX_RESPONSE_TOKENS, Variables};
use crate::error::Result;
use crate::reply::Reply;
use crate::tools::{self, CallOptions, Filter, Toolbox};

/// A way to the tools.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Client(Arc<Source>);

enum Source {
    /// Whatever the environment says at the time of the call.
    Environment,
    /// What was said when it was made.
    Own(Box<Own>),
}

struct Own {
    config: Config,
    filter: Filter,
    /// Whether a budget was asked for, rather than being the default.
    budget: bool,
    /// Started by the first call: the embedded account needs the runtime.
    app: OnceCell<Arc<App>>,
}

/// The tools to call, and whether their answers have a budget.
struct Ready {
    app: Arc<App>,
    budget: bool,
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
        // As text: whether it is a size is for the settings to say, and Python's integers know no bounds.
        let max_response_tokens = max_response_tokens.map(|tokens| tokens.str()?.extract()).transpose()?;
        let overrides = Overrides { token, region, base_url, user_email, timeout, max_response_tokens };
        let filter = Filter { read_only, toolsets, tools: None };
        let mut variables = environment(py)?;
        let own = overrides.apply(&mut variables).and_then(|()| {
            let config = Config::new(&variables)?;
            // Refuses an unknown toolset now and not in the first call.
            Toolbox::new(&config, &filter)?;
            Ok(Own { budget: has_budget(&variables), config, filter, app: OnceCell::new() })
        });
        Ok(Self(Arc::new(Source::Own(Box::new(raised(py, own)?)))))
    }

    /// The one that follows the environment.
    #[staticmethod]
    fn of_environment() -> Self {
        Self(Arc::new(Source::Environment))
    }

    /// Returns the `asyncio` future of a tool's answer. Cancelling it drops the call, and its requests with it.
    ///
    /// `needs` names a parameter that this caller requires, although the tool does not.
    #[pyo3(signature = (name, arguments, *, budget=false, whole_account=false, needs=None))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        name: String,
        arguments: &Bound<'py, PyAny>,
        budget: bool,
        whole_account: bool,
        needs: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaited(py, self.prepare(py, name, arguments, budget, whole_account, needs)?)
    }

    /// The same, waited for.
    #[pyo3(signature = (name, arguments, *, budget=false, whole_account=false, needs=None))]
    fn call_sync<'py>(
        &self,
        py: Python<'py>,
        name: String,
        arguments: &Bound<'py, PyAny>,
        budget: bool,
        whole_account: bool,
        needs: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        waited_for(py, self.prepare(py, name, arguments, budget, whole_account, needs)?)
    }

    /// Raises unless the settings name a credential. Nobody is asked to log in.
    fn require_credential(&self, py: Python<'_>) -> PyResult<()> {
        let Source::Own(own) = self.0.as_ref() else { return Ok(()) };
        let credentials = Credentials::new(&own.config);
        let named = credentials.settings().map_or(credentials.login().is_some(), |key| key.is_ok());
        if own.config.sandbox || named {
            return Ok(());
        }
        raised(py, until_done(py, async move { credentials.present().await })?).map(drop)
    }

    /// A list as a stream of pages.
    fn pages(&self, py: Python<'_>, name: String, arguments: &Bound<'_, PyAny>) -> PyResult<Pages> {
        let opened = arguments_from_python(arguments)?.and_then(|arguments| tools::Pages::new(name, arguments));
        Ok(Pages { source: Arc::clone(&self.0), pages: Arc::new(Mutex::new(raised(py, opened)?)) })
    }
}

impl Client {
    fn prepare(
        &self,
        py: Python<'_>,
        name: String,
        arguments: &Bound<'_, PyAny>,
        budget: bool,
        whole_account: bool,
        needs: Option<String>,
    ) -> PyResult<impl Future<Output = Outcome> + Send + 'static> {
        let arguments = arguments_from_python(arguments)?;
        let ready = self.0.ready(py)?;
        let call = async move {
            let arguments: Map<String, Value> = arguments?;
            let ready = ready.await?;
            if let Some(parameter) = needs {
                ready.app.toolbox.tool(&name)?.require(&arguments, &parameter)?;
            }
            let options = CallOptions { whole_account, format: Format::Json, ..ready.options(budget) };
            ready.app.toolbox.call_on(options, &name, arguments).await
        };
        Ok(async { Outcome(call.await) })
    }
}

impl Source {
    /// Looks at the environment now, while the interpreter is held, and starts what has to be started later.
    fn ready(self: &Arc<Self>, py: Python<'_>) -> PyResult<impl Future<Output = Result<Ready>> + Send + 'static> {
        refuse_after_fork()?;
        let variables = match self.as_ref() {
            Self::Environment => Some(environment(py)?),
            Self::Own(_) => None,
        };
        let source = Arc::clone(self);
        Ok(async move {
            match (source.as_ref(), variables) {
                (Self::Own(own), _) => {
                    let start = || async { App::start(own.config.clone(), &own.filter).await.map(Arc::new) };
                    Ok(Ready { app: Arc::clone(own.app.get_or_try_init(start).await?), budget: own.budget })
                }
                (Self::Environment, variables) => {
                    let variables = variables.unwrap_or_default();
                    Ok(Ready { budget: has_budget(&variables), app: shared(variables).await? })
                }
            }
        })
    }
}

impl Ready {
    /// Those of a model with `budget`; else a limit holds only if somebody asked for it.
    fn options(&self, budget: bool) -> CallOptions {
        let options = self.app.toolbox.options();
        if budget || self.budget { options } else { CallOptions { max_tokens: None, ..options } }
    }
}

/// Whether somebody asked for a budget.
fn has_budget(variables: &Variables) -> bool {
    variables.get(MAX_RESPONSE_TOKENS).is_some()
}

/// The app for these settings: the one that is running if it has the same, else a new one in its place.
///
/// So connections, what is known about the current user, and above all the embedded account live from call to call. Calls
/// still under way keep the app they began with.
async fn shared(variables: Variables) -> Result<Arc<App>> {
    static RUNNING: Mutex<Option<(Variables, Arc<App>)>> = Mutex::const_new(None);
    let mut running = RUNNING.lock().await;
    if let Some((of, app)) = running.as_ref()
        && *of == variables
    {
        return Ok(Arc::clone(app));
    }
    let app = Arc::new(App::start(Config::new(&variables)?, &Filter::default()).await?);
    *running = Some((variables, Arc::clone(&app)));
    Ok(app)
}

/// What a call ended with. Becomes a Python value, or is raised, where the interpreter is held anyway.
struct Outcome(Result<Reply>);

impl<'py> IntoPyObject<'py> for Outcome {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0 {
            Ok(reply) => to_python(py, &reply.into_value()),
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}

/// A list that is being read, page by page.
#[pyclass(frozen, module = "pagerduty_mcp_server._core")]
pub struct Pages {
    source: Arc<Source>,
    pages: Arc<Mutex<tools::Pages>>,
}

#[pymethods]
impl Pages {
    /// The future of the next page, `(rows, warnings)`, or of `None` after the last one.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        awaited(py, self.prepare(py)?)
    }

    /// The same, waited for.
    fn next_sync<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        waited_for(py, self.prepare(py)?)
    }
}

impl Pages {
    fn prepare(&self, py: Python<'_>) -> PyResult<impl Future<Output = NextPage> + Send + 'static> {
        let ready = self.source.ready(py)?;
        let pages = Arc::clone(&self.pages);
        let next = async move {
            let ready = ready.await?;
            // A page is no answer, and the budget is that of an answer: nobody gets the whole of a stream at once.
            let options = CallOptions { max_tokens: None, ..ready.app.toolbox.options() };
            pages.lock().await.next(&ready.app.toolbox, options).await
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
                let rows = to_python(py, &page.rows.into())?;
                Ok((rows, to_python(py, &page.warnings.into())?).into_pyobject(py)?.into_any())
            }
            Err(error) => Err(to_exception(py, &error)),
        }
    }
}
