//! The cache: one lock for look-ups, which is never held while something is loaded, dropped or waited for.

use super::counters::ResourceCounters;
use super::entry::{Entry, Held, Uses, Value};
use super::error::ResourceError;
use super::flight::{Flight, Waited};
use super::request::{Key, Request};
use super::state::{Gone, State, Step};
use crate::exec::sys::{Mutex, MutexGuard};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What a load gives.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) value: Value,
    /// What it takes in memory; 0 when the load does not know better than whoever asked.
    pub(crate) bytes: u64,
}

/// What a load says when it fails.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: i32,
    pub(crate) message: String,
}

/// Everything that is loaded or being loaded.
#[derive(Debug)]
pub(crate) struct Cache {
    state: Mutex<State>,
    uses: Arc<Uses>,
}

impl Cache {
    pub(super) fn new(budget: u64, load_timeout: Duration) -> Self {
        Self { state: Mutex::new(State::new(budget, load_timeout)), uses: Arc::default() }
    }

    /// Gives what is kept, waits for who loads it, or has `load` do it here and now.
    pub(crate) fn get(
        &self,
        request: &Request<'_>,
        load: impl FnOnce() -> Result<Loaded, Failure>,
    ) -> Result<Held, ResourceError> {
        check_key(&request.key)?;
        let until = Instant::now().checked_add(request.wait);
        let mut is_again = false;
        loop {
            let (step, load_timeout) = {
                let mut state = self.lock();
                (state.ask(request, is_again)?, state.load_timeout)
            };
            let flight = match step {
                Step::Hit(held) => return Ok(held),
                Step::Load(flight) => return Takeoff { cache: self, request, flight, has_returned: false }.run(load),
                Step::Wait(flight) => flight,
            };
            match flight.wait(request, until, load_timeout) {
                Waited::Over(outcome) => return outcome,
                Waited::Again => is_again = true,
                Waited::Late => return Err(self.late(request)),
                Waited::Cancelled => return Err(ResourceError::Cancelled { key: Arc::clone(&request.key.name) }),
            }
        }
    }

    fn late(&self, request: &Request<'_>) -> ResourceError {
        self.lock().counters.wait_timeouts += 1;
        let waited_ms = u64::try_from(request.wait.as_millis()).unwrap_or(u64::MAX);
        ResourceError::Timeout { key: Arc::clone(&request.key.name), waited_ms }
    }

    /// Ends a load: keeps what it gave, if it is still wanted, and answers who waits.
    fn end(
        &self,
        request: &Request<'_>,
        flight: &Arc<Flight>,
        loaded: Result<Loaded, ResourceError>,
    ) -> Result<Held, ResourceError> {
        let entry = loaded.map(|loaded| {
            let bytes = if loaded.bytes == 0 { request.bytes } else { loaded.bytes };
            Entry::new(flight.tag(), loaded.value, bytes, &self.uses)
        });
        let loaded = entry.as_ref().map_err(Clone::clone);
        let outcome = self.changing(|state, gone| state.end((&request.key, flight), loaded, gone));
        // After the slot is right: whoever asks because of an answer has to find it so.
        flight.land(outcome.clone());
        outcome
    }

    /// Puts a value of the application in, in the place of what is there.
    pub(super) fn insert(&self, request: &Request<'_>, value: Value) -> Result<Held, ResourceError> {
        check_key(&request.key)?;
        let entry = Entry::new(&request.tag.into(), value, request.bytes, &self.uses);
        self.changing(|state, gone| state.insert(&request.key, &entry, gone))?;
        Ok(Held::new(entry))
    }

    /// Changes the state, and drops what left it when the lock is free again.
    pub(super) fn changing<R>(&self, change: impl FnOnce(&mut State, &mut Gone) -> R) -> R {
        let mut gone = Gone::new();
        let result = change(&mut self.lock(), &mut gone);
        drop(gone);
        result
    }

    pub(super) fn counters(&self) -> ResourceCounters {
        let mut state = self.lock();
        state.sweep();
        state.counters
    }

    /// Nothing that can panic runs under this lock, so a poisoned one holds nothing broken.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_key(key: &Key) -> Result<(), ResourceError> {
    match key.name.len() {
        1..=super::KEY_LEN_MAX => Ok(()),
        len => Err(ResourceError::Key { len }),
    }
}

/// Ends its load when it is dropped, also by a panic.
struct Takeoff<'a> {
    cache: &'a Cache,
    request: &'a Request<'a>,
    flight: Arc<Flight>,
    has_returned: bool,
}

impl Takeoff<'_> {
    fn run(mut self, load: impl FnOnce() -> Result<Loaded, Failure>) -> Result<Held, ResourceError> {
        let loaded = load();
        self.has_returned = true;
        let loaded = loaded.map_err(|failure| ResourceError::Load {
            key: Arc::clone(&self.request.key.name),
            message: failure.message.into(),
            status: failure.status,
        });
        self.cache.end(self.request, &self.flight, loaded)
    }
}

impl Drop for Takeoff<'_> {
    fn drop(&mut self) {
        if !self.has_returned {
            let error = ResourceError::Panicked { key: Arc::clone(&self.request.key.name) };
            // The answer is the error that was just passed in.
            let _answer = self.cache.end(self.request, &self.flight, Err(error));
        }
    }
}
