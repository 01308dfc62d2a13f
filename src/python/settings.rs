//! The settings of calls made from Python.
//!
//! A server reads its environment once. A Python program may change its own at any time, a test suite does nothing else, so
//! here the variables are looked at on every call. They are taken from `os.environ`, which is what Python code sees and
//! changes, and never written: the `.env` file is read beside it, once, when the first call is made. What the program itself
//! says, in the arguments of `PagerDuty`, wins over both.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::prelude::*;

use crate::config::{
    API_HOST, API_TOKEN, Config, Dotenv, MAX_RESPONSE_TOKENS, REGION, SANDBOX, TIMEOUT, USER_EMAIL, VARIABLES,
};
use crate::error::Result;

/// Those of our variables that are set. Two that are equal make the same [`Config`].
#[derive(Default, PartialEq, Eq)]
pub struct Settings(HashMap<&'static str, String>);

/// What the program says itself.
#[derive(Default)]
pub struct Overrides {
    pub token: Option<String>,
    pub region: Option<String>,
    pub base_url: Option<String>,
    pub user_email: Option<String>,
    pub timeout: Option<f64>,
    pub max_response_tokens: Option<usize>,
}

impl Settings {
    /// The settings as they are now: what the program says, the environment, then the `.env` file.
    pub fn read(py: Python<'_>, overrides: &Overrides) -> PyResult<Result<Self>> {
        let environ = py.import("os")?.getattr("environ")?;
        let dotenv = match dotenv() {
            Ok(dotenv) => dotenv,
            Err(error) => return Ok(Err(error)),
        };
        let mut variables = HashMap::new();
        for name in VARIABLES.iter().map(|variable| variable.name) {
            let set: Option<String> = environ.call_method1("get", (name,))?.extract()?;
            // The file may be anybody's: it does not choose where a credential goes that the program has of its own.
            let filed = || dotenv.get(name).filter(|_| name != API_HOST || overrides.token.is_none());
            if let Some(value) = set.or_else(filed) {
                variables.insert(name, value);
            }
        }
        overrides.apply(&mut variables);
        Ok(Ok(Self(variables)))
    }

    /// What they mean.
    pub fn config(&self) -> Result<Config> {
        Config::from_lookup(|name| self.0.get(name).cloned())
    }

    /// Whether somebody asked for a budget.
    pub fn has_budget(&self) -> bool {
        self.0.get(MAX_RESPONSE_TOKENS).is_some_and(|value| !value.trim().is_empty())
    }
}

impl Overrides {
    fn apply(&self, variables: &mut HashMap<&'static str, String>) {
        // Whoever names an account does not mean the embedded one, and whoever names a region not another host.
        if self.token.is_some() || self.base_url.is_some() {
            variables.remove(SANDBOX);
        }
        if self.region.is_some() {
            variables.remove(API_HOST);
        }
        let given = [
            (API_TOKEN, self.token.clone()),
            (REGION, self.region.clone()),
            (API_HOST, self.base_url.clone()),
            (USER_EMAIL, self.user_email.clone()),
            (TIMEOUT, self.timeout.map(|seconds| seconds.to_string())),
            (MAX_RESPONSE_TOKENS, self.max_response_tokens.map(|tokens| tokens.to_string())),
        ];
        variables.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
}

fn dotenv() -> Result<&'static Dotenv> {
    static DOTENV: OnceLock<Dotenv> = OnceLock::new();
    if let Some(dotenv) = DOTENV.get() {
        return Ok(dotenv);
    }
    let read = Dotenv::load()?;
    Ok(DOTENV.get_or_init(|| read))
}
