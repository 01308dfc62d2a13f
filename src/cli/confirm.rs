//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal};

use super::output;
use crate::tools::{Asker, Asking, Unavailable};

/// The refusal without a terminal.
const NO_TERMINAL: Unavailable = Unavailable {
    why: "standard input is not a terminal",
    hint: "Run the command on a terminal, or without --confirm.",
};

/// Returns the way to the person at the terminal.
pub fn asking() -> Asking {
    if !io::stdin().is_terminal() {
        return Asking::Unavailable(NO_TERMINAL);
    }
    Asking::Within(Asker::new(|text| {
        Box::pin(async move { tokio::task::spawn_blocking(move || is_confirmed(&text)).await.unwrap_or(false) })
    }))
}

fn is_confirmed(text: &str) -> bool {
    output::note(&format!("{text}\nType yes to confirm."));
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).is_ok() && line.trim().eq_ignore_ascii_case("yes")
}
