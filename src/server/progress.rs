//! Progress notifications (all revisions, "Progress"): signs of life while a call runs.
//!
//! A client that wants them gives a token with its request. Some clients restart their time-out with each notification,
//! and so wait for an answer that takes long.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rmcp::RoleServer;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::RequestContext;
use tokio::time::{Instant, sleep};

use super::handler::caller;

/// The time a call runs before the first notification, and between two of them. It is well below the time-outs of
/// clients that restart them, and long enough that nearly all calls are answered without one.
const INTERVAL: Duration = Duration::from_secs(5);

/// Waits for `call`, and reports meanwhile that it runs, if the request asks for that and its client can be notified.
///
/// Over HTTP the answer is JSON unless a notification comes before it, so the client must have said that it reads event
/// streams.
pub(super) async fn reported<F: Future>(context: &RequestContext<RoleServer>, call: F) -> F::Output {
    let readable = caller(context).is_none_or(|caller| caller.reads_events);
    let Some(token) = context.meta.get_progress_token().filter(|_| readable) else { return call.await };
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
