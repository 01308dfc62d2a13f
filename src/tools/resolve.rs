//! Replaces the names in the arguments of a call by IDs, and refuses links to another account.

use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use super::Context;
use crate::error::{Code, Error, Family, Result};
use crate::ids::Id;
use crate::models::Model;
use crate::params::{self, Declaration, Form, Link, Reference, shorten};
use crate::reply::Reply;

/// The ID that stands for those that are not known yet while the other arguments are checked.
pub(super) const PENDING: &str = "PENDING";

/// The arguments of a call that need more than decoding.
pub(super) struct Lookups {
    references: Vec<Reference>,
    links: Vec<Link>,
    /// The texts that were taken for IDs and may be names.
    unusual: Vec<String>,
}

impl Lookups {
    pub(super) fn of(arguments: &Map<String, Value>, declarations: &[Declaration]) -> Self {
        Self {
            references: params::references(arguments, declarations),
            links: params::links(arguments, declarations),
            unusual: params::unusual_ids(arguments, declarations),
        }
    }

    /// Returns whether every text is certainly an ID.
    pub(super) fn is_empty(&self) -> bool {
        self.references.is_empty() && self.links.is_empty() && self.unusual.is_empty()
    }

    /// Returns the arguments with IDs in the places of names, and remarks on the names. The lookups run side by side.
    pub(super) async fn resolve(
        &self,
        cx: &Context,
        arguments: &Map<String, Value>,
        declarations: &[Declaration],
    ) -> Result<(Map<String, Value>, Vec<String>)> {
        let ids = try_join_all(self.references.iter().map(|reference| id(cx, reference))).await?;
        let (ids, remarks): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
        let mut ids = ids.into_iter();
        let mut remarks = remarks.concat();
        remarks.dedup();
        Ok((params::with_ids(arguments, declarations, |_| ids.next()), remarks))
    }

    /// Refuses links to another account before the call, if its account is known. For a change it has to be known.
    pub(super) async fn check_before(&self, cx: &Context) -> Result<()> {
        if self.links.is_empty() {
            return Ok(());
        }
        let own = if cx.api.is_urgent() { cx.api.subdomain().await } else { cx.api.known_subdomain() };
        self.check(own)
    }

    /// Returns the outcome of a call, or the refusal of a link to another account, if the account became known only by the
    /// call's own requests, or is not known yet.
    pub(super) async fn check_after(&self, cx: &Context, outcome: Result<Reply>) -> Result<Reply> {
        // Another failure has the same reason for the current user.
        let is_telling = outcome.as_ref().map_or_else(|error| error.code() == Code::NotFound, |_| true);
        if !self.links.is_empty() {
            self.check(if is_telling { cx.api.subdomain().await } else { cx.api.known_subdomain() })?;
        }
        let Some(remark) = self.taken_for_ids() else { return outcome };
        match outcome {
            Ok(reply) if reply.is_empty() => Ok(reply.warned([remark])),
            Err(error) if error.code() == Code::NotFound => {
                let hint = error.hint_text().map(|hint| format!("{hint} ")).unwrap_or_default();
                Err(error.hint(format!("{hint}{remark}")))
            }
            outcome => outcome,
        }
    }

    /// Returns a remark on the texts that were taken for IDs and may be names.
    fn taken_for_ids(&self) -> Option<String> {
        let words = shorten(&self.unusual.join(", "));
        (!self.unusual.is_empty()).then(|| format!("{words} was taken for an ID; write a name in lower case."))
    }

    fn check(&self, own: Option<&str>) -> Result<()> {
        let Some(own) = own else { return Ok(()) };
        let Some(foreign) = self.links.iter().find(|link| link.subdomain != own) else { return Ok(()) };
        let Link { parameter, text, subdomain } = foreign;
        let message = format!(
            "{parameter} is {:?}, which belongs to the account {subdomain}, but the credential belongs to {own}",
            shorten(text)
        );
        Err(Error::new(Code::WrongAccount, message).hint(
            "Use a credential of that account, or pass an object of this one. If the account was renamed, pass the ID alone.",
        ))
    }
}

/// Returns the objects that texts within an argument stand for, as the argument itself would, and remarks on names.
pub(super) async fn ids<M: Model>(
    cx: &Context,
    parameter: &'static str,
    texts: &[String],
) -> Result<(Vec<Id<M>>, Vec<String>)> {
    let declaration = Declaration { name: parameter, description: "", required: false, form: Form::Id(M::RESOURCE) };
    let objects = texts.iter().map(|text| {
        let declaration = &declaration;
        async move {
            let argument = Map::from_iter([(parameter.to_owned(), text.as_str().into())]);
            let declarations = std::slice::from_ref(declaration);
            let lookups = Lookups::of(&argument, declarations);
            lookups.check_before(cx).await?;
            let (argument, remarks) = lookups.resolve(cx, &argument, declarations).await?;
            Ok((params::read::<Id<M>>(&argument, parameter)?, remarks))
        }
    });
    let (ids, remarks): (Vec<_>, Vec<_>) = try_join_all(objects).await?.into_iter().unzip();
    Ok((ids, remarks.concat()))
}

/// Returns the ID of a reference, and remarks on how it was found.
async fn id(cx: &Context, reference: &Reference) -> Result<(String, Vec<String>)> {
    let Reference { parameter, resource, text } = reference;
    let quoted = format!("{parameter} is {:?}, ", shorten(text));
    if reference.is_me() {
        let me = cx.api.me().await.map_err(|error| match error.code() {
            Code::NoUserContext => error.preceded(&quoted).hint("Pass the user's ID, name or email address."),
            _ => error,
        })?;
        return Ok((me.id.to_string(), Vec::new()));
    }
    match cx.api.named(resource, text).await {
        Ok(found) => Ok((found.id.clone(), found.remarks.clone())),
        Err(error) if error.code().family() == Family::Arguments => Err(error.preceded(&quoted)),
        Err(error) => Err(error.preceded(&format!("{quoted}which could not be looked up: "))),
    }
}
