//! The settings of the embedded account.

use std::path::PathBuf;

use super::oauth::state_dir;
use super::{InFile, Variable, unusable};
use crate::error::Result;

/// The switch for the embedded account.
pub const SANDBOX: &str = "PAGERDUTY_SANDBOX";
/// The faults of the embedded account.
pub const SANDBOX_FAULTS: &str = "PAGERDUTY_SANDBOX_FAULTS";
/// The file in which the embedded account keeps its changes.
pub const SANDBOX_STATE: &str = "PAGERDUTY_SANDBOX_STATE";

/// The variable that switches the embedded account on.
pub(super) const SWITCH: Variable = Variable {
    name: SANDBOX,
    default: "0",
    meaning: "`1` runs everything against the embedded account: no PagerDuty account, no credential, no network.",
    in_file: InFile::Refused,
};

/// The variable for faults of the embedded account.
pub(super) const FAULTS: Variable = Variable {
    name: SANDBOX_FAULTS,
    default: "none",
    meaning: "What goes wrong in the embedded account, to try how an agent takes it: `2% reset; GET /incidents status=503 x3; \
              delay=50; seed=7`. Entries have a likelihood, method, path, kind and number of times, all but the kind \
              optional. Kinds: `status=CODE`, `limited=SECONDS`, `redirect=URL`, `delay=MS`, `slow_body=MS`, `bomb=MB`, `html`, \
              `empty`, `truncated`, `reset`, `hang`, `wrong_json`, `garbage`; and for changes that take effect all the same, \
              `lost_response`, `replaced=CODE`, `late=MS`. Nothing without `PAGERDUTY_SANDBOX` or the command `sandbox`.",
    in_file: InFile::Ignored,
};

/// The variable for the file of the embedded account.
pub(super) const STATE: Variable = Variable {
    name: SANDBOX_STATE,
    default: "in the state directory",
    meaning: "Where the embedded account keeps what is changed in it: the full path of a file, or `memory`, and it starts anew \
              with each process.",
    in_file: InFile::Ignored,
};

/// Returns the file of the embedded account, by default in the state directory. Without a state directory there is no
/// file.
pub(super) fn state(value: Option<String>) -> Result<Option<PathBuf>> {
    match value {
        None => Ok(state_dir().map(|folder| folder.join("sandbox.json"))),
        Some(value) if value.eq_ignore_ascii_case("memory") => Ok(None),
        Some(value) => match PathBuf::from(&value) {
            path if path.is_absolute() && path.file_name().is_some() => Ok(Some(path)),
            _ => Err(unusable(SANDBOX_STATE, &value, "memory, or the full path of a file")),
        },
    }
}
