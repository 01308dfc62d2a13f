//! What every HTTP client of ours has in common: that of the API, and that of the login.

/// The beginning of a client. `plain` says that it talks to this machine without TLS.
pub fn builder(plain: bool) -> reqwest::ClientBuilder {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("pagerduty-mcp-server/", env!("CARGO_PKG_VERSION")))
        // A redirect could carry a secret elsewhere, and PagerDuty's hosts have none.
        .redirect(reqwest::redirect::Policy::none());
    // A proxy would see the secret, and could not reach this machine's loopback anyhow.
    if plain { builder.no_proxy() } else { builder }
}

/// The innermost reason of a failure, which is the one that helps: reqwest's own text only says which stage failed. Without
/// the URL.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason: &dyn std::error::Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
