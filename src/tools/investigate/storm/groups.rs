//! Groups incidents that probably have one cause.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

/// The parts of an incident that are compared.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// The ID of its service.
    pub service: Option<String>,
    /// Its start.
    pub at: Option<Timestamp>,
    /// The key of the alert or event that opened it.
    pub key: Option<String>,
    /// Its title without digits.
    pub pattern: String,
    /// The check or rule that its alert names.
    pub check: Option<String>,
    /// The host that its alert names.
    pub host: Option<String>,
    /// Its urgency. The place alone does not relate a warning to an outage.
    pub urgency: Option<String>,
}

/// The reasons for a group, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// One event opened incidents on several services.
    Key,
    /// The titles differ only in numbers.
    Title,
    /// The alerts are from the same check.
    Check,
    /// The alerts are about the same host.
    Host,
    /// One service depends on the other.
    Dependency,
    /// The service is the same.
    Service,
}

impl Reason {
    const ALL: [Self; 6] = [Self::Key, Self::Title, Self::Check, Self::Host, Self::Dependency, Self::Service];

    /// Returns the reason in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "alert_key",
            Self::Title => "title",
            Self::Check => "check",
            Self::Host => "host",
            Self::Dependency => "dependency",
            Self::Service => "service",
        }
    }

    /// Returns the reason for a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Key => "the same alert key",
            Self::Title => "titles that differ only in numbers",
            Self::Check => "the same check",
            Self::Host => "the same host",
            Self::Dependency => "services that depend on each other",
            Self::Service => "the same service",
        }
    }

    /// Returns whether two incidents that started at about the same time have it in common.
    fn holds(self, one: &Item, other: &Item, supports: &BTreeSet<(&str, &str)>) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        match self {
            Self::Key => same(&one.key, &other.key),
            Self::Title => !one.pattern.is_empty() && one.pattern == other.pattern,
            Self::Check => same(&one.check, &other.check),
            Self::Host => same(&one.host, &other.host),
            Self::Dependency | Self::Service if one.urgency != other.urgency => false,
            Self::Dependency => match (one.service.as_deref(), other.service.as_deref()) {
                (Some(one), Some(other)) => supports.contains(&(one, other)) || supports.contains(&(other, one)),
                _ => false,
            },
            Self::Service => same(&one.service, &other.service),
        }
    }
}

/// Incidents that probably have one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The places of the incidents in the list, the oldest incident first.
    pub members: Vec<usize>,
    /// The reasons without which the group would be smaller, the strongest first.
    pub reasons: BTreeSet<Reason>,
}

