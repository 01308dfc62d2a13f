//! Fetches the parts of a brief: those that need only the incident's ID beside the incident, the others once it is known.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::SetOnce;
use tokio::time::Instant;

use super::super::alerts;
use super::super::automations::{self, Automations};
use super::super::changes;
use super::super::dependencies::{self, Dependencies};
use super::super::explain::{Next, next_steps};
use super::super::impacts::{self, Impacts};
use super::super::maintenance::{self, Window};
use super::super::similar::read::{Finder, Remark, Similar, endings};
use super::super::timeline::{self, Entry};
use super::compose::{Item, Part};
use super::items::Frame;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Alert, Change, Incident, Service};
use crate::params::Moment;
use crate::tools::Context;
use crate::tools::gather::in_time;
use crate::tools::oncall::read::Named;
use crate::tools::subject::Subject;
use crate::tools::times::{self, Local};

/// The time that parts may take once the incident is known. A user who waits for a brief needs most of it now.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// The time that a part waits for one of its requests after another one, so that it can be shown without it.
const PART_PATIENCE: Duration = Duration::from_secs(2);

/// The most alerts that are read.
const MAX_ALERTS: usize = 100;

/// The most past incidents, and the most of them whose end is read.
const MAX_PAST: usize = 5;
const MAX_ENDINGS: usize = 5;

/// The most incidents of the service that are compared by words: a page.
const MAX_COMPARED: usize = 100;

/// The time before an incident in which changes of its service are read.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// The most changes of the service.
const MAX_CHANGES: usize = 20;

/// The most characters of a warning about a part of a part.
const MAX_WARNING: usize = 200;

/// The warning that PagerDuty did not compare the incidents.
const BY_WORDS: &str = "PagerDuty refused to compare incidents, which needs its AIOps plan: past and related ones are found by \
                        the words of their titles.";

/// The outcome of a request for a part, unless the part is not wanted.
type Outcome<T> = Option<Result<T>>;

/// The incident and its parts.
pub struct Gathered {
    /// The incident.
    pub subject: Subject,
    /// The zone of the times.
    pub local: Local,
    /// The parts.
    pub read: Read,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// The outcome of each request.
pub struct Read {
    alerts: Outcome<Vec<Alert>>,
    timeline: Outcome<Vec<Entry>>,
    notes: Outcome<Vec<Remark>>,
    related_changes: Outcome<Vec<Change>>,
    service_changes: Outcome<Vec<Change>>,
    past: Outcome<Vec<Similar>>,
    endings: Outcome<(Vec<Similar>, Option<String>)>,
    related: Outcome<Vec<Similar>>,
    impacts: Outcome<Impacts>,
    next: Outcome<Next>,
    windows: Outcome<Vec<Window>>,
    dependencies: Outcome<Dependencies>,
    automations: Outcome<Automations>,
}

/// Fetches the incident and the wanted parts. A part that fails or is late leaves its error.
pub async fn gather(
    cx: &Context,
    id: &Id<Incident>,
    wanted: &[Part],
    since: Option<Timestamp>,
    zone: &times::Read<1>,
) -> Result<Gathered> {
    let cx = &Context { api: cx.api.clone().hasty(PART_PATIENCE), ..cx.clone() };
    let (subject, late, found) = (SetOnce::new(), SetOnce::new(), SetOnce::new());
    // Parts take only IDs.
    let id = if id.is_number() { known(cx, id, &subject, &late).await? } else { id.clone() };
    let main = async {
        if subject.get().is_none() {
            known(cx, &id, &subject, &late).await?;
        }
        Ok(())
    };
    let finder = Finder::new(cx, &id, &subject, MAX_COMPARED);
    let fetch = Fetch { cx, id: &id, wanted, since, subject: &subject, late: &late, finder: &finder, found: &found };
    let others = async { Ok(tokio::join!(fetch.all(), zone.local(cx, None))) };
    let ((), (read, local)) = tokio::try_join!(main, others)?;
    let by_words = finder.is_by_words().then(|| BY_WORDS.to_owned());
    let warnings = local.warning().into_iter().chain(by_words).collect();
    Ok(Gathered { subject: subject.wait().await.clone(), local, read, warnings })
}

/// The requests for the parts of a brief.
///
/// Each part is on the heap, since all of them together are too large for the stack of a thread.
struct Fetch<'a> {
    cx: &'a Context,
    id: &'a Id<Incident>,
    wanted: &'a [Part],
    since: Option<Timestamp>,
    /// The incident, once it is known.
    subject: &'a SetOnce<Subject>,
    /// The time until which parts are waited for.
    late: &'a SetOnce<Instant>,
    finder: &'a Finder<'a>,
    /// The past incidents, once they are found.
    found: &'a SetOnce<Vec<Similar>>,
}

