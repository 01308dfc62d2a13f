//! Entries in the operating system's keyring, in the places that Python's `keyring` reads and writes.
//!
//! | System | Python writes | Here |
//! |---|---|---|
//! | Linux (Secret Service) | an item with the attributes `service`, `username` and `application` = "Python keyring library"; it searches by `service` and `username` | the same three |
//! | macOS (Keychain) | a generic password with service and account | the same |
//! | Windows (Credential Manager) | the entry written last under the target `SERVICE`, those before under `NAME@SERVICE` | `SERVICE` if it holds the name, else `NAME@SERVICE` |
//!
//! `application` matters although it is not searched by: Python replaces an item only if all three are equal, and would
//! otherwise add a second one.
//!
//! The keyring is opened for each use, which takes milliseconds, so that one that was locked, absent or restarted is found
//! again. Everything here blocks until the user unlocks the keyring.

use keyring_core::{Entry, Error as Failure};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{API_TOKEN, TOKEN_STORE};
use crate::error::{Code, Error, Result};

const SERVICE: &str = "pagerduty_mcp_server";

/// The value of an entry.
pub fn get(name: &str) -> Result<Option<SecretString>> {
    let value = platform::entry(name).and_then(|entry| match entry.get_password() {
        Err(Failure::Ambiguous(found)) => platform::choose(&found).ok_or(Failure::NoEntry)?.get_password(),
        value => value,
    });
    match value {
        Ok(value) => Ok(Some(value.into())),
        Err(Failure::NoEntry) => Ok(None),
        Err(failure) => Err(unusable(&failure)),
    }
}

/// Sets an entry, replacing those of either program.
pub fn set(name: &str, value: &SecretString) -> Result<()> {
    let write = || {
        let entry = platform::entry(name)?;
        match entry.set_password(value.expose_secret()) {
            Err(Failure::Ambiguous(found)) => {
                // It is unknown which of them is current, and both are about to be replaced.
                found.iter().try_for_each(Entry::delete_credential)?;
                entry.set_password(value.expose_secret())?;
            }
            outcome => outcome?,
        }
        if let Err(failure) = platform::mark(&entry) {
            tracing::debug!(%failure, name, "the keyring entry is written, but not marked for Python's keyring");
        }
        Ok(())
    };
    write().map_err(|failure: Failure| unusable(&failure))
}

/// Removes an entry with its duplicates, and returns whether there was one.
pub fn delete(name: &str) -> Result<bool> {
    let mut removed = false;
    // On Windows there may be two places. On other systems the second round finds nothing.
    for _ in 0..2 {
        match platform::entry(name).and_then(|entry| entry.delete_credential()) {
            Ok(()) => removed = true,
            Err(Failure::NoEntry) => break,
            Err(Failure::Ambiguous(found)) => {
                found.iter().try_for_each(Entry::delete_credential).map_err(|failure| unusable(&failure))?;
                removed = true;
            }
            Err(failure) => return Err(unusable(&failure)),
        }
    }
    Ok(removed)
}

/// Returns the error for a failure of the keyring, whose message contains no values of entries.
fn unusable(failure: &Failure) -> Error {
    Error::new(Code::TokenStoreUnavailable, format!("the system's keyring cannot be used: {failure}")).hint(format!(
        "Unlock or start the keyring, then try again. On a machine without one (a server, a container), set {API_TOKEN} \
         instead, or {TOKEN_STORE}=file to keep the login in a file that only you can read."
    ))
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::collections::HashMap;

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Result};

    use super::SERVICE;

    /// The attribute that Python's `keyring` adds to an item, and compares when it replaces one.
    const APPLICATION: (&str, &str) = ("application", "Python keyring library");

    pub fn entry(name: &str) -> Result<Entry> {
        let store = zbus_secret_service_keyring_store::Store::new()?;
        let label = format!("Password for '{name}' on '{SERVICE}'");
        store.build(SERVICE, name, Some(&HashMap::from([("label", label.as_str())])))
    }

    pub fn mark(entry: &Entry) -> Result<()> {
        entry.update_attributes(&HashMap::from([APPLICATION]))
    }

    pub fn choose(found: &[Entry]) -> Option<&Entry> {
        let marked = |entry: &&Entry| {
            entry.get_attributes().is_ok_and(|all| all.get(APPLICATION.0).is_some_and(|value| value == APPLICATION.1))
        };
        found.iter().find(marked).or_else(|| found.first())
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Result};

    use super::SERVICE;

    pub fn entry(name: &str) -> Result<Entry> {
        apple_native_keyring_store::keychain::Store::new()?.build(SERVICE, name, None)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other systems' form")]
    pub fn mark(_: &Entry) -> Result<()> {
        Ok(())
    }

    pub fn choose(found: &[Entry]) -> Option<&Entry> {
        found.first()
    }
}

#[cfg(windows)]
mod platform {
    use std::collections::HashMap;

    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error, Result};

    use super::SERVICE;

    pub fn entry(name: &str) -> Result<Entry> {
        let store = windows_native_keyring_store::Store::new_with_configuration(&HashMap::from([("divider", "@")]))?;
        // Python stores the entry that it wrote last under the bare service.
        let last = store.build(SERVICE, name, Some(&HashMap::from([("target", SERVICE)])))?;
        match last.get_attributes() {
            Ok(attributes) if attributes.get("username").is_some_and(|user| user == name) => Ok(last),
            Ok(_) | Err(Error::NoEntry) => store.build(SERVICE, name, None),
            Err(error) => Err(error),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other systems' form")]
    pub fn mark(_: &Entry) -> Result<()> {
        Ok(())
    }

    pub fn choose(found: &[Entry]) -> Option<&Entry> {
        found.first()
    }
}
