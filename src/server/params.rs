//! Checks the method and the parameters of a request, and explains errors.
//!
//! `rmcp` tries one message type after the other. A request with wrong parameters matches none of them and becomes a
//! "custom" request, which is answered "method not found", and a cursor that is a number is ignored. So the parameters of
//! the served methods are checked here, against the same types. Only their shape is checked: a tool checks its arguments
//! itself, and their errors are tool results.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CompleteRequestParams, ErrorCode, GetPromptRequestParams, InitializeRequestParams,
    PaginatedRequestParams, ReadResourceRequestParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::offer::Offer;
use crate::params::shorten;

/// The name in `_meta` under which a request declares its revision (2026-07-28, "Protocol Version").
pub(super) const REVISION: &str = "io.modelcontextprotocol/protocolVersion";

/// A check of a method's parameters, which returns the error if they are wrong.
type Check = fn(&Value) -> Option<String>;

/// Refuses methods that are not served with -32601, and parameters that do not fit their method with -32602 (2025-11-25,
/// "Error Handling").
pub(super) fn check(method: &str, params: Option<&Value>, offer: Offer) -> Result<(), ErrorData> {
    if served(method, offer).is_none() || removed(method, params) {
        return Err(not_found(method, params, offer));
    }
    match complaint(method, params, offer) {
        Some(complaint) => Err(invalid(method, &complaint)),
        None => Ok(()),
    }
}

/// Returns the answer to a request that `rmcp` could not parse: the wrong parameter, or that the method does not exist.
pub(super) fn explain(method: &str, params: Option<&Value>, offer: Offer) -> ErrorData {
    if served(method, offer).is_none() {
        return not_found(method, params, offer);
    }
    let complaint = complaint(method, params, offer);
    invalid(method, complaint.as_deref().unwrap_or("they cannot be read"))
}

/// Refuses a cursor with -32602 (all revisions, "Pagination"). Lists have one page, so the server never returns a cursor.
pub(super) fn refuse_cursor(params: Option<&PaginatedRequestParams>) -> Result<(), ErrorData> {
    match params.and_then(|params| params.cursor.as_deref()) {
        Some(cursor) => Err(ErrorData::invalid_params(
            format!("invalid cursor {cursor:?}: this list has a single page, request it without a cursor"),
            None,
        )),
        None => Ok(()),
    }
}

/// Returns whether the request is of a revision without this method.
fn removed(method: &str, params: Option<&Value>) -> bool {
    declares_2026(params) && REMOVED.contains(&method)
}

/// Returns whether the request declares 2026-07-28 or later, as every request of that revision does.
pub(super) fn declares_2026(params: Option<&Value>) -> bool {
    let revision = || params?.get("_meta")?.get(REVISION)?.as_str();
    revision() >= Some("2026-07-28")
}

/// Returns an error that names the method and the served methods: many clients show their users only this message.
fn not_found(method: &str, params: Option<&Value>, offer: Offer) -> ErrorData {
    let is_2026 = declares_2026(params);
    let revision = if is_2026 && REMOVED.contains(&method) { " in revision 2026-07-28" } else { "" };
    let methods: Vec<&str> =
        of(offer).map(|(name, ..)| *name).filter(|name| !is_2026 || !REMOVED.contains(name)).collect();
    let message = format!(
        "{} is not supported{revision}: this server offers {} ({})",
        shorten(method),
        offer.describe(),
        methods.join(", ")
    );
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None)
}

/// The served methods that were removed in 2026-07-28 ("Lifecycle").
const REMOVED: &[&str] = &["initialize", "ping"];

/// Whether a method is served.
type Served = fn(Offer) -> bool;

const ALWAYS: Served = |_| true;

/// The methods, each with the check of its parameters.
const METHODS: &[(&str, Served, Check)] = &[
    ("tools/list", ALWAYS, fits::<PaginatedRequestParams>),
    ("tools/call", ALWAYS, fits::<CallToolRequestParams>),
    ("resources/list", ALWAYS, fits::<PaginatedRequestParams>),
    ("resources/templates/list", ALWAYS, fits::<PaginatedRequestParams>),
    ("resources/read", ALWAYS, fits::<ReadResourceRequestParams>),
    ("prompts/list", |offer| offer.prompts, fits::<PaginatedRequestParams>),
    ("prompts/get", |offer| offer.prompts, fits::<GetPromptRequestParams>),
    ("completion/complete", |offer| offer.completions, fits::<CompleteRequestParams>),
    ("server/discover", ALWAYS, |_| None),
    ("initialize", ALWAYS, fits::<InitializeRequestParams>),
    ("ping", ALWAYS, |_| None),
];

