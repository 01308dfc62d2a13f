//! A value that concurrent callers fetch once and that is kept for a short time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use crate::error::Result;
use crate::metrics;
use crate::sync::lock;

/// The time that a value is kept.
const MAX_AGE: Duration = Duration::from_mins(1);

/// A single-flight cache cell. `K` is the key that the value was fetched for: for another key it is fetched again.
pub struct Cached<K, T>(Arc<Mutex<State<K, T>>>);

struct State<K, T> {
    value: Option<(K, T, Instant)>,
    /// The fetch in flight. Only its callers hold it: when the last of them is gone, its requests are canceled.
    in_flight: Option<(K, WeakShared<Fetch<T>>)>,
    /// The number of the latest fetch, which distinguishes it from those that it replaced.
    generation: u64,
}

type Fetch<T> = BoxFuture<'static, Result<T>>;

impl<K, T> Default for Cached<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { value: None, in_flight: None, generation: 0 })))
    }
}

impl<K, T> fmt::Debug for Cached<K, T> {
    /// Writes no value, since it may be a user's name and address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cached(…)")
    }
}

impl<K, T> Cached<K, T>
where
    K: Clone + PartialEq + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Returns the value for a key, fetching it if it is not kept.
    ///
    /// Concurrent callers share one fetch and its outcome. It continues as long as one of them waits. An error is not
    /// kept.
    pub async fn get(&self, key: K, fetch: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let shared = {
            let mut state = lock(&self.0);
            match &state.value {
                Some((kept_for, value, at)) if *kept_for == key && at.elapsed() < MAX_AGE => {
                    metrics::cache("context", true);
                    return Ok(value.clone());
                }
                _ => metrics::cache("context", false),
            }
            let in_flight = state.in_flight.as_ref().filter(|(fetched_for, _)| *fetched_for == key);
            match in_flight.and_then(|(_, fetch)| fetch.upgrade()) {
                Some(in_flight) => in_flight,
                None => self.begin(&mut state, key, fetch),
            }
        };
        shared.await
    }

    /// Returns the value for a key, if it is kept.
    pub fn kept(&self, key: &K) -> Option<T> {
        let state = lock(&self.0);
        let fresh = |(kept_for, value, at): &(K, T, Instant)| {
            (kept_for == key && at.elapsed() < MAX_AGE).then(|| value.clone())
        };
        state.value.as_ref().and_then(fresh)
    }

    /// Keeps a value that was fetched for another purpose.
    pub fn keep(&self, key: K, value: T) {
        lock(&self.0).value = Some((key, value, Instant::now()));
    }

    /// Fetches the value for a key even if one is kept, and keeps it.
    pub async fn refresh(&self, key: K, fetch: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let shared = self.begin(&mut lock(&self.0), key, fetch);
        shared.await
    }

    fn begin(
        &self,
        state: &mut State<K, T>,
        key: K,
        fetch: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Shared<Fetch<T>> {
        state.generation += 1;
        let (generation, began, cell) = (state.generation, Instant::now(), Arc::clone(&self.0));
        let fetched_for = key.clone();
        let fetch = async move {
            let outcome = fetch.await;
            let mut state = lock(&cell);
            if state.generation == generation {
                state.in_flight = None;
                if let Ok(value) = &outcome {
                    state.value = Some((fetched_for, value.clone(), began));
                }
            }
            outcome
        };
        let shared = fetch.boxed().shared();
        state.in_flight = shared.downgrade().map(|fetch| (key, fetch));
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::error::{Code, Error};

    /// Fetches that wait for a permit and return their number.
    struct Source {
        begun: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Source {
        fn new() -> Self {
            Self { begun: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
        }

        fn fetch(&self) -> impl Future<Output = Result<usize>> + Send + 'static {
            let (begun, gate) = (Arc::clone(&self.begun), Arc::clone(&self.gate));
            async move {
                let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                gate.acquire().await.unwrap().forget();
                Ok(number)
            }
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch() {
        let (cached, source) = (Cached::default(), Source::new());
        source.gate.add_permits(1);
        let all = futures_util::future::join_all((0..50).map(|_| cached.get((), source.fetch()))).await;
        assert!(all.into_iter().all(|value| value.unwrap() == 1));
        assert_eq!(cached.get((), source.fetch()).await.unwrap(), 1, "kept");
    }

    #[tokio::test]
    async fn fetch_outlives_its_first_caller_but_not_its_last() {
        let (cached, source) = (Cached::default(), Source::new());
        let mut first = Box::pin(cached.get((), source.fetch()));
        let mut second = Box::pin(cached.get((), source.fetch()));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(first);
        source.gate.add_permits(1);
        assert_eq!(second.await.unwrap(), 1, "the second caller continued it");

        let alone = Cached::<(), usize>::default();
        let mut waiting = Box::pin(alone.get((), source.fetch()));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(waiting);
        source.gate.add_permits(1);
        assert_eq!(alone.get((), source.fetch()).await.unwrap(), 3, "the fetch without callers was canceled");
    }

    #[tokio::test(start_paused = true)]
    async fn value_is_kept_for_a_minute_and_for_its_key() {
        let (cached, source) = (Cached::default(), Source::new());
        source.gate.add_permits(9);
        assert_eq!(cached.get("a", source.fetch()).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(cached.get("a", source.fetch()).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cached.get("a", source.fetch()).await.unwrap(), 2);
        assert_eq!(cached.get("b", source.fetch()).await.unwrap(), 3, "another key");
        assert_eq!(cached.refresh("b", source.fetch()).await.unwrap(), 4, "fetched again");
        assert_eq!(cached.get("b", source.fetch()).await.unwrap(), 4, "and kept");
    }

    #[tokio::test]
    async fn error_is_shared_and_not_kept() {
        let cached = Cached::<(), usize>::default();
        let tries = RefCell::new(0);
        let fail = || {
            *tries.borrow_mut() += 1;
            async {
                tokio::task::yield_now().await;
                Err(Error::new(Code::NetworkError, "no"))
            }
        };
        let (one, two) = tokio::join!(cached.get((), fail()), cached.get((), fail()));
        assert!(one.is_err() && two.is_err());
        assert_eq!(cached.get((), async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn fetch_before_a_refresh_does_not_replace_it() {
        let (cached, source) = (Cached::default(), Source::new());
        let mut old = Box::pin(cached.get((), source.fetch()));
        assert!(old.as_mut().now_or_never().is_none());
        assert_eq!(cached.refresh((), async { Ok(100) }).await.unwrap(), 100);
        source.gate.add_permits(1);
        assert_eq!(old.await.unwrap(), 1);
        assert_eq!(cached.get((), source.fetch()).await.unwrap(), 100);
    }
}
