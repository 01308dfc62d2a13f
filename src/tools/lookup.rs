//! Tools that return one object by its ID, or a list.

use super::Context;
use super::scope::{Scope, id_excludes};
use crate::client::Query;
use crate::error::Result;
use crate::ids::Id;
use crate::models::{Listed, Readable};
use crate::params::{Extras, Given, Include, Limit, Offset};
use crate::reply::{NAME_FIELDS, Reply};

/// The parameters of such a tool.
pub struct Lookup<'p, M, X> {
    /// The ID of one object, with the name of its parameter.
    pub id: (&'static str, Option<&'p Id<M>>),
    /// The filters of the list.
    pub filters: Given<'p>,
    /// The most rows of the list.
    pub limit: Option<Limit>,
    /// The rows of the list to skip.
    pub offset: Option<Offset>,
    /// The fields of the answer.
    pub include: &'p Include<M, X>,
}

impl<M: Readable + Listed, X: Extras> Lookup<'_, M, X> {
    /// Returns the object, or the list within `scope`, which is only determined for a list.
    pub async fn answer(self, cx: &Context, scope: impl Future<Output = Result<Scope>>) -> Result<Reply> {
        let Lookup { id: (name, id), filters, limit, offset, include } = self;
        if let Some(id) = id {
            let ignored = id_excludes(name, filters, &[("limit", limit.is_some()), ("offset", offset.is_some())])?;
            return Ok(cx.show(id, Query::new(), include, NAME_FIELDS).await?.warned(ignored));
        }
        let Scope { query, warning } = scope.await?;
        let narrow = alternatives(filters);
        let searched = query.searched().filter(|_| offset.is_none()).map(str::to_owned);
        let reply = cx.list(query, cx.want(limit, offset), include, &narrow).await?.warned(warning);
        Ok(cx.with_similar(reply, M::RESOURCE, searched.as_deref()).await)
    }
}

/// Returns the [`Lookup`] of a tool's parameters: the ID's name, and the names of the filters.
macro_rules! lookup {
    ($params:ident, $id:ident, $filters:tt) => {
        $crate::tools::lookup::Lookup {
            id: (stringify!($id), $params.$id.as_ref()),
            filters: &$crate::params::given!($params, $filters),
            limit: $params.limit,
            offset: $params.offset,
            include: &$params.include,
        }
    };
}

pub(super) use lookup;

/// Returns the names of parameters as alternatives: `query, user_ids or team_ids`.
fn alternatives(filters: Given<'_>) -> String {
    let names: Vec<_> = filters.iter().map(|(name, _)| *name).collect();
    match names.as_slice() {
        [names @ .., last] if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        names => names.concat(),
    }
}
