//! Custom fields of incidents: texts as values of their types.

use serde_json::Value;

use crate::client::CUSTOM;
use crate::error::{Code, Error, Result};
use crate::receipts::Fields;

/// Returns custom fields with values of their types.
pub fn typed(custom: &[(String, String)], state: &Fields) -> Result<Fields> {
    let types = state.get("field_types").and_then(Value::as_object);
    let known: Vec<_> = types.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let field = |(name, text): &(String, String)| {
        let unknown = || {
            let hint = if known.is_empty() {
                "The incident has no custom fields.".to_owned()
            } else {
                format!("Its custom fields: {}.", known.join(", "))
            };
            Error::new(Code::InvalidParameter, format!("fields names {name:?}, which the incident does not have"))
                .hint(hint)
        };
        let kind = types.and_then(|types| types.get(name)).and_then(Value::as_str).ok_or_else(unknown)?;
        let (kind, is_list) = kind.strip_prefix("list of ").map_or((kind, false), |kind| (kind, true));
        let one = |text: &str| match kind {
            "integer" => text.parse::<i64>().ok().map(Value::from),
            "float" => text.parse::<f64>().ok().map(Value::from),
            "boolean" => text.parse::<bool>().ok().map(Value::from),
            _ => Some(text.into()),
        };
        let value = match (text.is_empty(), is_list) {
            (true, _) => Some(Value::Null),
            (false, true) => text.split(',').map(|part| one(part.trim())).collect::<Option<Value>>(),
            (false, false) => one(text),
        };
        let value = value.ok_or_else(|| {
            Error::new(Code::InvalidParameter, format!("fields sets {name} to {text:?}, which is not of type {kind}"))
                .hint("Write it like customers_affected=42 or resolved_early=true.")
        })?;
        Ok((format!("{CUSTOM}{name}"), value))
    };
    custom.iter().map(field).collect()
}
