//! `get_vendors`.

use pagerduty_api::operations::vendors::LIST_VENDORS;

use super::{About, Context, Tool, Toolset, run};
use crate::client::Query;
use crate::error::Result;
use crate::models::Vendor;
use crate::params::{Include, Limit, Offset};
use crate::reply::Reply;

/// The tools about vendors.
pub(super) const SET: Toolset = Toolset {
    name: "vendors",
    title: "Vendors",
    about: "The vendors of integrations.",
    default: false,
    instructions: "",
    tools: &[&GET_VENDORS],
};

/// Returns a list of vendors.
pub(super) const GET_VENDORS: Tool = Tool::new::<Params>(
    "get_vendors",
    About { title: "List vendors", description: "List vendors of integrations.", hint: "vendors" },
    &[&LIST_VENDORS],
    |cx, arguments| run(cx, arguments, get_vendors),
);

crate::params! {
    struct Params {
        "Max results, default 100"
        limit: Option<Limit>,
        "next_offset of the previous answer; after changing rows start again at 0"
        offset: Option<Offset>,
        "Only these fields; +name adds to the default ones"
        include: Include<Vendor>,
    }
}

async fn get_vendors(cx: Context, params: Params) -> Result<Reply> {
    cx.list(Query::new(), cx.want(params.limit, params.offset), &params.include, "include").await
}
