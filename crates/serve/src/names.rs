//! The host names in requests to a server, and the web pages that send them.
//!
//! A web page can make a browser send requests to a server on this machine, and can read the answers by DNS rebinding,
//! where the page's host name resolves to this server. Two headers that a page cannot choose reveal this: `Host` has
//! the name, and `Origin` the page.

use std::net::IpAddr;

use axum::http::uri::Authority;
use url::Url;

/// A host, with a port if one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The host in lower case; an IPv6 address has no brackets.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

impl Name {
    /// Parses the value of a `Host` header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A user name is not allowed in `Host`: with one, `evil@localhost` would be read as localhost.
        let authority: Authority = (!text.contains('@')).then(|| text.parse().ok()).flatten()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
        // An invalid port is an error and not the same as no port.
        let port = port.map(str::parse).transpose().ok()?;
        // Only names and addresses are allowed, so nothing can look like a pattern.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        (!host.is_empty() && host.bytes().all(plain)).then_some(Self { host, port })
    }

    /// Returns whether it is a name of this machine that always resolves to it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Returns an origin in its normal form of scheme, host and port (RFC 6454, section 6.2). `null` is not an origin.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let origin = url.origin();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (origin.is_tuple() && bare && url.username().is_empty()).then(|| origin.ascii_serialization())
}

/// Returns whether an origin, in the form that [`origin`] returns, is a page served by this machine.
#[must_use]
pub fn is_local_page(origin: &str) -> bool {
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    Name::parse(host).is_some_and(|name| name.is_loopback())
}
