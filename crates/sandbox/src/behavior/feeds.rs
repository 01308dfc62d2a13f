//! Calendar feeds of users and schedules: one event for each shift, as `text/calendar`.
//!
//! A feed needs no token, because calendar programs cannot send one. Its path has a key that cannot be guessed.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::{Span, Timestamp};

use super::escalation_policies::Target;
use super::rotation::Shift;
use crate::account::Account;
use crate::documents::{Document, text};
use crate::kind::Kind;
use crate::kinds::{SCHEDULE, SHIFT_SCHEDULE, USER};
use crate::reply::Problem;
use crate::state::Shared;
use crate::time::{Range, Zone, earlier, later};

/// The secret from which the keys follow. It differs in each process.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The owners of feeds.
const OWNERS: &[&Kind] = &[&USER, &SCHEDULE, &SHIFT_SCHEDULE];

/// The maximum length of a line in bytes, without its end.
const LINE: usize = 75;

/// Adds the addresses of its feed to an object.
pub fn add_urls(shown: &mut Document, kind: &Kind, base: &str) {
    let url = format!("{base}/private/{}/feed", key(kind, text(shown, "id")));
    let web = url.split_once("://").map_or_else(|| url.clone(), |(_, rest)| format!("webcal://{rest}"));
    shown.insert("http_cal_url".to_owned(), url.into());
    shown.insert("web_cal_url".to_owned(), web.into());
}

/// Answers `GET /private/{key}/feed`.
pub async fn serve(State(server): State<Shared>, Path(wanted): Path<String>) -> Response {
    let account = server.account();
    let owners = OWNERS.iter().flat_map(|kind| account.documents.all(kind).iter().map(move |owner| (*kind, owner)));
    let mut owners = owners.filter(|(kind, owner)| key(kind, text(owner, "id")) == wanted);
    match owners.next() {
        Some((kind, owner)) => {
            let mut response = Response::new(calendar(&account, kind, owner).into());
            let content = HeaderValue::from_static("text/calendar; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, content);
            response
        }
        None => Problem::not_found().into_response(),
    }
}

fn key(kind: &Kind, id: &str) -> String {
    let half = |number: u8| SECRET.hash_one((kind.name, id, number));
    format!("{:016X}{:016X}", half(0), half(1))
}

/// Returns the calendar of a user or a schedule, from two weeks ago through three months ahead.
fn calendar(account: &Account, kind: &Kind, owner: &Document) -> String {
    let now = account.clock.now();
    let range = Range { since: earlier(now, Span::new().weeks(2)), until: later(now, Span::new().months(3)) };
    let zone = Zone::named(text(owner, "time_zone")).unwrap_or_else(|_| Zone::utc());
    let mut lines = Lines::default();
    for (name, value) in [("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//PagerDuty sandbox//On-call//EN")] {
        lines.add(name, value);
    }
    lines.add("CALSCALE", "GREGORIAN");
    lines.add_text("X-WR-CALNAME", &format!("On call: {}", text(owner, "name")));
    lines.add("X-WR-TIMEZONE", &zone.name);
    for schedule_kind in [&SCHEDULE, &SHIFT_SCHEDULE] {
        for schedule in account.documents.all(schedule_kind) {
            let is_owner = kind.name != USER.name && text(schedule, "id") == text(owner, "id");
            if is_owner || kind.name == USER.name {
                let mut shifts = Target::Schedule(schedule_kind, schedule).shifts(range);
                shifts.retain(|shift| is_owner || shift.user == text(owner, "id"));
                // A user in two rotations of a schedule has one event.
                shifts
                    .sort_by(|one, other| (one.start, &one.user, other.end).cmp(&(other.start, &other.user, one.end)));
                shifts.dedup_by(|one, other| (one.start, &one.user) == (other.start, &other.user));
                for shift in &shifts {
                    lines.add_event(account, schedule, shift, &zone, now);
                }
            }
        }
    }
    lines.add("END", "VCALENDAR");
    lines.0
}

/// The lines of a calendar, folded at characters.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add_event(&mut self, account: &Account, schedule: &Document, shift: &Shift, zone: &Zone, now: Timestamp) {
        let user = account.documents.get_with_deleted(&USER, &shift.user);
        let user = user.map_or(shift.user.as_str(), |user| text(user, "name"));
        let utc = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
        self.add("BEGIN", "VEVENT");
        // The same in each feed, and different for each shift.
        self.add("UID", &format!("{}-{}-{}@acme.pagerduty.com", text(schedule, "id"), shift.user, utc(shift.start)));
        self.add("DTSTAMP", &utc(now));
        self.add("DTSTART", &utc(shift.start));
        self.add("DTEND", &utc(shift.end));
        self.add_text("SUMMARY", &format!("{user} on call - {}", text(schedule, "name")));
        let (start, end) = (zone.write(shift.start), zone.write(shift.end));
        self.add_text("DESCRIPTION", &format!("{start} to {end} ({})", zone.name));
        self.add("END", "VEVENT");
    }

    /// Adds a line with a text, in which some characters are escaped.
    fn add_text(&mut self, name: &str, value: &str) {
        let mut escaped = String::new();
        for character in value.chars() {
            match character {
                '\\' | ';' | ',' => escaped.extend(['\\', character]),
                '\n' => escaped.push_str("\\n"),
                character if character.is_control() => {}
                character => escaped.push(character),
            }
        }
        self.add(name, &escaped);
    }

    fn add(&mut self, name: &str, value: &str) {
        let mut length = 0;
        for character in name.chars().chain([':']).chain(value.chars()) {
            if length + character.len_utf8() > LINE {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(character);
            length += character.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}
