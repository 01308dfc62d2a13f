//! The sender of a message that came over HTTP.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Weak};

use http::request::Parts;
use rmcp::RoleServer;
use rmcp::model::Implementation;
use rmcp::service::RequestContext;

use crate::auth::Origin;
use crate::tools::Toolbox;
use crate::trace::Trace;

/// The facts about a request that travel in its extensions to the handler of its message.
#[derive(Clone)]
pub(super) struct Caller {
    /// The credential that the request brings.
    pub origin: Origin,
    /// The tools, if the request narrows them.
    pub toolbox: Option<Arc<Toolbox>>,
    /// The trace that the request belongs to.
    pub trace: Option<Trace>,
    /// Set if the client can read progress notifications before the answer.
    pub reads_events: bool,
    /// Set if the request belongs to a session.
    pub in_session: bool,
    /// The permit by which the request is counted. It is held until all work on the request has ended, even if its
    /// connection closes earlier.
    pub permit: Option<Arc<dyn Any + Send + Sync>>,
    /// A reference that is dropped with the answer's body, which happens when the connection closes.
    pub reader: Option<Weak<()>>,
}

impl Caller {
    /// Returns the caller of a message, or `None` if the message did not come over HTTP.
    pub(super) fn from_context(context: &RequestContext<RoleServer>) -> Option<&Self> {
        context.extensions.get::<Parts>()?.extensions.get()
    }

    /// Returns the client that a message names, or that opened its session. `rmcp` names itself as the client of a
    /// request without a session.
    pub(super) fn client(context: &RequestContext<RoleServer>) -> Option<Implementation> {
        match Self::from_context(context) {
            Some(caller) if !caller.in_session => context.meta.client_info(),
            _ => context.client_info(),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}
