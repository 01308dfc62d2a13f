//! Progress notifications (all revisions, "Progress"): reports that a call is still running.
//!
//! A client requests them with a token. Some clients restart their timeout with each notification, and so wait for an answer
//! that takes long.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use tokio::time::{Instant, sleep};

use super::caller::Caller;

/// The time before the first notification of a call, and between two of them.
///
/// It is well below the timeouts of clients that restart them, and long enough that nearly all calls are answered without a
/// notification.
const INTERVAL: Duration = Duration::from_secs(5);

/// Returns the token of a request whose client can be notified.
pub(super) fn token(context: &RequestContext<RoleServer>) -> Option<ProgressToken> {
    let readable = Caller::from_context(context).is_none_or(|caller| caller.reads_events);
    context.meta.get_progress_token().filter(|_| readable)
}

/// Waits for `call`, and meanwhile reports that it runs, if the request has a token and its client can be notified.
///
/// Over HTTP the answer is JSON unless a notification precedes it, so the client must accept event streams.
pub(super) async fn reported<F: Future>(context: &RequestContext<RoleServer>, call: F) -> F::Output {
    let Some(token) = token(context) else { return call.await };
    let began = Instant::now();
    let mut call = pin!(call);
    loop {
        if let Either::Left((outcome, _)) = select(call.as_mut(), pin!(sleep(INTERVAL))).await {
            return outcome;
        }
        let seconds = began.elapsed().as_secs();
        #[allow(clippy::cast_precision_loss, reason = "seconds of a call")]
        let progress = ProgressNotificationParam::new(token.clone(), seconds as f64)
            .with_message(format!("still running after {seconds} s"));
        match select(call.as_mut(), pin!(context.peer.notify_progress(progress))).await {
            Either::Left((outcome, notification)) => {
                // The notification may be on its way already, and must not arrive after the answer.
                notification.await.ok();
                return outcome;
            }
            Either::Right(_) => {}
        }
    }
}
