//! One load per plugin, however many ask for it at the same time.
//!
//! The first who asks starts the load on a thread of its own; everybody, the first included, waits for the result
//! with a deadline. A result that is an error answers those who waited and is then forgotten, so the next one who
//! asks tries again. While a load is beyond its deadline, later askers wait for that same load: a plugin is never
//! entered twice at a time.

use crate::exec::sys;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Everything that is loaded or being loaded. Its lock is held for look-ups only.
#[derive(Debug)]
pub(super) struct Flights<K, T, E> {
    by_key: Mutex<HashMap<K, Arc<Flight<T, E>>>>,
}

/// One load.
#[derive(Debug)]
struct Flight<T, E> {
    outcome: Mutex<Option<Result<Arc<T>, E>>>,
    is_over: Condvar,
    progress: Arc<Progress>,
}

/// How far a load has come, for the message of its deadline.
#[derive(Debug, Default)]
pub(super) struct Progress {
    is_in_entry: AtomicBool,
}

impl Progress {
    /// Notes that code of the plugin's entry function runs from now on.
    pub(super) fn enter(&self) {
        self.is_in_entry.store(true, Ordering::Relaxed);
    }
}

/// How waiting for a load ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Landing<T, E> {
    /// The load is over.
    Over(Result<Arc<T>, E>),
    /// The deadline has passed; the load goes on.
    Late {
        /// Whether it has come as far as the entry function.
        is_in_entry: bool,
    },
    /// No thread could be started, for this reason.
    NoThread(String),
}

impl<K, T, E> Flights<K, T, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    pub(super) fn new() -> Self {
        Self { by_key: Mutex::new(HashMap::new()) }
    }

    /// Gives what is loaded under `key`, waits for who loads it already, or has `load` do it on a thread of its own.
    ///
    /// `on_panic` is the error of a `load` that panics.
    pub(super) fn join(
        &'static self,
        key: K,
        timeout: Duration,
        on_panic: E,
        load: impl FnOnce(&Progress) -> Result<T, E> + Send + 'static,
    ) -> Landing<T, E> {
        let mut by_key = lock(&self.by_key);
        if let Some(flight) = by_key.get(&key).cloned() {
            drop(by_key);
            return flight.wait(timeout);
        }
        let progress = Arc::new(Progress::default());
        let outcome = Mutex::new(None);
        let flight = Arc::new(Flight { outcome, is_over: Condvar::new(), progress: Arc::clone(&progress) });
        by_key.insert(key.clone(), Arc::clone(&flight));
        drop(by_key);
        let takeoff = Takeoff { flights: self, key, flight: Arc::clone(&flight), outcome: Err(on_panic) };
        let body = move || {
            let mut takeoff = takeoff;
            takeoff.outcome = load(&progress).map(Arc::new);
        };
        // A thread that cannot be started drops `body`, and that ends the flight for those who wait already.
        match sys::spawn("gm-load", body) {
            Ok(_detached) => flight.wait(timeout),
            Err(error) => Landing::NoThread(error.to_string()),
        }
    }

    fn forget(&self, key: &K, flight: &Arc<Flight<T, E>>) {
        let mut by_key = lock(&self.by_key);
        if by_key.get(key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            by_key.remove(key);
        }
    }
}

/// Ends its flight when it is dropped, also by a panic.
struct Takeoff<K, T, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    flights: &'static Flights<K, T, E>,
    key: K,
    flight: Arc<Flight<T, E>>,
    outcome: Result<Arc<T>, E>,
}

impl<K, T, E> Drop for Takeoff<K, T, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    fn drop(&mut self) {
        if self.outcome.is_err() {
            // Before those who wait are told: whoever asks after them has to find nothing.
            self.flights.forget(&self.key, &self.flight);
        }
        *lock(&self.flight.outcome) = Some(self.outcome.clone());
        self.flight.is_over.notify_all();
    }
}

impl<T, E: Clone> Flight<T, E> {
    fn wait(&self, timeout: Duration) -> Landing<T, E> {
        let outcome = lock(&self.outcome);
        let waited = self.is_over.wait_timeout_while(outcome, timeout, |outcome| outcome.is_none());
        let (outcome, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        match &*outcome {
            Some(outcome) => Landing::Over(outcome.clone()),
            None => Landing::Late { is_in_entry: self.progress.is_in_entry.load(Ordering::Relaxed) },
        }
    }
}

/// A panic never happens under these locks, so a poisoned one holds nothing broken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
