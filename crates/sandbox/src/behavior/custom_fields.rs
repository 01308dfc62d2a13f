//! Custom fields of incidents: <https://developer.pagerduty.com/api-reference/d7e1e8bde8a17-get-custom-field-values>.

use serde_json::{Value, json};

use super::changes::{Change, Record};
use crate::account::{Account, Incident};
use crate::call::Call;
use crate::reply::{self, Answer, OrNotFound, Problem};

/// A custom field of the company.
#[derive(Debug)]
pub struct CustomField {
    pub id: &'static str,
    pub name: &'static str,
    display_name: &'static str,
    description: &'static str,
    pub data_type: &'static str,
    field_type: &'static str,
    /// The values of a field whose type is fixed.
    pub options: &'static [&'static str],
}

impl CustomField {
    pub fn is_list(&self) -> bool {
        self.field_type.starts_with("multi")
    }
}

pub const FIELDS: &[CustomField] = &[
    CustomField {
        id: "PCF0ENV",
        name: "environment",
        display_name: "Environment",
        description: "Where the incident occurred",
        data_type: "string",
        field_type: "single_value_fixed",
        options: &["production", "staging", "development"],
    },
    CustomField {
        id: "PCF0REG",
        name: "regions",
        display_name: "Affected Regions",
        description: "The regions whose customers notice it",
        data_type: "string",
        field_type: "multi_value_fixed",
        options: &["eu-west-1", "us-east-1", "ap-southeast-2"],
    },
    CustomField {
        id: "PCF0CUS",
        name: "customers_affected",
        display_name: "Customers Affected",
        description: "An estimate",
        data_type: "integer",
        field_type: "single_value",
        options: &[],
    },
    CustomField {
        id: "PCF0TIC",
        name: "ticket",
        display_name: "Ticket",
        description: "The ticket about it",
        data_type: "url",
        field_type: "single_value",
        options: &[],
    },
];

/// Answers `GET /incidents/{id}/custom_fields/values`.
pub fn list(account: &Account, call: &Call) -> Answer {
    let incident = account.incident_by_id_or_number(&call.id).or_404()?;
    reply::one("custom_fields", &shown(incident))
}

/// Answers `PUT /incidents/{id}/custom_fields/values`. Fields that are not given are unchanged.
pub fn update(account: &mut Account, call: &Call) -> Answer {
    let by = call.actor(account)?;
    account.incident(&call.id).or_404()?;
    let body = call.body()?;
    let given = body.get("custom_fields").and_then(Value::as_array);
    let given = given.ok_or_else(|| Problem::invalid("Custom fields cannot be empty."))?;
    let custom_fields = given.iter().map(read).collect::<Result<_, Problem>>()?;
    let change = Change { custom_fields, ..Change::default() };
    account.perform(Record { at: account.clock.now(), by, incident: call.id.clone(), change })?;
    reply::one("custom_fields", &shown(account.incident(&call.id).or_404()?))
}

/// Returns the name and the new value of a field in a request.
fn read(given: &Value) -> Result<(String, Value), Problem> {
    let key = |name: &str| given.get(name).and_then(Value::as_str);
    let mut fields = FIELDS.iter();
    let field = fields.find(|field| key("id") == Some(field.id) || key("name") == Some(field.name));
    let field = field.ok_or_else(|| Problem::invalid("Custom Field Not Found"))?;
    let value = given.get("value").cloned().unwrap_or_default();
    let is_one = |value: &Value| match field.data_type {
        "integer" => value.is_i64(),
        _ => value.as_str().is_some_and(|text| field.options.is_empty() || field.options.contains(&text)),
    };
    let is_valid = match &value {
        Value::Null => true,
        Value::Array(values) => field.is_list() && values.iter().all(is_one),
        value => !field.is_list() && is_one(value),
    };
    if is_valid {
        Ok((field.name.to_owned(), value))
    } else {
        Err(Problem::invalid(format!("{} cannot be {value}.", field.display_name)))
    }
}

/// Returns the fields of an incident with their values. A field without a value is null.
pub fn shown(incident: &Incident) -> Value {
    let field = |field: &CustomField| {
        json!({
            "id": field.id,
            "type": "field_value",
            "name": field.name,
            "display_name": field.display_name,
            "description": field.description,
            "data_type": field.data_type,
            "field_type": field.field_type,
            "value": incident.custom_fields.get(field.name),
        })
    };
    FIELDS.iter().map(field).collect()
}