impl Fetch<'_> {
    async fn all(&self) -> Read {
        let changes = async { tokio::join!(self.related_changes(), self.service_changes()) };
        let similar = async { tokio::join!(self.past(), self.endings(), self.related()) };
        let service = async { tokio::join!(self.windows(), self.dependencies(), self.automations()) };
        let others = async { tokio::join!(self.alerts(), self.timeline(), self.notes(), self.impacts(), self.next()) };
        let (changes, similar, service, others) = tokio::join!(changes, similar, service, others);
        let (related_changes, service_changes) = changes;
        let (past, endings, related) = similar;
        let (windows, dependencies, automations) = service;
        let (alerts, timeline, notes, impacts, next) = others;
        Read {
            alerts,
            timeline,
            notes,
            related_changes,
            service_changes,
            past,
            endings,
            related,
            impacts,
            next,
            windows,
            dependencies,
            automations,
        }
    }

    /// Waits for the answer to a request, if one of its parts is wanted.
    fn part<'s, T: Send + 's>(
        &'s self,
        parts: &[Part],
        request: impl Future<Output = Result<T>> + Send + 's,
    ) -> BoxFuture<'s, Outcome<T>> {
        if !parts.iter().any(|part| self.wanted.contains(part)) {
            return Box::pin(std::future::ready(None));
        }
        Box::pin(async { Some(in_time(request, self.late).await) })
    }

    /// Returns the ID of the service, once the incident is known.
    async fn service(&self) -> Result<Id<Service>> {
        referred(self.subject.wait().await.service.as_ref(), "service")
    }

    fn alerts(&self) -> BoxFuture<'_, Outcome<Vec<Alert>>> {
        self.part(&[Part::Alerts], alerts::read(self.cx, self.id, MAX_ALERTS))
    }

    fn timeline(&self) -> BoxFuture<'_, Outcome<Vec<Entry>>> {
        self.part(&[Part::Timeline], timeline::of_incident(self.cx, self.id, self.since))
    }

    fn notes(&self) -> BoxFuture<'_, Outcome<Vec<Remark>>> {
        self.part(&[Part::Notes], async {
            Ok(self.cx.api.notes(self.id).await?.iter().filter_map(Remark::read).collect())
        })
    }

    fn related_changes(&self) -> BoxFuture<'_, Outcome<Vec<Change>>> {
        self.part(&[Part::Changes], changes::of_incident(self.cx, self.id))
    }

    fn service_changes(&self) -> BoxFuture<'_, Outcome<Vec<Change>>> {
        self.part(&[Part::Changes], async {
            let service = self.service().await?;
            let created_at = self.subject.wait().await.created_at;
            let now = self.cx.api.now_there();
            let start = created_at.unwrap_or(now) - BEFORE;
            let start = self.since.unwrap_or(start).max(start).min(now);
            let range = (Moment::at(start), Moment::at(now));
            changes::of_service(self.cx, &service, range, MAX_CHANGES).await
        })
    }

    fn past(&self) -> BoxFuture<'_, Outcome<Vec<Similar>>> {
        self.part(&[Part::Similar], async {
            let past = self.finder.past(Some(MAX_PAST)).await;
            let _ = self.found.set(past.as_ref().ok().cloned().unwrap_or_default());
            past
        })
    }

    fn endings(&self) -> BoxFuture<'_, Outcome<(Vec<Similar>, Option<String>)>> {
        self.part(&[Part::Similar], async {
            let mut first: Vec<_> = self.found.wait().await.iter().take(MAX_ENDINGS).cloned().collect();
            let warning = endings(self.cx, &mut first).await;
            Ok((first, warning))
        })
    }

    fn related(&self) -> BoxFuture<'_, Outcome<Vec<Similar>>> {
        self.part(&[Part::Related], self.finder.related())
    }

    fn impacts(&self) -> BoxFuture<'_, Outcome<Impacts>> {
        self.part(&[Part::Impact], impacts::of_incident(self.cx, self.id))
    }

    fn next(&self) -> BoxFuture<'_, Outcome<Next>> {
        self.part(&[Part::Oncall], async { next_steps(self.cx, self.subject.wait().await, None, None).await })
    }

    fn windows(&self) -> BoxFuture<'_, Outcome<Vec<Window>>> {
        self.part(&[Part::Service], async { maintenance::of_service(self.cx, &self.service().await?).await })
    }

    fn dependencies(&self) -> BoxFuture<'_, Outcome<Dependencies>> {
        self.part(&[Part::Service], async { dependencies::of_service(self.cx, &self.service().await?, 1).await })
    }

    fn automations(&self) -> BoxFuture<'_, Outcome<Automations>> {
        self.part(&[Part::Automation, Part::Memories], async {
            automations::of_incident(self.cx, self.id, Some(&self.service().await?)).await
        })
    }
}

