//! Makes Python objects of the JSON text of an answer, in one pass.
//!
//! Separate for the same reason as `pagerduty_rows`: every byte of an answer passes through it, so it is compiled for speed.

use std::fmt;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// The number of names that are remembered at the same time. The rows of a list have far fewer.
const SLOTS: usize = 64;

/// Returns the object of a JSON text.
pub fn object<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    let mut state = State { py, names: [const { None }; SLOTS], failure: None };
    let read = Value(&mut state).deserialize(&mut serde_json::Deserializer::from_str(json));
    read.map_err(|error| state.failure.unwrap_or_else(|| PyValueError::new_err(error.to_string())))
}

struct State<'de, 'py> {
    py: Python<'py>,
    /// The strings of names, which all rows share, by [`slot`].
    names: [Option<(&'de str, Bound<'py, PyString>)>; SLOTS],
    /// The exception behind an error of the parser.
    failure: Option<PyErr>,
}

impl<'de, 'py> State<'de, 'py> {
    /// Turns an exception into an error of the parser.
    fn made<T, E: Error>(&mut self, made: PyResult<T>) -> Result<T, E> {
        made.map_err(|exception| {
            self.failure = Some(exception);
            E::custom("an object cannot be made")
        })
    }

    /// Returns the string of a name: the remembered one, whose hash Python has already computed, or a new one.
    fn name(&mut self, name: &'de str) -> Bound<'py, PyString> {
        let slot = self.names.get_mut(slot(name));
        if let Some(Some((known, string))) = &slot
            && *known == name
        {
            return string.clone();
        }
        let string = PyString::new(self.py, name);
        if let Some(slot) = slot {
            *slot = Some((name, string.clone()));
        }
        string
    }
}

/// Returns the slot of a name, which differs for most names of a row.
fn slot(name: &str) -> usize {
    let name = name.as_bytes();
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default());
    (byte(name.first()) * 7 + byte(name.last()) * 3 + name.len()) % SLOTS
}

/// Any value.
struct Value<'s, 'de, 'py>(&'s mut State<'de, 'py>);

impl<'de, 'py> DeserializeSeed<'de> for Value<'_, 'de, 'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Value<'_, 'de, 'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.0.py.None().into_bound(self.0.py))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        let made = value.into_pyobject(self.0.py).map(|value| value.to_owned().into_any());
        self.0.made(made.map_err(Into::into))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        let made = value.into_pyobject(self.0.py).map(Bound::into_any);
        self.0.made(made.map_err(Into::into))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let made = value.into_pyobject(self.0.py).map(Bound::into_any);
        self.0.made(made.map_err(Into::into))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        let made = value.into_pyobject(self.0.py).map(Bound::into_any);
        self.0.made(made.map_err(Into::into))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0.py, value).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = json.next_element_seed(Value(self.0))? {
            items.push(item);
        }
        let made = PyList::new(self.0.py, items).map(Bound::into_any);
        self.0.made(made)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Self::Value, A::Error> {
        let object = PyDict::new(self.0.py);
        while let Some(name) = json.next_key_seed(Name(self.0))? {
            let value = json.next_value_seed(Value(self.0))?;
            let made = object.set_item(name, value);
            self.0.made(made)?;
        }
        Ok(object.into_any())
    }
}

/// The name of a member.
struct Name<'s, 'de, 'py>(&'s mut State<'de, 'py>);

impl<'de, 'py> DeserializeSeed<'de> for Name<'_, 'de, 'py> {
    type Value = Bound<'py, PyString>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de, 'py> Visitor<'de> for Name<'_, 'de, 'py> {
    type Value = Bound<'py, PyString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(self.0.name(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.0.py, name))
    }
}
