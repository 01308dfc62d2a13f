//! Several ways to make Python objects from an answer, each timed from the same `serde_json::Value`, the form that the
//! product has.

use pyo3::prelude::*;

#[pymodule]
mod json_to_python {
    use std::collections::HashMap;
    use std::time::Instant;

    use pyo3::exceptions::PyValueError;
    use pyo3::prelude::*;
    use pyo3::types::{PyDict, PyList, PyString};
    use serde_json::Value;

    type Made<'py> = PyResult<Bound<'py, PyAny>>;

    fn text<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        py.import("json")?.call_method1("loads", (value.to_string(),))
    }

    fn pythonized<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        Ok(pythonize::pythonize(py, value)?)
    }

    fn direct<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        build(py, value, &mut |name| PyString::new(py, name))
    }

    fn interned<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        build(py, value, &mut |name| PyString::intern(py, name))
    }

    fn remembered<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        fn go<'v, 'py>(py: Python<'py>, value: &'v Value, names: &mut HashMap<&'v str, Bound<'py, PyString>>) -> Made<'py> {
            Ok(match value {
                Value::Array(items) => {
                    PyList::new(py, items.iter().map(|item| go(py, item, names)).collect::<PyResult<Vec<_>>>()?)?.into_any()
                }
                Value::Object(members) => {
                    let object = PyDict::new(py);
                    for (name, value) in members {
                        let value = go(py, value, names)?;
                        let name = &*names.entry(name).or_insert_with(|| PyString::new(py, name));
                        object.set_item(name, value)?;
                    }
                    object.into_any()
                }
                plain => leaf(py, plain)?,
            })
        }
        go(py, value, &mut HashMap::new())
    }

    /// Like the above, but with a few slots selected by length, first and last byte instead of a hash map.
    fn slotted<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        let mut slots: [Option<Bound<'py, PyString>>; 64] = [const { None }; 64];
        let mut names = [""; 64];
        fn go<'v, 'py>(
            py: Python<'py>,
            value: &'v Value,
            names: &mut [&'v str; 64],
            slots: &mut [Option<Bound<'py, PyString>>; 64],
        ) -> Made<'py> {
            Ok(match value {
                Value::Array(items) => {
                    let items = items.iter().map(|item| go(py, item, names, slots)).collect::<PyResult<Vec<_>>>()?;
                    PyList::new(py, items)?.into_any()
                }
                Value::Object(members) => {
                    let object = PyDict::new(py);
                    for (name, value) in members {
                        let value = go(py, value, names, slots)?;
                        let bytes = name.as_bytes();
                        let ends = usize::from(bytes.first().copied().unwrap_or(0)) * 7
                            + usize::from(bytes.last().copied().unwrap_or(0)) * 3;
                        let slot = (ends + bytes.len()) % 64;
                        if names[slot] != name || slots[slot].is_none() {
                            names[slot] = name;
                            slots[slot] = Some(PyString::new(py, name));
                        }
                        object.set_item(&slots[slot], value)?;
                    }
                    object.into_any()
                }
                plain => leaf(py, plain)?,
            })
        }
        go(py, value, &mut names, &mut slots)
    }

    fn build<'py>(py: Python<'py>, value: &Value, name_of: &mut impl FnMut(&str) -> Bound<'py, PyString>) -> Made<'py> {
        Ok(match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| build(py, item, name_of)).collect::<PyResult<Vec<_>>>()?;
                PyList::new(py, items)?.into_any()
            }
            Value::Object(members) => {
                let object = PyDict::new(py);
                for (name, value) in members {
                    object.set_item(name_of(name), build(py, value, name_of)?)?;
                }
                object.into_any()
            }
            plain => leaf(py, plain)?,
        })
    }

    fn leaf<'py>(py: Python<'py>, value: &Value) -> Made<'py> {
        Ok(match value {
            Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => number.into_pyobject(py)?.into_any(),
                (_, Some(number)) => number.into_pyobject(py)?.into_any(),
                (None, None) => number.as_f64().into_pyobject(py)?,
            },
            Value::String(text) => PyString::new(py, text).into_any(),
            _ => py.None().into_bound(py),
        })
    }

    #[pymodule_export]
    const WAYS: [&str; 6] =
        ["json text", "pythonize", "direct", "direct, names interned", "direct, names in a map", "direct, names in slots"];

    /// Makes the objects `rounds` times. Returns the seconds of each round and the last objects.
    #[pyfunction]
    fn time<'py>(py: Python<'py>, way: &str, answer: &str, times: usize) -> PyResult<(Vec<f64>, Bound<'py, PyAny>)> {
        let make: for<'a> fn(Python<'a>, &Value) -> Made<'a> = match way {
            "json text" => text,
            "pythonize" => pythonized,
            "direct" => direct,
            "direct, names interned" => interned,
            "direct, names in a map" => remembered,
            "direct, names in slots" => slotted,
            _ => return Err(PyValueError::new_err("no such way")),
        };
        let value: Value = serde_json::from_str(answer).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut made = make(py, &value)?;
        let mut seconds = Vec::with_capacity(times);
        for _ in 0..times {
            let start = Instant::now();
            let next = make(py, &value)?;
            seconds.push(start.elapsed().as_secs_f64());
            made = next;
        }
        Ok((seconds, made))
    }
}
