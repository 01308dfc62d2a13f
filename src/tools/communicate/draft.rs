//! The content of a post on a status page: the values by their names, and the members of the request.

use serde_json::{Map, Value, json};

use super::page::Parts;
use crate::client::plain_text;
use crate::error::{Code, Error, Result};
use crate::models::{Model, PagePart, PostUpdate};
use crate::names::{Fit, Named, matches};
use crate::params::shorten;

/// An update as it will be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The ID of the status.
    pub status: String,
    /// The ID of the severity.
    pub severity: String,
    /// The IDs of services, each with that of its impact.
    pub services: Vec<(String, String)>,
    /// The text, in HTML.
    pub message: String,
    /// The minutes until the next update.
    pub next_minutes: Option<i64>,
    /// Whether the subscribers of the page are notified.
    pub notifies: bool,
}

impl Draft {
    /// Returns the members of a request that publishes the update.
    pub fn members(&self) -> Map<String, Value> {
        let one = |id: &str, kind: &str| json!({"id": id, "type": format!("status_page_{kind}")});
        let impacted = |(service, impact): &(String, String)| json!({"service": one(service, "service"), "impact": one(impact, "impact")});
        let members = [
            ("type", "status_page_post_update".into()),
            ("message", self.message.as_str().into()),
            ("status", one(&self.status, "status")),
            ("severity", one(&self.severity, "severity")),
            ("impacted_services", self.services.iter().map(impacted).collect()),
            ("update_frequency_ms", self.next_minutes.map(|minutes| minutes.saturating_mul(60_000)).into()),
            ("notify_subscribers", self.notifies.into()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns whether an update says the same.
    pub fn is_like(&self, update: &PostUpdate) -> bool {
        let sorted = |pairs: &[(String, String)]| {
            let mut pairs = pairs.to_vec();
            pairs.sort();
            pairs
        };
        update.status.as_ref() == Some(&self.status)
            && update.severity.as_ref() == Some(&self.severity)
            && sorted(&update.services) == sorted(&self.services)
            && update.message.as_deref().is_some_and(|message| plain_text(message) == plain_text(&self.message))
    }
}

/// The values of a page from which those of a post are chosen.
pub struct Choices<'p> {
    pub parts: &'p Parts,
    /// The type of the post.
    pub post_type: &'p str,
    /// Remarks on names that the caller may have meant otherwise.
    pub remarks: Vec<String>,
}

impl Choices<'_> {
    /// Returns the ID of the status with a name.
    pub fn status(&mut self, text: &str) -> Result<String> {
        self.choose("status", text, &self.of_type(&self.parts.statuses))
    }

    /// Returns the ID of the severity with a name.
    pub fn severity(&mut self, text: &str) -> Result<String> {
        self.choose("severity", text, &self.of_type(&self.parts.severities))
    }

    /// Returns the IDs of the services and impacts in lines like `Checkout=degraded`.
    pub fn services(&mut self, lines: &[String]) -> Result<Vec<(String, String)>> {
        let (services, impacts) = (self.parts.services.clone(), self.of_type(&self.parts.impacts));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for line in lines.iter().flat_map(|line| entries(line)) {
            let (service, impact) = line.rsplit_once('=').ok_or_else(|| {
                let example = |parts: &[PagePart]| parts.last().and_then(|part| part.name.clone()).unwrap_or_default();
                let message = format!("services has {:?}, which has no impact", shorten(line));
                Error::new(Code::InvalidParameter, message).hint(format!(
                    "Write a service and its impact, like \"{}={}\". {}",
                    example(&services),
                    example(&impacts),
                    offered(&impacts)
                ))
            })?;
            let service = self.choose("services", service.trim(), &services)?;
            let impact = self.choose("services", impact.trim(), &impacts)?;
            if pairs.iter().any(|(known, _)| *known == service) {
                let message = format!("services has {:?} twice", shorten(line));
                return Err(Error::new(Code::ConflictingParameters, message).hint("Give each service one impact."));
            }
            pairs.push((service, impact));
        }
        Ok(pairs)
    }

    /// Returns the error for a value that a new post needs.
    pub fn missing(&self, parameter: &str) -> Error {
        let parts = if parameter == "status" { &self.parts.statuses } else { &self.parts.severities };
        let parts = self.of_type(parts);
        let message = format!("{parameter} is missing, and a new post needs it");
        Error::new(Code::MissingParameter, message)
            .hint(format!("Pass {parameter}. {}", offered(&parts)))
            .detail("candidates", candidates(&parts))
    }

    /// Returns the values for posts of this type.
    fn of_type(&self, parts: &[PagePart]) -> Vec<PagePart> {
        let is_for = |part: &&PagePart| part.post_type.as_deref().is_none_or(|of| of == self.post_type);
        parts.iter().filter(is_for).cloned().collect()
    }

    /// Returns the ID of the value that a text means: its ID, its name, or words that only its name has.
    fn choose(&mut self, parameter: &str, text: &str, parts: &[PagePart]) -> Result<String> {
        let all: Vec<_> = parts.iter().filter_map(as_named).collect();
        if let Some(known) = all.iter().find(|part| part.id == text) {
            return Ok(known.id.clone());
        }
        let (fit, found) = matches(&text.replace('_', " "), &all);
        match found.as_slice() {
            [one] => {
                if fit == Fit::Words {
                    self.remarks.push(format!("{:?} was taken for {}.", shorten(text), one.describe()));
                }
                Ok(one.id.clone())
            }
            [] => {
                let message = format!("{parameter} has {:?}, which the page does not have", shorten(text));
                Err(Error::new(Code::InvalidParameter, message)
                    .hint(offered(parts))
                    .detail("candidates", candidates(parts)))
            }
            several => {
                let words: Vec<_> = several.iter().map(|one| one.describe()).collect();
                let message =
                    format!("{parameter} has {:?}, which {} names of the page have", shorten(text), several.len());
                Err(Error::new(Code::AmbiguousName, message)
                    .hint(format!("Pass the ID of one of them: {}.", words.join("; ")))
                    .detail("candidates", several.iter().map(|one| Value::Object(one.members())).collect()))
            }
        }
    }
}

/// Returns the entries of a line. A text with several entries is split at the commas between them.
fn entries(line: &str) -> Vec<&str> {
    let parts: Vec<_> = line.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.iter().all(|part| part.contains('=')) { parts } else { vec![line] }
}

fn as_named(part: &PagePart) -> Option<Named> {
    Some(Named { id: part.id()?.to_owned(), name: part.name.clone()?, ..Named::default() })
}

/// Returns the values that can be chosen, in words.
fn offered(parts: &[PagePart]) -> String {
    let words: Vec<_> = parts.iter().filter_map(as_named).map(|part| part.describe()).collect();
    if words.is_empty() { "The page has none.".to_owned() } else { format!("The page has: {}.", words.join("; ")) }
}

fn candidates(parts: &[PagePart]) -> Value {
    parts.iter().filter_map(as_named).map(|part| Value::Object(part.members())).collect()
}

/// Returns a text as HTML, unless it is HTML already.
pub fn as_html(text: &str) -> String {
    let is_tag = |after: &str| ["p>", "br", "h", "ul", "ol", "b>", "a "].iter().any(|tag| after.starts_with(tag));
    let is_html = text.split('<').skip(1).any(|after| after.contains('>') && (after.starts_with('/') || is_tag(after)));
    if is_html { text.trim().to_owned() } else { escaped(text) }
}

/// Returns a plain text as HTML.
pub fn escaped(text: &str) -> String {
    let escaped = text.trim().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines = escaped.replace("\r\n", "\n");
    let paragraphs: Vec<_> = lines.split("\n\n").map(|text| text.replace('\n', "<br>")).collect();
    format!("<p>{}</p>", paragraphs.join("</p><p>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, name: &str, post_type: Option<&str>) -> PagePart {
        PagePart { id: Some(id.to_owned()), name: Some(name.to_owned()), post_type: post_type.map(str::to_owned) }
    }

    fn parts() -> Parts {
        Parts {
            statuses: vec![part("S1", "in progress", Some("maintenance")), part("S2", "resolved", Some("incident"))],
            impacts: vec![part("I1", "partial outage", Some("incident")), part("I2", "outage", Some("incident"))],
            services: vec![
                part("E1", "Checkout", None),
                part("E2", "Card Payments", None),
                part("E3", "Card Refunds", None),
            ],
            ..Parts::default()
        }
    }

    fn choices(parts: &Parts, post_type: &'static str) -> (Result<String>, Vec<String>) {
        let mut choices = Choices { parts, post_type, remarks: Vec::new() };
        let chosen = choices.status("In_Progress");
        (chosen, choices.remarks)
    }

    #[test]
    fn values_are_found_by_name_for_the_type_of_the_post() {
        let parts = parts();
        assert_eq!(choices(&parts, "maintenance").0.unwrap(), "S1");
        let error = choices(&parts, "incident").0.unwrap_err();
        assert_eq!(error.code(), Code::InvalidParameter);
        assert!(error.hint_text().unwrap().contains("resolved (S2)"), "{error}");
    }

    #[test]
    fn lines_are_services_with_impacts() {
        let parts = parts();
        let mut choices = Choices { parts: &parts, post_type: "incident", remarks: Vec::new() };
        let mut services =
            |lines: &[&str]| choices.services(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        let pair = |service: &str, impact: &str| (service.to_owned(), impact.to_owned());
        let both = [pair("E1", "I2"), pair("E2", "I1")];
        assert_eq!(services(&["checkout=outage", "E2 = partial outage"]).unwrap(), both);
        assert_eq!(services(&["checkout=outage, Card Payments=I1"]).unwrap(), both);
        for (lines, code) in [
            (&["Checkout"][..], Code::InvalidParameter),
            (&["card=outage"], Code::AmbiguousName),
            (&["Checkout=slow"], Code::InvalidParameter),
            (&["Search=outage"], Code::InvalidParameter),
            (&["Checkout=outage", "E1=I1"], Code::ConflictingParameters),
        ] {
            assert_eq!(services(lines).unwrap_err().code(), code, "{lines:?}");
        }
    }

    #[test]
    fn plain_text_is_escaped_and_html_is_kept() {
        assert_eq!(escaped("a <b> & c\nd\r\n\r\ne\n"), "<p>a &lt;b&gt; &amp; c<br>d</p><p>e</p>");
        assert_eq!(as_html("load < 5 & rising"), "<p>load &lt; 5 &amp; rising</p>");
        assert_eq!(as_html(" <p>a</p> "), "<p>a</p>");
    }
}
