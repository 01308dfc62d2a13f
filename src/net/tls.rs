//! The certificate authorities that TLS trusts, and the messages for certificates that do not verify.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::http::{Settings, chain};
use crate::config::{SSL_CERT_DIR, SSL_CERT_FILE, Trust};
use crate::error::{Code, Error, Result};
use crate::files;

/// The next step when a certificate is valid at another time.
const CLOCK: &str = "Check the date and time of this machine.";

/// The next step when the wrong certificate authorities are trusted.
const OWN_AUTHORITY: &str = "If a proxy or gateway of your company answers in PagerDuty's place, set SSL_CERT_FILE to a PEM file with the \
                             certificate of its authority.";

/// The largest file of certificates that is read. The authorities of a system take less than 1 MB.
const LARGEST: u64 = 16 << 20;

/// The certificate authorities in use, for `doctor`.
#[derive(Debug, PartialEq, Eq)]
pub enum Roots {
    /// None: the host is used without TLS.
    None,
    /// The authorities of the operating system.
    System,
    /// Mozilla's authorities, compiled in, used if the system has none.
    Mozilla,
    /// The number of authorities named in the settings.
    Named(usize),
}

/// Returns the client's TLS configuration, which offers HTTP/2 and HTTP/1.1.
pub fn config(settings: &Settings) -> Result<ClientConfig> {
    load(settings).map(|(config, roots)| {
        if roots == Roots::Mozilla {
            tracing::warn!("the system has no CA certificates: Mozilla's, as of this build, are used");
        }
        config
    })
}

/// Returns the certificate authorities that TLS would trust.
pub fn roots(settings: &Settings) -> Result<Roots> {
    load(settings).map(|(_, roots)| roots)
}

fn load(settings: &Settings) -> Result<(ClientConfig, Roots)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Code::Internal, format!("TLS cannot be set up: {error}")))?;
    let trusting = |store: RootCertStore| builder.clone().with_root_certificates(store).with_no_client_auth();
    let (mut config, roots) = if settings.plain {
        (trusting(RootCertStore::empty()), Roots::None)
    } else if settings.trust.is_given() {
        let store = named(&settings.trust)?;
        let count = store.len();
        (trusting(store), Roots::Named(count))
    } else if let Some(verifier) = system(provider) {
        let builder = builder.clone().dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        (builder.with_no_client_auth(), Roots::System)
    } else {
        (trusting(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()), Roots::Mozilla)
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, roots))
}

/// Returns the operating system's verifier, if the system has any trusted authorities.
fn system(provider: Arc<CryptoProvider>) -> Option<Verifier> {
    Verifier::new(provider).inspect_err(|error| tracing::debug!(%error, "no CA certificates in the system")).ok()
}

/// Returns the authorities named in the settings.
fn named(trust: &Trust) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    if let Some(file) = &trust.file {
        let found = read(file).map_err(|error| unusable(SSL_CERT_FILE, file, &error.to_string()))?;
        if store.add_parsable_certificates(found).0 == 0 {
            return Err(unusable(SSL_CERT_FILE, file, "it holds no certificate in PEM"));
        }
    }
    for folder in &trust.folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a folder of {SSL_CERT_DIR} cannot be read");
                continue;
            }
        };
        // Other files there, such as revocation lists, are ignored.
        let found = entries.flatten().filter_map(|entry| read(&entry.path()).ok()).flatten();
        store.add_parsable_certificates(found);
    }
    match trust.folders.first() {
        Some(folder) if store.is_empty() => {
            Err(unusable(SSL_CERT_DIR, folder, "no file in it holds a certificate in PEM"))
        }
        _ => Ok(store),
    }
}

/// Returns the certificates of a PEM file, skipping unreadable sections.
fn read(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    // Files that were joined may have a byte order mark in front of each part.
    let text = files::read(file, LARGEST)?.replace('\u{feff}', "");
    Ok(CertificateDer::pem_slice_iter(text.as_bytes()).flatten().collect())
}

fn unusable(variable: &str, path: &Path, why: &str) -> Error {
    Error::new(Code::InvalidConfiguration, format!("{variable} is {:?}: {why}", path.display().to_string())).hint(
        format!(
            "Set {variable} to CA certificates in PEM, or unset {SSL_CERT_FILE} and {SSL_CERT_DIR} to use the system's."
        ),
    )
}

/// Returns the fault of the certificate that a host presented and what to do, or `None` for another failure.
pub fn untrusted(error: &reqwest::Error) -> Option<(String, String)> {
    let Some(rustls::Error::InvalidCertificate(why)) = chain(error).find_map(in_tls) else { return None };
    Some(match why {
        // `BadSignature` is reported for an authority that has the name of a trusted one but another key, such as a
        // renewed one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            ("its certificate is not from a trusted certificate authority".to_owned(), OWN_AUTHORITY.to_owned())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "its certificate has expired".to_owned(),
            format!("{CLOCK} If they are right, the host has to renew its certificate."),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its certificate is not valid yet".to_owned(), CLOCK.to_owned())
        }
        CertificateError::NotValidForName => {
            ("its certificate is for another name".to_owned(), format!("Check PAGERDUTY_API_HOST. {OWN_AUTHORITY}"))
        }
        CertificateError::NotValidForNameContext { presented, .. } => (
            format!("its certificate is for other names: {}", presented.join(", ")),
            "Check PAGERDUTY_API_HOST, and whether a proxy or a login page answers in its place.".to_owned(),
        ),
        other => (format!("its certificate does not verify: {other}"), OWN_AUTHORITY.to_owned()),
    })
}

/// Returns the TLS error inside an error. An I/O error does not list the error it wraps as its source, and several may
/// be nested.
fn in_tls<'e>(mut error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref()
}
