//! The text form of faults, for the command line: `--sandbox-faults "2% reset; GET /incidents status=503 x3; delay=50"`.
//!
//! Entries are separated by `;`. An entry has these parts in this order, all but the kind optional: the probability (`2%`),
//! the method, the path (as in [`Fault::path`]), the kind with its value, and the number of times (`x3`; unlimited without
//! it). `seed=N` makes the random choices repeatable. A text that begins with `[` is a JSON list of [`Fault`]s instead.

use serde_json::Value;

use super::faults::{Fault, FaultKind, final_status, size, wait};

/// The faults from the start, and the seed of the random choices.
#[derive(Clone, Debug, Default)]
pub struct FaultSpec {
    /// The faults, of which the first that matches a request is applied.
    pub faults: Vec<Fault>,
    /// Makes the random choices the same in every run.
    pub seed: Option<u64>,
}

impl FaultSpec {
    /// Parses `2% reset; GET /incidents status=503 x3; delay=50; seed=7` or a JSON list of [`Fault`]s. An entry has the
    /// probability, the method, the path, the kind with its value and the number of times, all but the kind optional.
    ///
    /// # Errors
    /// The entry that is not valid, and the reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            let faults = serde_json::from_str(text).map_err(|error| error.to_string())?;
            return Ok(Self { faults, seed: None });
        }
        let mut spec = Self::default();
        for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.strip_prefix("seed=") {
                Some(seed) => {
                    spec.seed = Some(seed.trim().parse().map_err(|_| format!("{entry:?}: a seed is a whole number"))?);
                }
                None => spec.faults.push(fault(entry).map_err(|why| format!("{entry:?}: {why}"))?),
            }
        }
        Ok(spec)
    }
}

fn fault(entry: &str) -> Result<Fault, String> {
    let mut words = entry.split_whitespace().peekable();
    let chance = words.next_if(|word| word.ends_with('%')).map(chance).transpose()?;
    let method = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_uppercase())).map(str::to_owned);
    let path = words.next_if(|word| word.starts_with(['/', '*'])).unwrap_or("*").to_owned();
    let kind = kind(words.next().ok_or("the kind is missing")?)?;
    let times = words.next().map_or(Ok(u32::MAX), |word| {
        word.strip_prefix('x')
            .and_then(|times| times.parse().ok().filter(|times| *times > 0))
            .ok_or(format!("{word:?} is not a number of times, as x3"))
    })?;
    match words.next() {
        None => Ok(Fault { method, path, times, skip: 0, chance, kind }),
        Some(word) => Err(format!("{word:?} is one too many")),
    }
}

fn chance(word: &str) -> Result<f64, String> {
    let percent = word.trim_end_matches('%').parse::<f64>().ok();
    let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or(format!("{word:?} is not a percentage"))
}

fn kind(word: &str) -> Result<FaultKind, String> {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let number =
        || value.and_then(|value| value.parse::<u64>().ok()).ok_or(format!("{name} needs a number, as {name}=500"));
    let plain = |kind| if value.is_some() { Err(format!("{name} takes no value")) } else { Ok(kind) };
    let milliseconds = || wait(number()?);
    let code = || final_status(number()?);
    match name {
        "status" => Ok(FaultKind::Status { code: code()?, headers: [].into(), body: None }),
        "replaced" => code().map(FaultKind::Replaced),
        "redirect" => {
            let to = value.ok_or("redirect needs a URL, as redirect=http://127.0.0.1:9/")?;
            let headers = [("location".to_owned(), to.to_owned())].into();
            Ok(FaultKind::Status { code: 307, headers, body: Some(String::new()) })
        }
        "limited" => {
            let wait = [("ratelimit-reset".to_owned(), number()?.to_string())];
            Ok(FaultKind::Status { code: 429, headers: wait.into(), body: None })
        }
        "delay" => milliseconds().map(FaultKind::Delay),
        "slow_body" => milliseconds().map(FaultKind::SlowBody),
        "late" => milliseconds().map(FaultKind::Late),
        "bomb" => size(number()?).map(FaultKind::Bomb),
        "wrong_json" => plain(FaultKind::WrongJson(Value::Null)),
        "garbage" => plain(FaultKind::Status { code: 200, headers: [].into(), body: Some("\u{0}\u{1}{".to_owned()) }),
        "html" => plain(FaultKind::Html),
        "empty" => plain(FaultKind::Empty),
        "truncated" => plain(FaultKind::Truncated),
        "reset" => plain(FaultKind::Reset),
        "hang" => plain(FaultKind::Hang),
        "lost_response" => plain(FaultKind::LostResponse),
        _ => Err(format!(
            "there is no kind {name:?}; there are status=CODE, replaced=CODE, redirect=URL, limited=SECONDS, delay=MS, \
             slow_body=MS, late=MS, bomb=MB, html, empty, truncated, reset, hang, lost_response, wrong_json, garbage"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn fault_spec_entries_parse() {
        let spec = FaultSpec::parse("2.5% reset; GET /incidents status=503 x3 ; /users/me delay=50;; seed=7").unwrap();
        let [reset, status, delay] = spec.faults.as_slice() else { panic!("{spec:?}") };
        assert_eq!((reset.chance, reset.path.as_str(), reset.times), (Some(0.025), "*", u32::MAX));
        assert!(matches!(reset.kind, FaultKind::Reset));
        assert_eq!((status.method.as_deref(), status.path.as_str(), status.times), (Some("GET"), "/incidents", 3));
        assert!(matches!(status.kind, FaultKind::Status { code: 503, .. }));
        assert!(matches!(delay.kind, FaultKind::Delay(wait) if wait == Duration::from_millis(50)));
        assert_eq!(spec.seed, Some(7));
        let json = FaultSpec::parse(r#"[{"path": "/teams", "kind": "hang", "chance": 0.5}]"#).unwrap();
        assert_eq!((json.faults[0].times, json.faults[0].chance), (1, Some(0.5)));
    }

    #[test]
    fn fault_spec_has_every_kind() {
        let words = "status=500; replaced=502; redirect=http://127.0.0.1:9/; limited=5; delay=1; slow_body=1; late=1; bomb=65; html; \
                     empty; truncated; reset; hang; lost_response; wrong_json; garbage";
        assert_eq!(FaultSpec::parse(words).unwrap().faults.len(), 16);
    }

    #[test]
    fn fault_spec_invalid_entry_is_named() {
        for (text, part) in [
            ("explode", "there is no kind \"explode\""),
            ("GET /teams", "the kind is missing"),
            ("status", "status needs a number"),
            ("status=99", "between 200 and 599"),
            ("replaced=1000", "between 200 and 599"),
            ("redirect", "redirect needs a URL"),
            ("bomb=20000", "at most 10000 MB"),
            ("delay=86400000", "at most 3600000 ms"),
            ("late=3600001", "at most 3600000 ms"),
            ("reset=1", "takes no value"),
            ("200% reset", "not a percentage"),
            ("reset x0", "not a number of times"),
            ("reset 3", "not a number of times"),
            ("reset x3 now", "one too many"),
            ("seed=x", "whole number"),
            ("[{}]", "missing field"),
        ] {
            let error = FaultSpec::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
