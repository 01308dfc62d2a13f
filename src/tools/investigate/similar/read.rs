//! Reads the incidents like one: by PagerDuty's comparison, or by words if the account's plan has none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use pagerduty_rows::object::Object;
use serde_json::{Map, Value, json};
use tokio::sync::{OnceCell, SetOnce};

use super::compare::similarities;
use crate::client::Query;
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{Incident, Outlier};
use crate::pagination::ListRequest;
use crate::tools::Context;
use crate::tools::gather::{beside, side_by_side};
use crate::tools::oncall::read::text;
use crate::tools::subject::{Subject, time};

/// The time before an incident in which incidents of its service are compared with it: the longest range of a list.
const HISTORY: SignedDuration = SignedDuration::from_hours(24 * 180);

/// The time around an incident in which others may be related to it.
const AROUND: SignedDuration = SignedDuration::from_hours(2);

/// The most incidents around it that are compared.
const MAX_AROUND: usize = 100;

/// The most incidents that words find.
const MAX_FOUND: usize = 20;

/// A relation to the incident in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An earlier incident like it.
    Past,
    /// An incident of another service, around the same time.
    Related,
}

impl Kind {
    /// Returns the name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Past => "past",
            Self::Related => "related",
        }
    }
}

/// A note.
#[derive(Clone, Debug)]
pub struct Remark {
    /// The text.
    pub text: String,
    /// The name of the author.
    pub by: Option<String>,
    /// The time.
    pub at: Option<Timestamp>,
}

impl Remark {
    /// Reads a note in the form of answers.
    pub fn read(note: &Object) -> Option<Self> {
        let value = Value::Object(note.members());
        let by = value.get("user").and_then(|user| text(user, "name"));
        Some(Self { text: text(&value, "content")?, by, at: time(&value, "created_at") })
    }
}

/// An incident like the one in question.
#[derive(Clone, Debug)]
pub struct Similar {
    /// The relation.
    pub kind: Kind,
    /// The incident.
    pub incident: Subject,
    /// The similarity: PagerDuty's score, or that of the words in hundredths.
    pub score: Option<f64>,
    /// The reason why it is related: PagerDuty's word, `title_words` or `same_team`.
    pub relation: Option<String>,
    /// The last note.
    pub last_note: Option<Remark>,
}

/// A search for the incidents like one.
pub struct Finder<'a> {
    cx: &'a Context,
    id: &'a Id<Incident>,
    /// The incident, once it is read. Only a comparison by words waits for it.
    subject: &'a SetOnce<Subject>,
    /// The earliest time of past incidents.
    since: Option<Timestamp>,
    /// The most incidents of the service that are compared by words.
    most: usize,
    history: OnceCell<Vec<Similar>>,
    by_words: AtomicBool,
}

impl<'a> Finder<'a> {
    /// Returns a search that compares at most `most` incidents by words.
    pub fn new(cx: &'a Context, id: &'a Id<Incident>, subject: &'a SetOnce<Subject>, most: usize) -> Self {
        Self { cx, id, subject, since: None, most, history: OnceCell::new(), by_words: AtomicBool::new(false) }
    }

    /// Returns the same search without incidents before this time.
    pub fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// Returns whether a part was compared by words, since the account's plan does not compare incidents.
    pub fn is_by_words(&self) -> bool {
        self.by_words.load(Ordering::Relaxed)
    }

