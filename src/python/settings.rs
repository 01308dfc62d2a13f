//! The settings of calls made from Python.
//!
//! A server reads its environment once. A Python program may change its own at any time, a test suite does nothing else, so
//! here the variables are looked at on every call. They are taken from `os.environ`, which is what Python code sees and
//! changes, and never written: the `.env` file is read beside it, once, when the first call is made.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::prelude::*;

use crate::config::{Config, Dotenv, VARIABLES};
use crate::error::Result;

/// Those of our variables that are set. Two that are equal make the same [`Config`].
#[derive(PartialEq, Eq)]
pub struct Settings(HashMap<&'static str, String>);

impl Settings {
    /// The settings as they are now: the environment, then the `.env` file.
    pub fn read(py: Python<'_>) -> PyResult<Result<Self>> {
        let environ = py.import("os")?.getattr("environ")?;
        let dotenv = match dotenv() {
            Ok(dotenv) => dotenv,
            Err(error) => return Ok(Err(error)),
        };
        let mut variables = HashMap::new();
        for name in VARIABLES.iter().map(|variable| variable.name) {
            let set: Option<String> = environ.call_method1("get", (name,))?.extract()?;
            if let Some(value) = set.or_else(|| dotenv.get(name)) {
                variables.insert(name, value);
            }
        }
        Ok(Ok(Self(variables)))
    }

    /// What they mean.
    pub fn config(&self) -> Result<Config> {
        Config::from_lookup(|name| self.0.get(name).cloned())
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
