//! Whom TLS trusts, and what is said when a certificate does not verify.

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

/// What to do when a certificate is good at another time.
const CLOCK: &str = "Check the date and time of this machine.";

/// What to do when the certificates to trust are not the right ones.
const OWN_AUTHORITY: &str = "If a proxy or gateway of your company answers in PagerDuty's place, set SSL_CERT_FILE to a PEM file with the \
                             certificate of its authority.";

/// The certificate authorities in force, in words for `doctor`.
#[derive(Debug, PartialEq, Eq)]
pub enum Roots {
    /// None: the host is spoken to without TLS.
    None,
    /// Those of the operating system.
    System,
    /// Those of Mozilla, compiled in, since the system has none.
    Mozilla,
    /// So many that the settings name.
    Named(usize),
}

/// The client's side of TLS. Offers HTTP/2 and HTTP/1.1.
pub fn config(settings: &Settings) -> Result<ClientConfig> {
    load(settings).map(|(config, roots)| {
        if roots == Roots::Mozilla {
            tracing::warn!("the system has no CA certificates: Mozilla's, as of this build, are used");
        }
        config
    })
}

/// Whom TLS would trust.
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

/// The operating system's way of verifying, if it trusts anybody at all.
fn system(provider: Arc<CryptoProvider>) -> Option<Verifier> {
    Verifier::new(provider).inspect_err(|error| tracing::debug!(%error, "no CA certificates in the system")).ok()
}

/// The authorities that the settings name.
fn named(trust: &Trust) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    if let Some(file) = &trust.file {
        let found = read(file).map_err(|why| unusable(SSL_CERT_FILE, file, &why))?;
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
        // What else lies there, such as revocation lists, is nothing to complain about.
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

/// The certificates of a PEM file, without sections that make no sense.
fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = fs::read(file).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(CertificateDer::pem_slice_iter(&bytes).flatten().collect())
}

fn unusable(variable: &str, path: &Path, why: &str) -> Error {
    Error::new(Code::InvalidConfiguration, format!("{variable} is {:?}: {why}", path.display().to_string())).hint(
        format!(
            "Set {variable} to CA certificates in PEM, or unset {SSL_CERT_FILE} and {SSL_CERT_DIR} to use the system's."
        ),
    )
}

/// What is wrong with the certificate that a host showed, and what to do; `None` for another failure.
pub fn untrusted(error: &reqwest::Error) -> Option<(String, String)> {
    let Some(rustls::Error::InvalidCertificate(why)) = chain(error).find_map(in_tls) else { return None };
    Some(match why {
        // The other is what one of the same name as a trusted one leads to, such as a renewed one.
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

/// The TLS error that an error is. An I/O error is not the source of what it wraps, it stands for it; and several may be
/// around each other.
fn in_tls<'e>(mut error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref()
}
