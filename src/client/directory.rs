//! The directory of an account: lists its objects by name, reads one by ID, and finds the one that a name means.
//!
//! A name costs one request, or two for a schedule, because PagerDuty lists its two kinds separately. A name without a match
//! costs as many again, for the nearest names.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use pagerduty_api::operations::automations::LIST_AUTOMATION_ACTIONS;
use pagerduty_api::{MAX_PAGE, Operation, Resource};
use pagerduty_rows::fields::{Selection, plain, reference};
use serde_json::{Map, Value};

use super::{Api, Query, may_be_other_kind};
use crate::error::{Code, Error, Result};
use crate::ids::Id;
use crate::models::{
    AutomationAction, BusinessService, EscalationPolicy, Incident, Listed, Model, Priority, Readable, Schedule,
    Service, ShiftSchedule, StatusPage, Team, Template, User, Workflow,
};
use crate::names::{Fit, Named, matches, nearest, normalized, stem};
use crate::pagination::{End, ListRequest};
use crate::params::{ids_hint, shorten};

/// The most objects that an error offers.
const MOST_CANDIDATES: usize = 10;

/// The most similar names that an error offers.
const MOST_NEAREST: usize = 3;

/// The object that a name means.
#[derive(Clone, Debug)]
pub struct Found {
    /// The ID.
    pub id: String,
    /// The reason why the caller may not have meant it, if there is one.
    pub remarks: Vec<String>,
}

/// Objects of one resource.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The objects, in PagerDuty's order.
    pub objects: Vec<Named>,
    /// Whether there are more of them.
    pub more: bool,
    /// The reason why other objects could not be listed.
    pub missing: Option<Error>,
}

/// A resource whose objects can be listed by name.
struct Directory {
    resource: &'static Resource,
    invalid: Code,
    operations: &'static [&'static Operation],
    list: for<'a> fn(&'a Api, Option<&'a str>, usize) -> BoxFuture<'a, Result<Objects>>,
    read: for<'a> fn(&'a Api, &'a str) -> BoxFuture<'a, Result<Option<Named>>>,
}

const DIRECTORIES: [Directory; 12] = [
    directory::<User>(&[User::LIST]),
    directory::<Team>(&[Team::LIST]),
    directory::<Service>(&[Service::LIST]),
    directory::<EscalationPolicy>(&[EscalationPolicy::LIST]),
    Directory {
        list: |api, text, most| Box::pin(api.schedules_of_both_kinds(text, most)),
        read: |api, id| Box::pin(api.schedule_of_either_kind(id)),
        ..directory::<Schedule>(&[Schedule::LIST, ShiftSchedule::LIST])
    },
    directory::<Workflow>(&[Workflow::LIST]),
    Directory {
        resource: AutomationAction::RESOURCE,
        invalid: AutomationAction::INVALID_ID,
        operations: &[&LIST_AUTOMATION_ACTIONS],
        list: |api, text, _| Box::pin(api.actions_named(text)),
        read: |api, id| Box::pin(api.object::<AutomationAction>(id)),
    },
    directory::<Template>(&[Template::LIST]),
    // PagerDuty does not search business services by name.
    Directory {
        list: |api, _, most| Box::pin(api.objects::<BusinessService>(None, most)),
        ..directory::<BusinessService>(&[BusinessService::LIST])
    },
    // Priorities and status pages are few, and PagerDuty neither searches them nor reads one by ID.
    small_directory::<Priority>(&[Priority::LIST]),
    small_directory::<StatusPage>(&[StatusPage::LIST]),
    // Incidents have no names: titles repeat, and PagerDuty does not search them.
    Directory {
        list: |api, text, most| {
            Box::pin(async move {
                if text.is_some() { Ok(Objects::default()) } else { api.objects::<Incident>(None, most).await }
            })
        },
        ..directory::<Incident>(&[])
    },
];

