//! The second layer: the time limit of a call begins, and the call waits for a slot.

use tokio::time::{Instant, timeout_at};

use super::{Call, Toolbox};
use crate::error::{Code, Error, Result, spoken};
use crate::reply::Reply;
use crate::tools::Tool;
use crate::tools::change::Started;

impl Toolbox {
    /// Waits for a free slot, if their number is limited, and holds it until the call has ended.
    pub(super) async fn limit(&self, call: &Call, started: &Started) -> Result<Reply> {
        let deadline = Instant::now() + self.timeout;
        let _slot = match &self.slots {
            // The semaphore is never closed, so acquiring a permit does not fail.
            Some(slots) => timeout_at(deadline, slots.acquire()).await.map_err(|_| self.no_slot(call.tool))?.ok(),
            None => None,
        };
        self.authenticate(call, deadline, started).await
    }

    fn no_slot(&self, tool: &Tool) -> Error {
        let error =
            Error::new(Code::Timeout, format!("{} waited {} for a free call slot", tool.name, spoken(self.timeout)));
        let hint = "Too many calls are in progress: send fewer at a time.";
        if tool.is_read_only() { error.hint(hint) } else { error.hint(format!("Nothing was changed. {hint}")) }
    }
}