/// Reads the incident. From then on, the parts have limited time.
async fn known(
    cx: &Context,
    id: &Id<Incident>,
    subject: &SetOnce<Subject>,
    late: &SetOnce<Instant>,
) -> Result<Id<Incident>> {
    let read = Subject::read(cx, id).await?;
    let id = read.id.clone();
    let _ = subject.set(read);
    let _ = late.set(Instant::now() + PATIENCE);
    Ok(id)
}

/// Returns the ID of an object that the incident refers to.
fn referred<M>(named: Option<&Named>, what: &str) -> Result<Id<M>> {
    let id = named.and_then(|named| Id::parse(&named.id));
    id.ok_or_else(|| Error::new(Code::UnexpectedResponse, format!("PagerDuty sent no {what} with the incident")))
}

/// The parts that could not be read.
#[derive(Default)]
struct Unread(Vec<String>);

impl Unread {
    /// Returns what was read. A failure is recorded with its code.
    fn take<T>(&mut self, part: Part, what: &str, outcome: Outcome<T>) -> Option<T> {
        match outcome? {
            Ok(read) => Some(read),
            Err(error) => {
                let status = error.http_status().map(|status| format!(" {status}")).unwrap_or_default();
                let name = if what == part.name() { String::new() } else { format!("{}: ", part.name()) };
                self.0.push(format!("{name}{what} ({}{status})", error.code()));
                None
            }
        }
    }
}

impl Read {
    /// Adds the items of the wanted parts, those of each part in the order in which they matter. Returns a warning that
    /// names the parts that could not be read.
    pub fn items(
        self,
        frame: &Frame<'_>,
        wanted: &[Part],
        items: &mut Vec<Item>,
        warnings: &mut Vec<String>,
    ) -> Option<String> {
        let mut unread = Unread::default();
        let wants = |part: Part| wanted.contains(&part);
        if let Some(alerts) = unread.take(Part::Alerts, "alerts", self.alerts) {
            items.extend(frame.alerts(&alerts));
        }
        let related = unread.take(Part::Changes, "related changes", self.related_changes);
        let of_service = unread.take(Part::Changes, "changes of the service", self.service_changes);
        if related.is_some() || of_service.is_some() {
            let mut all = related.unwrap_or_default();
            let more = of_service.unwrap_or_default().into_iter();
            let more: Vec<_> = more.filter(|one| !all.iter().any(|known| known.id == one.id)).collect();
            all.extend(more);
            items.extend(frame.changes(all));
        }
        let mut partial = Vec::new();
        if wants(Part::Oncall) {
            items.push(frame.holders());
        }
        if let Some(next) = unread.take(Part::Oncall, "on-call users", self.next) {
            items.extend(frame.next(&next));
            partial.extend(next.warnings);
        }
        if let Some(notes) = unread.take(Part::Notes, "notes", self.notes) {
            items.extend(frame.notes(notes));
        }
        let (endings, warning) = unread.take(Part::Similar, "how they ended", self.endings).unwrap_or_default();
        partial.extend(warning);
        if let Some(mut past) = unread.take(Part::Similar, "similar incidents", self.past) {
            for ended in endings {
                if let Some(row) = past.iter_mut().find(|row| row.incident.id == ended.incident.id) {
                    *row = ended;
                }
            }
            items.extend(frame.similar(past));
        }
        if let Some(impacts) = unread.take(Part::Impact, "business impact", self.impacts) {
            items.push(Frame::impact(&impacts));
        }
        if let Some(windows) = unread.take(Part::Service, "maintenance", self.windows) {
            items.extend(frame.maintenance(&windows));
        }
        if let Some(found) = unread.take(Part::Service, "dependencies", self.dependencies) {
            items.extend(frame.dependencies(&found));
            partial.extend(found.warnings);
        }
        if let Some(related) = unread.take(Part::Related, "related incidents", self.related) {
            items.extend(frame.related(related));
        }
        if let Some(entries) = unread.take(Part::Timeline, "timeline", self.timeline) {
            items.extend(frame.timeline(entries, wants(Part::Notes)));
        }
        if let Some(found) = unread.take(Part::Automation, "automation and memories", self.automations) {
            if wants(Part::Automation) {
                items.extend(frame.automation(&found));
            }
            if wants(Part::Memories) {
                items.extend(Frame::memories(&found));
            }
            partial.extend(found.warnings);
        }
        warnings.extend(partial.into_iter().map(|warning| warning.chars().take(MAX_WARNING).collect()));
        let Unread(unread) = unread;
        (!unread.is_empty()).then(|| format!("Could not be read: {}. Pass parts to try again.", unread.join("; ")))
    }
}