    /// Returns the past incidents like it, the most similar first.
    pub async fn past(&self, most: Option<usize>) -> Result<Vec<Similar>> {
        match self.cx.api.past_incidents(self.id, most).await {
            Ok(rows) => {
                let rows = rows.iter().filter_map(|row| {
                    let members = row.members();
                    let score = members.get("similarity_score").and_then(Value::as_f64);
                    similar(Kind::Past, members, score)
                });
                let is_late = |row: &Similar| self.since.is_none_or(|since| row.incident.created_at >= Some(since));
                Ok(rows.filter(is_late).collect())
            }
            Err(error) if lacks_plan(&error) => {
                let mut found = self.history().await?.clone();
                found.truncate(most.unwrap_or(MAX_FOUND));
                Ok(found)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads how past incidents ended, with one list of the service's incidents. An incident that is not in it stays as it
    /// is.
    pub async fn endings_of(&self, past: &mut [Similar]) -> Result<()> {
        if past.iter().all(|row| row.incident.status.is_some()) {
            return Ok(());
        }
        let subject = self.subject.wait().await;
        let service = subject.service.as_ref().map(|service| service.id.as_str());
        let query = Query::new().with_all("service_ids", service.as_slice()).with_all("statuses", &["resolved"]);
        let query = query.with("since", self.start(subject)).with("until", subject.created_at);
        let ended = self.list(query, self.most).await?;
        let ended: HashMap<_, _> = ended.into_iter().map(|incident| (incident.id.to_string(), incident)).collect();
        for row in past {
            if let Some(incident) = ended.get(row.incident.id.as_str()) {
                row.incident = incident.clone();
            }
        }
        Ok(())
    }

    /// Returns the incidents of other services that are related to it, the newest first.
    pub async fn related(&self) -> Result<Vec<Similar>> {
        match self.cx.api.related_incidents_in_full(self.id, &Subject::selection()).await {
            Ok(rows) => Ok(rows.into_iter().filter_map(related).collect()),
            Err(error) if lacks_plan(&error) => self.around().await,
            Err(error) => Err(error),
        }
    }

    /// Returns how often incidents like it occur on its service.
    pub async fn rarity(&self) -> Result<Outlier> {
        match self.cx.api.outlier_incident(self.id, self.since).await {
            Err(error) if lacks_plan(&error) => {
                let alike = self.history().await?.len();
                let subject = self.subject.wait().await;
                let count = u64::try_from(alike + 1).ok();
                Ok(Outlier { count, since: self.start(subject), until: subject.created_at, ..Outlier::default() })
            }
            outcome => outcome,
        }
    }

    /// Returns the start of the time in which incidents of the service are compared.
    fn start(&self, subject: &Subject) -> Option<Timestamp> {
        let created_at = subject.created_at?;
        let earliest = created_at.checked_sub(HISTORY).unwrap_or(Timestamp::MIN);
        Some(self.since.unwrap_or(earliest).clamp(earliest, created_at))
    }

    /// Returns the earlier incidents of the service with the same words, the most similar first. They are read once.
    async fn history(&self) -> Result<&Vec<Similar>> {
        self.by_words.store(true, Ordering::Relaxed);
        let read = || async {
            let subject = self.subject.wait().await;
            let query =
                Query::new().with_all("service_ids", subject.service.as_ref().map(|one| one.id.as_str()).as_slice());
            let query = query.with("since", self.start(subject)).with("until", subject.created_at);
            if subject.service.is_none() || subject.created_at.is_none() {
                return Ok(Vec::new());
            }
            let others = self.list(query, self.most).await?;
            let scores = similarities(&subject.title, others.iter().map(|other| other.title.as_str()));
            let alike = others.into_iter().zip(scores).filter(|(other, _)| other.id != subject.id);
            let mut alike: Vec<_> =
                alike.filter_map(|(other, score)| Some(alike_by(other, score?, Kind::Past))).collect();
            // The list begins with the newest, which stays first among equals.
            alike.sort_by(|one, other| other.score.unwrap_or(0.0).total_cmp(&one.score.unwrap_or(0.0)));
            Ok(alike)
        };
        self.history.get_or_try_init(read).await
    }

    /// Returns the incidents of other services around it that belong to one of its teams, or have the same words.
    async fn around(&self) -> Result<Vec<Similar>> {
        self.by_words.store(true, Ordering::Relaxed);
        let subject = self.subject.wait().await;
        let Some(at) = subject.created_at else { return Ok(Vec::new()) };
        let query = Query::new().with("since", Some(at - AROUND)).with("until", Some(at + AROUND));
        let others = self.list(query, MAX_AROUND).await?;
        let scores = similarities(&subject.title, others.iter().map(|other| other.title.as_str()));
        let service = subject.service.as_ref().map(|service| service.id.as_str());
        let others = others.into_iter().zip(scores).filter(|(other, _)| {
            other.id != subject.id && other.service.as_ref().map(|service| service.id.as_str()) != service
        });
        let found = others.filter_map(|(other, score)| {
            let shares_team = other.teams.iter().any(|team| subject.teams.contains(team));
            let relation = if score.is_some() { "title_words" } else { "same_team" };
            let found = Similar { score, relation: Some(relation.to_owned()), ..alike_by(other, 0.0, Kind::Related) };
            (score.is_some() || shares_team).then_some(found)
        });
        Ok(found.take(MAX_FOUND).collect())
    }

    async fn list(&self, query: Query, most: usize) -> Result<Vec<Subject>> {
        let query = query.with("sort_by", Some("created_at:desc"));
        let wanted = ListRequest { limit: most, ..ListRequest::all() };
        let listing = self.cx.api.list::<Incident>(query, wanted, &Subject::selection()).await?;
        Ok(listing.rows.iter().filter_map(|row| Subject::from_row(&row.shown)).collect())
    }
}

/// Returns whether PagerDuty refused a comparison because the account's plan has none. It answers 402, or 403.
fn lacks_plan(error: &Error) -> bool {
    matches!(error.code(), Code::MissingAbility | Code::PermissionDenied)
}

fn alike_by(incident: Subject, score: f64, kind: Kind) -> Similar {
    Similar { kind, incident, score: Some(score), relation: None, last_note: None }
}

fn similar(kind: Kind, members: Map<String, Value>, score: Option<f64>) -> Option<Similar> {
    Some(Similar { kind, incident: Subject::from_members(members)?, score, relation: None, last_note: None })
}

fn related(members: Map<String, Value>) -> Option<Similar> {
    let relation = members.get("relationship_type").and_then(Value::as_str).map(str::to_owned);
    Some(Similar { relation, ..similar(Kind::Related, members, None)? })
}

/// Reads the incidents, side by side. PagerDuty sends little more than the title of one that it compares with another.
async fn read_incidents(cx: &Context, rows: &[Similar]) -> Vec<Result<Subject>> {
    let incident = |row: &Similar| {
        let (known, id) = (row.incident.status.is_some().then(|| row.incident.clone()), row.incident.id.clone());
        async move {
            match known {
                Some(known) => Ok(known),
                None => Subject::read(cx, &id).await,
            }
        }
    };
    side_by_side(cx, rows.iter().map(incident)).await
}

/// Reads how the incidents ended and their last notes, side by side. Returns a warning for what is missing.
pub async fn endings(cx: &Context, rows: &mut [Similar]) -> Option<String> {
    let incidents = read_incidents(cx, rows);
    let notes = side_by_side(cx, rows.iter().map(|row| cx.api.notes(&row.incident.id)));
    let (incidents, notes) = beside(cx, incidents, notes).await;
    let (mut failure, mut notes) = match notes {
        Ok(notes) => (None, notes),
        Err(error) => (Some(error), Vec::new()),
    };
    notes.resize_with(rows.len(), || Ok(Vec::new()));
    for ((row, incident), notes) in rows.iter_mut().zip(incidents).zip(notes) {
        match incident {
            Ok(incident) => row.incident = incident,
            Err(error) => failure = failure.or(Some(error)),
        }
        match notes {
            Ok(notes) => row.last_note = notes.iter().filter_map(Remark::read).max_by_key(|note| note.at),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    failure.map(|error| format!("How some similar incidents ended could not be read: {error}"))
}

/// Returns the numbers of a rarity for programs.
pub fn occurrence(outlier: &Outlier, iso: impl Fn(Timestamp) -> String) -> Value {
    json!({"category": outlier.category, "count": outlier.count, "frequency": outlier.frequency,
        "since": outlier.since.map(&iso), "until": outlier.until.map(&iso), "pattern": outlier.pattern})
}
