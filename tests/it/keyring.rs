//! Tests of a keyring that waits for a person who is not there: every command reports it within its time limit, and
//! none hangs.
//!
//! The stand-in is a D-Bus socket that accepts connections and never answers.
#![cfg(all(unix, not(target_os = "macos")))]

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use pagerduty_mcp_server::sandbox::{Options, Sandbox};

use crate::support::binary;

/// The time limit, and the additional time of a process on a busy machine.
const BOUND: Duration = Duration::from_secs(10);
const LEEWAY: Duration = Duration::from_secs(20);

/// Listens at `path`, and keeps every connection open without answering.
fn silent_bus(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        listener.incoming().for_each(|connection| open.push(connection));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_report_unresponsive_keyring() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bus = folder.path().join("bus");
    silent_bus(&bus);
    let start = |arguments: &[&str]| {
        binary()
            .args(arguments)
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path())
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", bus.display()))
            .env("PAGERDUTY_API_HOST", sandbox.url())
            .env("PAGERDUTY_CLIENT_ID", "a-client")
            .env("PAGERDUTY_IDENTITY_HOST", sandbox.url())
            .env("BROWSER", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let began = Instant::now();
    let commands: [&[&str]; 6] = [
        &["call", "get_teams"],
        &["auth", "status"],
        &["auth", "status", "--json"],
        &["auth", "login"],
        &["auth", "logout"],
        &["doctor", "--json"],
    ];
    let running = commands.map(|arguments| (arguments, start(arguments)));
    for (arguments, child) in running {
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains("did not answer within 10 s: it is probably locked"), "{arguments:?}: {text}");
        assert!(text.contains("Unlock the keyring in its window"), "{arguments:?}: {text}");
    }
    let took = began.elapsed();
    assert!(took >= BOUND && took < BOUND + LEEWAY, "{took:?}");
}