const fn directory<M: Listed + Readable>(operations: &'static [&'static Operation]) -> Directory {
    Directory {
        resource: M::RESOURCE,
        invalid: M::INVALID_ID,
        operations,
        list: |api, text, most| Box::pin(api.objects::<M>(text, most)),
        read: |api, id| Box::pin(api.object::<M>(id)),
    }
}

/// Returns the directory of objects that are all read to find one.
const fn small_directory<M: Listed>(operations: &'static [&'static Operation]) -> Directory {
    Directory {
        resource: M::RESOURCE,
        invalid: M::INVALID_ID,
        operations,
        list: |api, _, most| Box::pin(api.objects::<M>(None, most)),
        read: |api, id| {
            Box::pin(async move {
                let listed = api.objects::<M>(None, usize::MAX).await?;
                Ok(listed.objects.into_iter().find(|object| object.id == id))
            })
        },
    }
}

fn directory_of(resource: &Resource) -> Result<&'static Directory> {
    let found = DIRECTORIES.iter().find(|directory| directory.resource == resource);
    found.ok_or_else(|| Error::new(Code::Internal, format!("{} have no names", resource.many)))
}

/// Returns the operations that find an object of a resource by its name.
#[must_use]
pub fn operations(resource: &Resource) -> &'static [&'static Operation] {
    directory_of(resource).map_or(&[], |directory| directory.operations)
}

impl Api {
    /// Lists objects that PagerDuty finds by a text, at most `most` if it is less than all of them.
    pub async fn search(&self, resource: &Resource, text: Option<&str>, most: usize) -> Result<Objects> {
        (directory_of(resource)?.list)(self, text, most).await
    }

    /// Returns the object with an ID, or the incident with a number, if PagerDuty has it.
    pub async fn object_by_id(&self, resource: &Resource, id: &str) -> Result<Option<Named>> {
        (directory_of(resource)?.read)(self, id).await
    }

    /// Returns the object that a name or an email address means.
    ///
    /// It is kept for a minute. A text that means no object or several is an error, whose message continues a sentence
    /// that begins with the text. Errors are not kept, since a person may just be correcting the name.
    pub async fn named(&self, resource: &'static Resource, text: &str) -> Result<Arc<Found>> {
        let directory = directory_of(resource)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (api, cell) = (self.shared(), self.account.names.cell(resource, &normalized(&text)));
        cell.get((), async move { directory.find(&api, &text).await.map(Arc::new) }).await
    }

    /// Returns the objects of a resource whose names are similar to a text, with the similarity, the most similar first.
    ///
    /// Names that begin differently are not among them, unless the account has few objects. A failure returns none, since
    /// similar names are only a hint.
    pub async fn similar(&self, resource: &Resource, text: &str) -> Vec<(f64, Named)> {
        let Some(stem) = stem(text) else { return Vec::new() };
        let listed = self.search(resource, Some(&stem), MAX_PAGE).await.unwrap_or_default();
        nearest(text, &listed.objects, MOST_NEAREST)
            .into_iter()
            .map(|(score, object)| (score, object.clone()))
            .collect()
    }

    /// Returns the numbers of the incidents whose number or ID begins with a text or whose title has it: the open ones, then
    /// those that were resolved and created in the last month, the newest first.
    pub async fn incident_numbers(&self, text: &str, most: usize) -> Result<Vec<String>> {
        let list = async |statuses: &[&str], range: Option<&str>| {
            let query = Query::new().with_all("statuses", statuses);
            let query = query.with("date_range", range).with("sort_by", Some("created_at:desc"));
            let wanted = ListRequest { limit: most, ..ListRequest::all() };
            let fields = vec![plain("id"), plain("incident_number"), plain("title")];
            self.list::<Incident>(query, wanted, &Selection::new(fields, Incident::FACTS)).await
        };
        let (open, resolved) =
            tokio::join!(list(&["triggered", "acknowledged"], Some("all")), list(&["resolved"], None));
        let (open, resolved) = (open?, resolved?);
        let wanted = normalized(text.trim().trim_start_matches('#'));
        let number = |row: Map<String, Value>| {
            let number = row.get("incident_number")?.as_u64()?.to_string();
            let text = |name: &str| normalized(row.get(name).and_then(Value::as_str).unwrap_or_default());
            let begins = number.starts_with(&wanted) || text("id").starts_with(&wanted);
            (begins || text("title").contains(&wanted)).then_some(number)
        };
        Ok(open.rows.iter().chain(&resolved.rows).filter_map(|row| number(row.shown.members())).collect())
    }

