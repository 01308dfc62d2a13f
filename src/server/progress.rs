//! Progress notifications (all revisions, "Progress"): signs of life while a call runs.
//!
//! A client gives a token with its request if it wants them. Some start their time-out anew with each one, and so wait for
//! an answer that takes long.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rmcp::RoleServer;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::RequestContext;
use tokio::time::{Instant, sleep};

use super::handler::caller;

/// How long a call runs before the first notification, and between two of them. Well below the time-outs of clients that
/// heed them, and long enough that nearly all calls are answered without any.
const INTERVAL: Duration = Duration::from_secs(5);

/// Waits for `call`, and reports meanwhile that it runs, if the request asks for that and its client can be told.
///
/// Over HTTP the answer is JSON unless there is something to be told before it, so the client must have said that it reads
/// event streams.
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
                // It may be on its way already, and must not arrive after the answer.
                notification.await.ok();
                return outcome;
            }
            Either::Right(_) => {}
        }
    }
}
