//! Finds the operation of a method and a path.

use crate::{Operation, Reference};

/// The reason why a method and a path are no operation.
#[derive(Debug)]
pub enum Unknown {
    /// The path exists with these other methods.
    Method(Vec<&'static str>),
    /// There is no such path. These are the operations with the most similar ones.
    Path(Vec<&'static Operation>),
    /// A value in the path is not allowed.
    Value {
        /// The name of the placeholder.
        name: &'static str,
        /// The value.
        value: String,
        /// The allowed values, if they are few: `users|teams`.
        allowed: Option<&'static str>,
    },
}

/// The number of similar paths in an error.
const MOST_SIMILAR: usize = 3;

/// The longest value in a path.
const LONGEST_VALUE: usize = 100;

impl Reference {
    /// Finds an operation by its method and path, such as `GET` and `/teams/PABC123`.
    ///
    /// The path may have a final slash. A value in it consists of ASCII letters, digits, `-`, `_` and `.`, so that it cannot
    /// lead to another path.
    pub fn find(&'static self, method: &str, path: &str) -> Result<&'static Operation, Unknown> {
        let given: Vec<_> = path.trim_matches('/').split('/').collect();
        let mut matching: Vec<_> = self.operations.iter().filter(|one| matches(one.path, &given)).collect();
        // `/incidents/types` is not the incident "types".
        let literals = |path: &str| path.split('/').filter(|segment| !segment.starts_with('{')).count();
        let most = matching.iter().map(|one| literals(one.path)).max().unwrap_or_default();
        matching.retain(|one| literals(one.path) == most);
        let Some(first) = matching.first() else { return Err(Unknown::Path(self.similar(method, &given))) };
        for (segment, value) in segments(first.path).zip(&given) {
            let Some(name) = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else { continue };
            let allowed = first.at.get(name).copied();
            let is_allowed = allowed.is_none_or(|values| values.split('|').any(|one| one == *value));
            if !is_allowed || !is_value(value) {
                return Err(Unknown::Value { name, value: (*value).to_owned(), allowed });
            }
        }
        let of_method = matching.iter().find(|one| one.method.eq_ignore_ascii_case(method));
        of_method.copied().ok_or_else(|| Unknown::Method(matching.iter().map(|one| one.method).collect()))
    }

    /// Returns the operations whose paths are the most similar ones.
    fn similar(&'static self, method: &str, given: &[&str]) -> Vec<&'static Operation> {
        let score = |one: &Operation| {
            let of_segment = |(segment, given): (&str, &&str)| {
                if segment.starts_with('{') { 0.8 } else { strsim::jaro_winkler(segment, given) }
            };
            let similar: f64 = segments(one.path).zip(given).map(of_segment).sum();
            let difference = segments(one.path).count().abs_diff(given.len());
            let of_method = if one.method.eq_ignore_ascii_case(method) { 0.1 } else { 0.0 };
            similar + of_method - f64::from(u32::try_from(difference).unwrap_or(u32::MAX))
        };
        let mut all: Vec<_> = self.operations.iter().collect();
        all.sort_by(|one, other| score(other).total_cmp(&score(one)));
        all.truncate(MOST_SIMILAR);
        all
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_matches('/').split('/')
}

fn matches(path: &str, given: &[&str]) -> bool {
    let is_same = |(segment, given): (&str, &&str)| segment.starts_with('{') || segment == *given;
    segments(path).count() == given.len() && segments(path).zip(given).all(is_same)
}

fn is_value(value: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !value.is_empty() && value.len() <= LONGEST_VALUE && value.bytes().all(is_allowed) && !value.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Result<&'static str, Unknown> {
        Reference::get().find(method, path).map(|operation| operation.id)
    }

    #[test]
    fn every_operation_is_found_by_its_path() {
        for operation in Reference::get().operations() {
            let value = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    operation.at.get(name).map_or("PABC123", |allowed| allowed.split('|').next().unwrap()).into()
                }
                None => segment.to_owned(),
            };
            let path: Vec<_> = operation.path.split('/').map(value).collect();
            assert_eq!(found(operation.method, &path.join("/")).unwrap(), operation.id, "{}", operation.path);
        }
    }

    #[test]
    fn literal_segment_wins_over_placeholder() {
        assert_eq!(found("get", "/incidents/types/").unwrap(), "listIncidentTypes");
        assert_eq!(found("GET", "incidents/PABC123").unwrap(), "getIncident");
    }

    #[test]
    fn value_that_leads_elsewhere_is_refused() {
        for path in
            ["/incidents/..", "/incidents/%2e%2e", "/incidents/a?b", "/incidents/a b", "/incidents/é", "/incidents/"]
        {
            let result = found("GET", path);
            let is_list = path == "/incidents/" && matches!(result, Ok("listIncidents"));
            assert!(is_list || matches!(result, Err(Unknown::Value { name: "id", .. })), "{path}: {result:?}");
        }
    }

    #[test]
    fn unknown_entity_type_names_the_allowed_ones() {
        let error = found("GET", "/services/PABC123/tags").unwrap_err();
        let Unknown::Value { name, allowed, .. } = error else { panic!("{error:?}") };
        assert_eq!((name, allowed), ("entity_type", Some("users|teams|escalation_policies")));
    }

    #[test]
    fn unknown_method_names_the_others() {
        let error = found("DELETE", "/incidents/PABC123").unwrap_err();
        assert!(matches!(&error, Unknown::Method(methods) if methods == &["GET", "PUT"]), "{error:?}");
    }

    #[test]
    fn misspelled_path_brings_similar_ones() {
        let error = found("GET", "/incident/PABC123/alert").unwrap_err();
        let Unknown::Path(similar) = error else { panic!("{error:?}") };
        assert_eq!(similar[0].id, "listIncidentAlerts");
    }
}
