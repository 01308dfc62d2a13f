//! Opens the login page in a browser.
//!
//! The URL is always printed to standard error as well: the browser may be on another machine, or there may be none.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::config::{API_TOKEN, Browser, CLIENT_SECRET, USER_API_KEY};

/// Opens `url`, a page that redirects to `port` on this machine. Never fails: without a browser, the printed URL remains.
pub fn open(url: &str, port: u16, browser: &Browser) {
    // Standard output belongs to the protocol.
    let _ = writeln!(
        io::stderr(),
        "To log in to PagerDuty, open this page in a browser:\n\n  {url}\n\n\
         If the browser is on another machine, forward the callback port first: ssh -L {port}:localhost:{port} …\n"
    );
    match browser {
        Browser::Function(open) => open(url),
        Browser::System(commands) => {
            if !commands_for(commands.as_deref(), url).into_iter().any(|command| start(&command)) {
                tracing::info!("no browser could be started");
            }
        }
    }
}

/// Returns the commands to try, in order, each with its arguments.
fn commands_for(browser: Option<&str>, url: &str) -> Vec<Vec<String>> {
    let separator = if cfg!(windows) { ';' } else { ':' };
    let chosen = browser.unwrap_or_default().split(separator).map(words).filter(|words| !words.is_empty());
    let mut commands: Vec<Vec<String>> = chosen
        .map(|mut words| {
            if words.iter().any(|word| word.contains("%s")) {
                for word in &mut words {
                    *word = word.replace("%s", url);
                }
            } else {
                words.push(url.to_owned());
            }
            words
        })
        .collect();
    if commands.is_empty() {
        let system: &[&str] = if cfg!(windows) {
            &["rundll32", "url.dll,FileProtocolHandler"]
        } else if cfg!(target_os = "macos") {
            &["open"]
        } else {
            &["xdg-open"]
        };
        commands.push(system.iter().copied().chain([url]).map(str::to_owned).collect());
    }
    commands
}

/// Splits a command into words as a shell does, with quotes: paths of browsers often have spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None::<char>);
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// <https://learn.microsoft.com/windows/win32/procthread/process-creation-flags>
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// Starts a command without a shell, and does not wait for it: some browsers run until they are closed.
fn start(command: &[String]) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let mut command = Command::new(program);
    // A separate process group, so that Ctrl-C at the terminal does not end the browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NEW_PROCESS_GROUP);
    let child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Secrets that a browser does not need.
        .env_remove(API_TOKEN)
        .env_remove(USER_API_KEY)
        .env_remove(CLIENT_SECRET)
        .spawn();
    match child {
        Ok(mut child) => {
            // Without this the ended process would remain as a zombie.
            let _ = thread::Builder::new().name("browser".to_owned()).spawn(move || child.wait());
            true
        }
        Err(error) => {
            tracing::debug!(program, %error, "this browser cannot be started");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_variable_is_used() {
        let of = |browser: &str| commands_for(Some(browser), "http://x/?a=1&b=2");
        assert_eq!(of("firefox"), [["firefox", "http://x/?a=1&b=2"]]);
        assert_eq!(of("lynx -x %s -y"), [["lynx", "-x", "http://x/?a=1&b=2", "-y"]]);
        assert_eq!(of("'/My Apps/b' \"--a b\"")[0], ["/My Apps/b", "--a b", "http://x/?a=1&b=2"]);
        if !cfg!(windows) {
            assert_eq!(
                of("w3m:firefox -new"),
                [vec!["w3m", "http://x/?a=1&b=2"], vec!["firefox", "-new", "http://x/?a=1&b=2"]]
            );
        }
        assert_eq!(of(" "), commands_for(None, "http://x/?a=1&b=2"));
    }

    #[test]
    fn missing_browser_is_skipped() {
        assert!(!start(&["no-such-browser-anywhere".to_owned()]));
        assert!(!start(&[]));
    }
}
