//! The certificate authorities that TLS trusts instead of the system's.

use std::path::PathBuf;

use super::table::typed;
use crate::error::Result;

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
    pub(super) fn from_lookup(get: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        Ok(Self { file: typed::SSL_CERT_FILE.read(get)?, folders: typed::SSL_CERT_DIR.read(get)?.unwrap_or_default() })
    }

    /// Returns whether any file or folder is named. Otherwise the system decides.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.file.is_some() || !self.folders.is_empty()
    }
}

/// Reads a path.
#[expect(clippy::unnecessary_wraps, reason = "parsers of other settings return errors")]
pub(super) fn path(_: &'static str, value: &str) -> Result<PathBuf> {
    Ok(PathBuf::from(value))
}

/// Reads a list of paths.
#[expect(clippy::unnecessary_wraps, reason = "parsers of other settings return errors")]
pub(super) fn paths(_: &'static str, value: &str) -> Result<Vec<PathBuf>> {
    Ok(std::env::split_paths(value).collect())
}
