//! HTTP to PagerDuty: connections, trusted certificates, and the error text in answers. `client` and `auth` share it.

pub(crate) mod http;
pub(crate) mod tls;
pub(crate) mod words;