/// Groups incidents. `supports` are pairs of a service and one that depends on it.
///
/// Incidents with one alert key belong together. Any other reason only counts for two that started within `window`. A group
/// may last longer: each of its incidents started that close to another one.
pub fn groups(items: &[Item], supports: &[(String, String)], window: SignedDuration) -> Vec<Group> {
    let supports: BTreeSet<_> = supports.iter().map(|(one, other)| (one.as_str(), other.as_str())).collect();
    let is_near = |one: &Item, other: &Item| {
        one.at.zip(other.at).is_some_and(|(one, other)| one.duration_since(other).abs() <= window)
    };
    // The group of each incident, by the place of one of its members.
    let mut group: Vec<usize> = (0..items.len()).collect();
    let mut reasons: BTreeMap<usize, BTreeSet<Reason>> = BTreeMap::new();
    for reason in Reason::ALL {
        for (place, one) in items.iter().enumerate() {
            for (later, other) in items.iter().enumerate().skip(place + 1) {
                let (Some(&first), Some(&second)) = (group.get(place), group.get(later)) else { continue };
                let counts = reason == Reason::Key || is_near(one, other);
                if first == second || !counts || !reason.holds(one, other, &supports) {
                    continue;
                }
                group.iter_mut().filter(|group| **group == second).for_each(|group| *group = first);
                let of_second = reasons.remove(&second).unwrap_or_default();
                let of_first = reasons.entry(first).or_default();
                of_first.extend(of_second);
                of_first.insert(reason);
            }
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, group) in group.into_iter().enumerate() {
        members.entry(group).or_default().push(place);
    }
    let start = |place: &usize| items.get(*place).and_then(|item| item.at).unwrap_or(Timestamp::MAX);
    let mut groups: Vec<_> = members
        .into_iter()
        .map(|(group, mut members)| {
            members.sort_by_key(start);
            Group { members, reasons: reasons.remove(&group).unwrap_or_default() }
        })
        .collect();
    // The largest first, then the oldest.
    let size = |group: &Group| std::cmp::Reverse(group.members.len());
    groups.sort_by_key(|group| (size(group), group.members.first().map(start)));
    groups
}

/// Returns the service that others of the group depend on, and that depends on none of them, if there is exactly one.
pub fn cause<'s>(services: &BTreeSet<&'s str>, supports: &[(String, String)]) -> Option<&'s str> {
    let within =
        || supports.iter().filter(|(one, other)| services.contains(one.as_str()) && services.contains(other.as_str()));
    let is_root = |service: &str| {
        within().any(|(one, other)| one == service && other != service)
            && !within().any(|(one, other)| other == service && one != service)
    };
    let mut roots = services.iter().filter(|service| is_root(service));
    roots.next().copied().filter(|_| roots.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an incident on a service that started some minutes after the first one.
    fn item(service: &str, minute: i64, pattern: &str) -> Item {
        let at = Timestamp::from_second(1_796_000_000 + 60 * minute).ok();
        Item { service: Some(service.to_owned()), at, pattern: pattern.to_owned(), ..Item::default() }
    }

    fn members(items: &[Item], supports: &[(&str, &str)]) -> Vec<(Vec<usize>, Vec<&'static str>)> {
        let supports: Vec<_> = supports.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect();
        let groups = groups(items, &supports, SignedDuration::from_mins(30));
        let reasons = |group: &Group| group.reasons.iter().map(|reason| reason.name()).collect();
        groups.iter().map(|group| (group.members.clone(), reasons(group))).collect()
    }

    #[test]
    fn incidents_are_grouped_by_each_reason() {
        let host = |mut item: Item, host: &str| {
            item.host = Some(host.to_owned());
            item
        };
        let check = |mut item: Item| {
            item.check = Some("Down".to_owned());
            item
        };
        for (one, other, supports, reason) in [
            (item("A", 0, "disk # full"), item("B", 20, "disk # full"), None, "title"),
            (item("A", 0, "x"), item("B", 20, "y"), Some(("A", "B")), "dependency"),
            (item("A", 0, "x"), item("B", 20, "y"), Some(("B", "A")), "dependency"),
            (item("A", 0, "x"), item("A", 30, "y"), None, "service"),
            (check(item("A", 0, "x")), check(item("B", 1, "y")), None, "check"),
            (host(item("A", 0, "x"), "db-1"), host(item("B", 1, "y"), "db-1"), None, "host"),
        ] {
            let supports: Vec<_> = supports.into_iter().collect();
            assert_eq!(members(&[other.clone(), one.clone()], &supports), [(vec![1, 0], vec![reason])]);
            let late = Item { at: item("", 90, "").at, ..other };
            assert_eq!(members(&[one, late], &supports).len(), 2, "{reason} too late");
        }
    }

    #[test]
    fn place_alone_does_not_relate_a_warning_to_an_outage() {
        let urgent = |item: Item, urgency: &str| Item { urgency: Some(urgency.to_owned()), ..item };
        let items = [urgent(item("A", 0, "disk"), "low"), urgent(item("A", 1, "5xx"), "high")];
        assert_eq!(members(&items, &[]).len(), 2);
        let items = [urgent(item("A", 0, "disk"), "low"), urgent(item("B", 1, "disk"), "high")];
        assert_eq!(members(&items, &[("A", "B")]), [(vec![0, 1], vec!["title"])]);
    }

    #[test]
    fn alert_key_groups_at_any_time_and_missing_facts_never() {
        let key = |mut item: Item| {
            item.key = Some("k".to_owned());
            item
        };
        let items = [key(item("A", 0, "x")), key(item("B", 600, "y"))];
        assert_eq!(members(&items, &[]), [(vec![0, 1], vec!["alert_key"])]);
        let unknown = Item { at: item("", 0, "").at, ..Item::default() };
        assert_eq!(members(&[unknown.clone(), unknown], &[]).len(), 2);
        let timeless = Item { at: None, ..item("A", 0, "x") };
        assert_eq!(members(&[timeless.clone(), timeless], &[]).len(), 2);
    }

    #[test]
    fn forty_incidents_of_three_causes_are_three_groups() {
        let titles = (0..20).map(|number| item(&format!("S{number}"), number, "certificate of host # is invalid"));
        let dependent = (0..14).map(|number| item(["DB", "API", "WEB"][number % 3], 40, &format!("title {number}")));
        let late = (0..6).map(|minute| item("MAIL", 400 + minute, "queue # is long"));
        let items: Vec<_> = dependent.chain(late).chain(titles).collect();
        let found = members(&items, &[("DB", "API"), ("API", "WEB")]);
        assert_eq!(found.iter().map(|(members, _)| members.len()).collect::<Vec<_>>(), [20, 14, 6]);
        assert_eq!(found[1].1, ["dependency", "service"].map(|_| "dependency").into_iter().take(1).collect::<Vec<_>>());
        assert_eq!(found[2].1, ["title"]);
    }

    #[test]
    fn cause_is_the_one_service_that_the_others_need() {
        let supports = [("DB", "API"), ("API", "WEB"), ("OTHER", "DB")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(cause(&BTreeSet::from(["API", "DB", "WEB"]), &supports), Some("DB"));
        assert_eq!(cause(&BTreeSet::from(["WEB", "MAIL"]), &supports), None);
        let cycle = [("A", "B"), ("B", "A")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(cause(&BTreeSet::from(["A", "B"]), &cycle), None);
    }
}
