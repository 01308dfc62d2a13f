//! One login, from the opening of the browser to its last page.

use oauth2::CsrfToken;
use tokio::time::timeout;

use super::browser;
use super::callback::{Answer, Callback};
use super::identity::{Identity, Ticket};
use super::page::Page;
use super::tokens::{Store, Tokens};
use crate::config::{OAUTH_TIMEOUT, OAuth};
use crate::error::{Code, Error, Result, spoken};

/// Logs in: opens the browser, waits for its answer, redeems the code and stores the tokens. Only then does the page
/// report success.
pub async fn run(settings: &OAuth, identity: &Identity, store: &Store) -> Result<Tokens> {
    let state = CsrfToken::new_random();
    let mut callback = Callback::listen(settings.callback_port, state.clone()).await?;
    let ticket = identity.begin(callback.port, &state)?;
    browser::open(ticket.url.as_str(), callback.port, &settings.browser);
    let arrived = timeout(settings.timeout, &mut callback.arrival).await;
    let outcome = match arrived {
        Ok(Ok((answer, reply))) => {
            let (outcome, page) = conclude(answer, ticket, identity, store).await;
            // The browser may have been closed, which does not affect the login.
            let _ = reply.send(page);
            outcome
        }
        Ok(Err(_)) => Err(Error::new(Code::Internal, "the login's callback ended by itself")),
        Err(_) => {
            Err(Error::new(Code::LoginTimeout, format!("no login within {}", spoken(settings.timeout))).hint(format!(
                "Call again and log in with the browser, or run `pagerduty-mcp-server auth login`. {OAUTH_TIMEOUT} \
                 allows more time; on a machine without a browser, set PAGERDUTY_API_TOKEN."
            )))
        }
    };
    callback.close().await;
    outcome
}

async fn conclude(answer: Answer, ticket: Ticket, identity: &Identity, store: &Store) -> (Result<Tokens>, Page) {
    let failed = |message: String| Error::new(Code::LoginFailed, message);
    match answer {
        Answer::Denied => {
            let error = failed("access was declined on PagerDuty's page".to_owned())
                .hint("Call again and accept, or use another credential (PAGERDUTY_API_TOKEN).");
            (Err(error), Page::Denied)
        }
        Answer::Error(word) => {
            let error = failed(format!("PagerDuty ended the login with the error {word:?}")).hint(
                "Check that the app at PagerDuty has the scopes read and write and this server's redirect URL, then log in \
                 again.",
            );
            (Err(error), Page::Failed)
        }
        Answer::Code(code) => {
            // A refresh in another process would overwrite these tokens. It may take longer than the code is valid, so the code
            // is redeemed in the meantime.
            let redeemed = identity.redeem(&code, ticket.verifier, ticket.redirect);
            let (right, redeemed) = tokio::join!(store.exclusive(), redeemed);
            let tokens = match redeemed {
                Ok(tokens) => tokens,
                Err(error) => return (Err(error), Page::Failed),
            };
            match store.save(&tokens, &right).await {
                Ok(()) => (Ok(tokens), Page::Done),
                Err(error) => (Err(error), Page::NotStored),
            }
        }
    }
}
