//! The operations for objects of every kind: lists with their filters and pages, and single objects.

use super::account::Account;
use super::call::Call;
use super::documents::Document;
use super::kind::Kind;
use super::params::Params;
use super::reply::{self, Answer, OrNotFound};

/// Answers `GET /KIND`.
pub fn list(kind: &'static Kind, account: &Account, call: &Call) -> Answer {
    let documents = select(kind, account, &call.params);
    let includes = call.includes();
    let view = call.view(account, &includes);
    reply::list(kind.many, &documents, &call.params, |document| view.whole(kind, document))
}

/// Answers `GET /KIND/{id}`.
pub fn show(kind: &'static Kind, account: &Account, call: &Call) -> Answer {
    one(kind, account.documents.get(kind, &call.id).or_404()?, account, call)
}

/// Answers with one object.
pub fn one(kind: &'static Kind, document: &Document, account: &Account, call: &Call) -> Answer {
    reply::one(kind.name, &call.view(account, &call.includes()).whole(kind, document))
}

/// Returns the documents that pass every filter whose parameter is present.
pub fn select<'a>(kind: &Kind, account: &'a Account, params: &Params) -> Vec<&'a Document> {
    let asked = kind.filters.iter().map(|(name, filter)| (params.all(name), filter));
    let asked: Vec<_> = asked.filter(|(wanted, _)| !wanted.is_empty()).collect();
    let passes = |document: &&Document| asked.iter().all(|(wanted, filter)| filter.matches(account, document, wanted));
    account.documents.all(kind).iter().filter(passes).collect()
}
