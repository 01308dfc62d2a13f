//! The type of a resource.

/// A kind of object, with its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// The name in messages: "escalation policy".
    pub noun: &'static str,
    /// The envelope key of a single object: `escalation_policy`.
    pub one: &'static str,
    /// The envelope key of a list, which is also the key in the answers of tools: `escalation_policies`.
    pub many: &'static str,
    /// The parts of a path before the ID, in the addresses of an object's web page and of the object itself in the API.
    pub pages: &'static [&'static str],
}
