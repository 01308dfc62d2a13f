//! The names under which a server is asked, and the pages that ask.
//!
//! A web page can make a browser send requests to a server on this machine, and by DNS rebinding can read the answers: the
//! page's name then leads to this server. Two headers that a page cannot choose tell of it: `Host` has the name, `Origin`
//! the page.

use std::net::IpAddr;

use axum::http::uri::Authority;
use url::Url;

/// A host, with a port if one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// In lower case, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

impl Name {
    /// Reads the value of a `Host` header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Splits off user names, which no `Host` has, and would take `evil@localhost` for localhost.
        let authority: Authority = (!text.contains('@')).then(|| text.parse().ok()).flatten()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
        // A port that is none, or out of range, is not the absence of one.
        let port = port.map(str::parse).transpose().ok()?;
        // Names, addresses: nothing that would only seem to be a pattern.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        (!host.is_empty() && host.bytes().all(plain)).then_some(Self { host, port })
    }

    /// Whether it is a name of this machine that leads nowhere else.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// An origin, as scheme, host and port in the one way of writing them (RFC 6454, section 6.2). `null` is none.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let origin = url.origin();
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    (origin.is_tuple() && bare && url.username().is_empty()).then(|| origin.ascii_serialization())
}

/// Whether an origin, as [`origin`] writes it, is a page that this machine serves.
#[must_use]
pub fn is_local_page(origin: &str) -> bool {
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    Name::parse(host).is_some_and(|name| name.is_loopback())
}