/// Returns the methods of a server with these capabilities.
fn of(offer: Offer) -> impl Iterator<Item = &'static (&'static str, Served, Check)> {
    METHODS.iter().filter(move |(_, served, _)| served(offer))
}

fn served(method: &str, offer: Offer) -> Option<Check> {
    of(offer).find(|(name, ..)| *name == method).map(|(.., check)| *check)
}

fn complaint(method: &str, params: Option<&Value>, offer: Offer) -> Option<String> {
    let empty = Value::Object(Map::new());
    let params = match params {
        // Some clients write `null` for absent parameters.
        None | Some(Value::Null) => &empty,
        Some(params @ Value::Object(_)) => params,
        Some(_) => return Some("`params` must be an object".into()),
    };
    match params.get("_meta") {
        None | Some(Value::Null | Value::Object(_)) => served(method, offer)?(params),
        Some(_) => Some("`params._meta` must be an object".into()),
    }
}

fn fits<T: DeserializeOwned>(params: &Value) -> Option<String> {
    // The error's `Display` starts with the path of the wrong value: "arguments: invalid type: sequence, expected a map".
    serde_path_to_error::deserialize::<_, T>(params).err().map(|error| error.to_string())
}

fn invalid(method: &str, complaint: &str) -> ErrorData {
    ErrorData::invalid_params(format!("invalid parameters for {method}: {complaint}"), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_complaint(method: &str, params: &Value, expected: &str) {
        let error = check(method, Some(params), Offer::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
        assert_eq!(error.message, format!("invalid parameters for {method}: {expected}"));
        assert_eq!(explain(method, Some(params), Offer::default()), error, "both checks give the same error");
    }

    #[test]
    fn wrong_parameter_is_named() {
        check_complaint("tools/call", &json!([]), "`params` must be an object");
        check_complaint("tools/call", &json!({}), "missing field `name`");
        check_complaint("tools/call", &json!({"name": 7}), "name: invalid type: integer `7`, expected a string");
        check_complaint(
            "tools/call",
            &json!({"name": "x", "arguments": [1]}),
            "arguments: invalid type: sequence, expected a map",
        );
        check_complaint("tools/list", &json!({"cursor": 7}), "cursor: invalid type: integer `7`, expected a string");
        check_complaint("tools/list", &json!({"_meta": 7}), "`params._meta` must be an object");
        check_complaint("resources/read", &json!(null), "missing field `uri`");
        check_complaint("initialize", &json!({"protocolVersion": "2025-11-25"}), "missing field `capabilities`");
    }

    #[test]
    fn absent_null_and_empty_parameters_are_equal() {
        for params in [None, Some(Value::Null), Some(json!({})), Some(json!({"_meta": null}))] {
            for method in ["ping", "tools/list", "resources/list", "resources/templates/list", "server/discover"] {
                assert_eq!(check(method, params.as_ref(), Offer::default()), Ok(()), "{method} {params:?}");
            }
        }
    }

    #[test]
    fn initialize_is_removed_in_2026() {
        let params = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
        let error = check("initialize", Some(&params), Offer::default()).unwrap_err();
        assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND);
    }

    #[test]
    fn unserved_method_is_named_with_served_ones() {
        let error = check("prompts/get", Some(&json!({"name": 7})), Offer::default()).unwrap_err();
        assert_eq!(
            explain("prompts/get", Some(&json!({"name": 7})), Offer::default()),
            error,
            "both checks give the same error"
        );
        assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND);
        let expected = "prompts/get is not supported: this server offers tools and resources (tools/list, tools/call, \
                        resources/list, resources/templates/list, resources/read, server/discover, initialize, ping)";
        assert_eq!(error.message, expected);
    }

    #[test]
    fn methods_of_announced_capability_are_served() {
        let offer = Offer { prompts: true, completions: false };
        assert_eq!(check("prompts/list", None, offer), Ok(()));
        let error = check("prompts/get", Some(&json!({"name": 7})), offer).unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
        let error = check("tools/uninstall", None, offer).unwrap_err();
        assert!(error.message.contains("tools, resources and prompts (tools/list"), "{}", error.message);
        assert!(error.message.contains("prompts/get"), "{}", error.message);
    }
}
