//! The change events of the last month.

use jiff::{Span, Timestamp};
use serde_json::{Map, Value};

use super::Dice;
use super::signals::{Values, replace, times, words};
use crate::account::{Account, Status};
use crate::behavior::change_events::ChangeEvent;
use crate::documents::{Document, entries, id_of, text};
use crate::kinds::{SERVICE, USER};
use crate::time::earlier;

/// The length of the time that has change events.
const DAYS: i64 = 30;

/// Returns change events of all services, oldest first. Every other open incident has one shortly before it.
pub fn write(account: &Account, now: Timestamp) -> Result<Vec<ChangeEvent>, String> {
    let samples: Vec<Map<String, Value>> = serde_json::from_str(include_str!("../../seed/change_events.json"))
        .map_err(|why| format!("change_events.json: {why}"))?;
    let mut dice = Dice::new(17);
    let mut moments = Vec::new();
    for service in account.documents.all(&SERVICE) {
        for _ in 0..2 + dice.below(4) {
            moments.push((service, earlier(now, Span::new().seconds(dice.between(3_600..DAYS * 86_400)))));
        }
    }
    let open = account.incidents.iter().filter(|incident| incident.status != Status::Resolved).step_by(2);
    for incident in open {
        let before = Span::new().seconds(dice.between(240..2_400));
        moments.extend(account.service_of(incident).map(|service| (service, earlier(incident.created_at, before))));
    }
    moments.sort_by_key(|(_, at)| *at);
    let mut changes = Vec::new();
    for (service, at) in moments {
        changes.extend(dice.pick(&samples).cloned().map(|sent| change(account, &mut dice, sent, (service, at))));
    }
    Ok(changes)
}

/// Returns a change of a service, with the words in what was sent replaced.
fn change(
    account: &Account,
    dice: &mut Dice,
    mut sent: Map<String, Value>,
    (service, at): (&Document, Timestamp),
) -> ChangeEvent {
    let commit = format!("{:07x}", dice.below(1 << 28));
    let author = dice.pick(account.documents.all(&USER)).map_or("", |user| text(user, "name")).to_owned();
    let slug = text(service, "name").to_lowercase().replace(' ', "-");
    let own = [("service", slug), ("commit", commit), ("author", author)];
    let all = own.into_iter().chain(times(at, &account.zone)).chain(words(dice));
    let values: Values = all.map(|(name, value)| (name.to_owned(), value)).collect();
    let values: Vec<_> = values.iter().collect();
    sent.values_mut().for_each(|value| replace(value, &values));
    ChangeEvent {
        id: dice.id('0', 25),
        at,
        service: text(service, "id").to_owned(),
        team: account.team_of(text(service, "id")).map(str::to_owned),
        integration: entries(service, "integrations").first().map(|one| id_of(one).to_owned()),
        sent,
    }
}
