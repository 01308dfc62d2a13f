//! The options of the HTTP transport.

use std::time::Duration;

/// The default of [`HttpOptions::max_calls`].
pub const MAX_CALLS: u32 = 1024;

/// The default of [`HttpOptions::max_calls_per_credential`].
pub const MAX_CALLS_PER_CREDENTIAL: u32 = 64;

/// The default of [`HttpOptions::read_timeout`], in seconds.
pub const READ_TIMEOUT_SECS: u32 = 10;

/// The default of [`HttpOptions::idle_timeout`], in seconds.
pub const IDLE_TIMEOUT_SECS: u32 = 75;

/// The default of [`HttpOptions::drain`] for a server that other machines can reach, in seconds.
pub const DRAIN_SECS: u32 = 5;

/// The options of the HTTP transport. The default listens on this machine only.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct HttpOptions {
    /// The name or address to listen on.
    pub host: String,
    /// The port; 0 takes any free one.
    pub port: u16,
    /// Names that `Host` may have besides those of this machine and the address that is listened on: `name` or
    /// `name:port`.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may send requests. Pages of this machine may, too, when the server listens there only.
    pub allowed_origins: Vec<String>,
    /// Set if callers on other machines may use the server's own credential.
    pub shared_credential: bool,
    /// Set if every request needs a credential, including requests from this machine.
    pub require_key: bool,
    /// Set if `initialize` opens a session.
    pub sessions: bool,
    /// The most concurrent requests.
    pub max_calls: usize,
    /// The most concurrent requests of one credential.
    pub max_calls_per_credential: usize,
    /// The most time that a body may take to arrive, and that a client may leave an answer unread.
    pub read_timeout: Duration,
    /// The most time that a connection may be open without the complete head of a request.
    pub idle_timeout: Duration,
    /// The time between the report that the server shuts down and the end of new connections. By default it is 5 s if
    /// other machines can reach the server, and none otherwise.
    pub drain: Option<Duration>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8000,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            shared_credential: false,
            require_key: false,
            sessions: false,
            max_calls: MAX_CALLS as usize,
            max_calls_per_credential: MAX_CALLS_PER_CREDENTIAL as usize,
            read_timeout: Duration::from_secs(READ_TIMEOUT_SECS.into()),
            idle_timeout: Duration::from_secs(IDLE_TIMEOUT_SECS.into()),
            drain: None,
        }
    }
}