    /// Lists objects with this text in their name.
    async fn objects<M: Listed>(&self, text: Option<&str>, most: usize) -> Result<Objects> {
        let query = Query::new().with("query", text);
        let wanted = ListRequest { limit: most, ..ListRequest::all() };
        let listing = self.list::<M>(query, wanted, &selection::<M>()).await?;
        let objects = listing.rows.iter().filter_map(|row| Named::from_members(&row.shown.members())).collect();
        Ok(Objects { objects, more: listing.end != End::Complete, missing: None })
    }

    /// Lists automation actions with this text in their name, up to a page.
    async fn actions_named(&self, text: Option<&str>) -> Result<Objects> {
        let selection = selection::<AutomationAction>();
        let query = Query::new().with("name", text);
        let page = self.first::<AutomationAction>(&LIST_AUTOMATION_ACTIONS, query, &selection).await?;
        let rows = page.rows.into_iter().flatten();
        let objects = rows.filter_map(|row| Named::from_members(&row.shown.members())).collect();
        Ok(Objects { objects, more: page.more, missing: None })
    }

    async fn object<M: Readable>(&self, id: &str) -> Result<Option<Named>> {
        let Some(id) = Id::<M>::parse(id) else { return Ok(None) };
        match self.one(&id, Query::new(), &selection::<M>()).await {
            Ok(row) => Ok(Named::from_members(&row.shown.members())),
            Err(error) if may_be_other_kind(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn schedule_of_either_kind(&self, id: &str) -> Result<Option<Named>> {
        match self.object::<Schedule>(id).await? {
            None => self.object::<ShiftSchedule>(id).await,
            found => Ok(found),
        }
    }

    /// Lists schedules of both kinds. Shift-based ones are filtered here, because PagerDuty's documentation contradicts
    /// itself about filtering. If one kind cannot be listed, the other remains.
    async fn schedules_of_both_kinds(&self, text: Option<&str>, most: usize) -> Result<Objects> {
        let layers = self.objects::<Schedule>(text, most);
        let shifts = self.objects::<ShiftSchedule>(None, usize::MAX);
        let (layers, shifts) = tokio::join!(layers, shifts);
        let missing =
            |kind: &str, error: Error| Some(error.preceded(&format!("{kind} schedules could not be searched: ")));
        let (mut all, shifts) = match (layers, shifts) {
            (Ok(layers), Ok(shifts)) => (layers, shifts),
            (Ok(layers), Err(error)) => {
                return Ok(Objects { missing: missing("Shift-based", error), ..layers });
            }
            (Err(error), Ok(shifts)) => {
                (Objects { missing: missing("Layer-based", error), ..Objects::default() }, shifts)
            }
            (Err(error), Err(_)) => return Err(error),
        };
        let wanted = text.map(normalized);
        let matches = |object: &Named| wanted.as_ref().is_none_or(|text| normalized(&object.name).contains(text));
        all.objects.extend(shifts.objects.into_iter().filter(matches));
        Ok(all)
    }
}

/// Refuses a list in which objects may be missing, since one of them may have the same name. A gateway that does not have
/// the path of shift-based schedules has none of them.
fn complete(listed: Objects) -> Result<Objects> {
    match listed.missing {
        Some(error) if error.http_status() != Some(404) => {
            Err(error.hint("Pass the ID, since an object that could not be listed may have the same name."))
        }
        _ => Ok(listed),
    }
}

/// The fields that distinguish objects of one name.
fn selection<M: Model>() -> Selection<'static> {
    let fields = [
        plain("id"),
        plain("name"),
        plain("summary"),
        plain("email"),
        reference("teams"),
        plain("time_zone"),
        plain("html_url"),
    ];
    Selection::new(fields.to_vec(), M::FACTS)
}

impl Directory {
    async fn find(&self, api: &Api, text: &str) -> Result<Found> {
        let listed = complete((self.list)(api, Some(text), usize::MAX).await?)?;
        // PagerDuty returns a limited number of rows, and others may have the name as well.
        if listed.more {
            return Err(
                Error::new(self.invalid, "which too many objects have in their name").hint(ids_hint(self.resource))
            );
        }
        if let Some(found) = self.choose(text, &listed)? {
            return Ok(found);
        }
        let near = (self.list)(api, stem(text).as_deref(), MAX_PAGE).await.and_then(complete).unwrap_or_default();
        // Names with other white space or another order of words are not in the first list.
        if !near.more
            && let Some(found) = self.choose(text, &near)?
        {
            return Ok(found);
        }
        // An ID without a digit looks like a name.
        if text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && let Some(object) = (self.read)(api, text).await?
        {
            return Ok(Found { id: object.id, remarks: Vec::new() });
        }
        Err(self.unknown(text, &near.objects))
    }

    /// Returns the object that a text means, if there is one among those listed.
    fn choose(&self, text: &str, listed: &Objects) -> Result<Option<Found>> {
        let (fit, found) = matches(text, &listed.objects);
        let (one, noun) = match found.as_slice() {
            [] => return Ok(None),
            [one] => (one, self.resource.noun),
            several => return Err(self.ambiguous(several)),
        };
        let mut remarks: Vec<_> = listed.missing.iter().map(ToString::to_string).collect();
        if fit == Fit::Words {
            remarks.push(format!(
                "{:?} was taken for the {noun} {}, the only one with these words in its name.",
                shorten(text),
                one.describe()
            ));
        }
        Ok(Some(Found { id: one.id.clone(), remarks }))
    }

    fn ambiguous(&self, several: &[&Named]) -> Error {
        let many = self.resource.many.replace('_', " ");
        let offered: Vec<_> = several.iter().take(MOST_CANDIDATES).collect();
        let words: Vec<_> = offered.iter().map(|object| object.describe()).collect();
        let rest = several.len() - offered.len();
        let rest = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let candidates = offered.iter().map(|object| Value::Object(object.members())).collect();
        Error::new(Code::AmbiguousName, format!("which {} {many} have in their name", several.len()))
            .hint(format!("Pass the ID of one of them: {}{rest}.", words.join("; ")))
            .detail("candidates", candidates)
    }

    fn unknown(&self, text: &str, objects: &[Named]) -> Error {
        let noun = self.resource.noun;
        let near = nearest(text, objects, MOST_NEAREST);
        // Priorities are few, and no tool lists them.
        let hint = if self.resource == Priority::RESOURCE && !objects.is_empty() {
            let names: Vec<_> = objects.iter().map(|priority| priority.name.as_str()).collect();
            format!("Pass one of {}.", names.join(", "))
        } else {
            ids_hint(self.resource)
        };
        let names = if self.resource == User::RESOURCE {
            "the ID, the name nor the email address"
        } else {
            "the ID nor the name"
        };
        let message = format!("which is neither {names} of any {noun}");
        let error = Error::new(self.invalid, message);
        if near.is_empty() {
            return error.hint(hint);
        }
        let words: Vec<_> = near.iter().map(|(_, object)| object.describe()).collect();
        let near = near.into_iter().map(|(score, object)| {
            let mut members: Map<_, _> = object.members();
            members.insert("score".to_owned(), score.into());
            Value::Object(members)
        });
        error.hint(format!("Similar names: {}. {hint}", words.join("; "))).detail("nearest", near.collect())
    }
}
