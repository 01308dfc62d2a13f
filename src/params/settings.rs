//! Names with values.

use serde_json::Value;

use super::{Form, Param, Texts, invalid};
use crate::error::{Code, Error, Result};

/// Names with values as texts: a list like `environment=production`, or an object. An empty value removes one.
#[derive(Clone, Debug)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// Returns the names with their values.
    #[must_use]
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}

impl Param for Settings {
    const FORM: Form = Form::List(&[]);
    const REQUIRED: bool = false;

    fn decode(name: &'static str, value: &Value) -> Result<Self> {
        let written = value.as_str().filter(|text| text.trim_start().starts_with('{'));
        let written: Option<Value> = written.and_then(|text| serde_json::from_str(text).ok());
        if let Value::Object(object) = written.as_ref().unwrap_or(value) {
            let settings = object.iter().map(|(key, value)| Some((key.trim().to_owned(), text(value)?)));
            let settings = settings.collect::<Option<_>>().map(Self);
            return settings
                .ok_or_else(|| invalid(name, value, "names with texts, like {\"environment\": \"production\"}"));
        }
        let setting = |line: &String| {
            let (key, value) = line.split_once('=').filter(|(key, _)| !key.trim().is_empty()).ok_or_else(|| {
                Error::new(Code::InvalidParameter, format!("{name} has {line:?}, which is not name=value"))
                    .hint("Write each like environment=production; an empty value clears the field.")
            })?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        };
        let settings = Texts::decode(name, value)?.as_slice().iter().map(setting).collect::<Result<Vec<_>>>()?;
        for (place, (key, _)) in settings.iter().enumerate() {
            if settings.iter().skip(place + 1).any(|(other, _)| other == key) {
                return Err(Error::new(Code::ConflictingParameters, format!("{name} sets {key:?} twice"))
                    .hint("Pass one value. The values of a list are separated by commas."));
            }
        }
        Ok(Self(settings))
    }

    fn absent(_: &'static str) -> Result<Self> {
        Ok(Self(Vec::new()))
    }

    fn is_given(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Returns a value as a text: the parts of a list are separated by commas.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(parts) => Some(parts.iter().map(text).collect::<Option<Vec<_>>>()?.join(",")),
        Value::Object(_) => None,
    }
}
