//! The certificate authorities that TLS trusts instead of the system's.

use std::path::PathBuf;

/// The variable for a PEM file of CA certificates.
pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// The variable for folders of PEM files with CA certificates.
pub const SSL_CERT_DIR: &str = "SSL_CERT_DIR";

/// The CA certificates named in the environment by the variables that OpenSSL reads. They are never taken from a `.env`
/// file, which could make TLS trust certificates from its folder for every host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// A file of certificates.
    pub file: Option<PathBuf>,
    /// Folders of such files.
    pub folders: Vec<PathBuf>,
}

impl Trust {
    pub(super) fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Self {
        let folders = get(SSL_CERT_DIR).map(|folders| std::env::split_paths(&folders).collect());
        Self { file: get(SSL_CERT_FILE).map(PathBuf::from), folders: folders.unwrap_or_default() }
    }

    /// Returns whether any file or folder is named. Otherwise the system decides.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.file.is_some() || !self.folders.is_empty()
    }
}
