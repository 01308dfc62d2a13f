//! The settings of calls made from Python.
//!
//! A server reads its environment once. A Python program may change its environment at any time, as test suites do, so here the
//! variables are read with every call. They come from `os.environ`, which Python code reads and changes, and are never written.
//! The `.env` file is read beside it, once, by the first call. The arguments of `PagerDuty` take precedence over both.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::config::{
    API_HOST, API_TOKEN, Dotenv, MAX_RESPONSE_TOKENS, SANDBOX, TIMEOUT, USER_EMAIL, VARIABLES, Variables, parse_region,
};
use crate::error::Result;

/// The settings in the arguments of `PagerDuty`.
#[derive(Default)]
pub struct Overrides {
    pub token: Option<String>,
    pub region: Option<String>,
    pub base_url: Option<String>,
    pub user_email: Option<String>,
    pub timeout: Option<f64>,
    pub max_response_tokens: Option<String>,
}

/// Returns the variables as they are now: those of the environment, then those of the `.env` file.
pub fn environment(py: Python<'_>) -> PyResult<Variables> {
    let environ = py.import("os")?.getattr("environ")?;
    let mut set = HashMap::new();
    for variable in VARIABLES {
        let value: Option<Bound<'_, PyString>> = environ.call_method1("get", (variable.name,))?.extract()?;
        set.extend(value.map(|value| (variable.name, value.to_string_lossy().into_owned())));
    }
    let all = || -> PyResult<HashMap<String, String>> { environ.call_method0("copy")?.extract() };
    Ok(Variables::new(|name| set.get(name).cloned(), dotenv()).beside(|| all().unwrap_or_default()))
}

impl Overrides {
    /// Replaces the variables by the settings of the program.
    pub fn apply(self, variables: &mut Variables) -> Result<()> {
        // A program that names an account does not mean the sandbox.
        if self.token.is_some() || self.base_url.is_some() {
            variables.unset(SANDBOX);
        }
        if let Some(region) = self.region {
            variables.choose(parse_region(&region)?);
        }
        let given = [
            (API_TOKEN, self.token),
            (API_HOST, self.base_url),
            (USER_EMAIL, self.user_email),
            (TIMEOUT, self.timeout.map(|seconds| seconds.to_string())),
            (MAX_RESPONSE_TOKENS, self.max_response_tokens),
        ];
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .try_for_each(|(name, value)| variables.set(name, value))
    }
}

fn dotenv() -> &'static Dotenv {
    static DOTENV: OnceLock<Dotenv> = OnceLock::new();
    DOTENV.get_or_init(Dotenv::load)
}
