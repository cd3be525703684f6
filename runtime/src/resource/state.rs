//! What the lock of the cache protects: entries, loads under way, budget and counters. No thread and no wait.

use super::counters::ResourceCounters;
use super::entry::{Entry, Held};
use super::error::ResourceError;
use super::flight::Flight;
use super::request::{Key, Request};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Most entries of a cache: each is something heavy, so more are a key that changes with every question.
/// Miri would take an hour to fill it.
pub(super) const ENTRIES_MAX: usize = if cfg!(miri) { 32 } else { 4096 };

/// Entries that left the cache. Their values are dropped when the lock is free: that may run code that asks again.
pub(super) type Gone = Vec<Arc<Entry>>;

/// The inside of a cache.
#[derive(Debug)]
pub(super) struct State {
    slots: HashMap<Key, Slot>,
    /// What is found no more and still held: it is in memory, so it counts.
    leaving: Vec<Leaving>,
    /// Names that are not evicted, whoever put them in.
    pins: HashSet<Arc<str>>,
    pub(super) budget: u64,
    pub(super) load_timeout: Duration,
    pub(super) counters: ResourceCounters,
}

/// An entry that nobody finds any more.
#[derive(Debug)]
struct Leaving {
    entry: Weak<Entry>,
    bytes: u64,
}

#[derive(Debug)]
enum Slot {
    Ready(Arc<Entry>),
    Loading(Arc<Flight>),
}

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Step {
    Hit(Held),
    Wait(Arc<Flight>),
    Load(Arc<Flight>),
}

impl State {
    pub(super) fn new(budget: u64, load_timeout: Duration) -> Self {
        let counters = ResourceCounters::default();
        Self { slots: HashMap::new(), leaving: Vec::new(), pins: HashSet::new(), budget, load_timeout, counters }
    }

    /// Decides about a question; `is_again` for one that waited in vain and was counted before.
    pub(super) fn ask(&mut self, request: &Request<'_>, is_again: bool) -> Result<Step, ResourceError> {
        let step = self.step(request);
        if !is_again {
            match step {
                Ok(Step::Hit(_)) => self.counters.hits += 1,
                _ => self.counters.misses += 1,
            }
        }
        step
    }

    fn step(&mut self, request: &Request<'_>) -> Result<Step, ResourceError> {
        let key = || Arc::clone(&request.key.name);
        let (tag, found) = match self.slots.get(&request.key) {
            Some(Slot::Ready(entry)) if **entry.tag() == *request.tag => {
                return Ok(Step::Hit(Held::new(Arc::clone(entry))));
            }
            Some(Slot::Ready(entry)) => (entry.tag(), None),
            Some(Slot::Loading(flight)) if flight.is_here() => return Err(ResourceError::Reentrant { key: key() }),
            Some(Slot::Loading(flight)) if flight.is_stale(self.load_timeout) => {
                let flight = Arc::clone(flight);
                self.give_up(request, &flight);
                return self.begin(request);
            }
            Some(Slot::Loading(flight)) => (flight.tag(), Some(flight)),
            None => return self.begin(request),
        };
        match found {
            Some(flight) if **tag == *request.tag => {
                self.counters.waits += 1;
                Ok(Step::Wait(Arc::clone(flight)))
            }
            _ => Err(ResourceError::Type { key: key(), wanted: request.tag.into(), found: Arc::clone(tag) }),
        }
    }

    /// Begins a load, unless nobody wants it any more or it is known that there is no room for what it would give.
    fn begin(&mut self, request: &Request<'_>) -> Result<Step, ResourceError> {
        if request.is_cancelled() {
            return Err(ResourceError::Cancelled { key: Arc::clone(&request.key.name) });
        }
        self.check_room(&request.key, request.bytes)?;
        let flight = Flight::new(request);
        self.slots.insert(request.key.clone(), Slot::Loading(Arc::clone(&flight)));
        self.counters.loads += 1;
        self.counters.loading += 1;
        Ok(Step::Load(flight))
    }

    fn give_up(&mut self, request: &Request<'_>, flight: &Arc<Flight>) {
        self.slots.remove(&request.key);
        self.counters.loads_given_up += 1;
        self.counters.loading -= 1;
        flight.give_up();
    }

    /// Takes the end of a load and says what its outcome is for those who wait.
    pub(super) fn end(
        &mut self,
        (key, flight): (&Key, &Arc<Flight>),
        loaded: Result<&Arc<Entry>, ResourceError>,
        gone: &mut Gone,
    ) -> Result<Held, ResourceError> {
        if flight.is_given_up() {
            self.counters.loads_late += 1;
            if let Ok(entry) = loaded {
                self.let_go(entry);
            }
            return loaded.map(|entry| Held::new(Arc::clone(entry)));
        }
        self.counters.loading -= 1;
        // The slot is the generation: what was cleared or replaced meanwhile has another one, or none.
        let is_awaited = matches!(self.slots.get(key), Some(Slot::Loading(now)) if Arc::ptr_eq(now, flight));
        if is_awaited {
            self.slots.remove(key);
        }
        let outcome = loaded.and_then(|entry| {
            if is_awaited {
                self.insert(key, entry, gone)?;
            } else {
                self.counters.loads_cleared += 1;
                self.let_go(entry);
            }
            Ok(Held::new(Arc::clone(entry)))
        });
        if outcome.is_err() {
            self.counters.load_failures += 1;
        }
        outcome
    }

    /// Puts an entry in, in the place of what was there, and makes room for it.
    pub(super) fn insert(&mut self, key: &Key, entry: &Arc<Entry>, gone: &mut Gone) -> Result<(), ResourceError> {
        self.check_room(key, entry.bytes())?;
        self.remove(key, gone);
        self.evict_until(self.budget.saturating_sub(entry.bytes()), ENTRIES_MAX - 1, gone);
        self.slots.insert(key.clone(), Slot::Ready(Arc::clone(entry)));
        self.counters.insertions += 1;
        self.counters.entries += 1;
        self.counters.bytes += entry.bytes();
        Ok(())
    }

    /// Whether there is room for so many bytes once everything that may go has gone.
    fn check_room(&mut self, key: &Key, bytes: u64) -> Result<(), ResourceError> {
        self.sweep();
        let (mut kept, mut entries) = (self.leaving.iter().map(|leaving| leaving.bytes).sum::<u64>(), 0);
        for (other, entry) in self.ready() {
            // What is replaced goes whether it is pinned or not, but not from under those who hold it.
            let is_kept = if other == key { Held::is_any(entry) } else { self.is_kept(other, entry) };
            if is_kept {
                kept += entry.bytes();
                entries += usize::from(other != key);
            }
        }
        let name = || Arc::clone(&key.name);
        if kept.saturating_add(bytes) > self.budget {
            return Err(ResourceError::OverBudget { key: name(), bytes, kept, budget: self.budget });
        }
        if entries >= ENTRIES_MAX {
            return Err(ResourceError::TooMany { key: name(), entries });
        }
        Ok(())
    }

    /// Evicts what nobody holds, the longest unused first, until no more than so much is left.
    pub(super) fn evict_until(&mut self, bytes_max: u64, entries_max: usize, gone: &mut Gone) {
        while self.counters.bytes > bytes_max || self.counters.entries > entries_max as u64 {
            let free = self.ready().filter(|(key, entry)| !self.is_kept(key, entry));
            let Some(key) = free.min_by_key(|(_, entry)| entry.last_used()).map(|(key, _)| key.clone()) else { return };
            if let Some(Slot::Ready(entry)) = self.slots.remove(&key) {
                self.count_out(&entry);
                self.counters.evictions += 1;
                gone.push(entry);
            }
        }
    }

    /// Brings the entries back under the budget, as far as they may go.
    pub(super) fn trim(&mut self, gone: &mut Gone) {
        self.sweep();
        self.evict_until(self.budget, ENTRIES_MAX, gone);
    }

    /// Forgets what is kept or being loaded under a key; whether anything was kept.
    pub(super) fn remove(&mut self, key: &Key, gone: &mut Gone) -> bool {
        let Some(Slot::Ready(entry)) = self.slots.remove(key) else { return false };
        self.count_out(&entry);
        if Held::is_any(&entry) {
            self.let_go(&entry);
        }
        self.counters.removals += 1;
        gone.push(entry);
        true
    }

    /// Forgets what is kept or being loaded under a name in every scope, or under all of them.
    pub(super) fn clear(&mut self, name: Option<&str>, gone: &mut Gone) -> usize {
        let keys: Vec<Key> =
            self.slots.keys().filter(|key| name.is_none_or(|name| *key.name == *name)).cloned().collect();
        keys.iter().filter(|key| self.remove(key, gone)).count()
    }

    pub(super) fn pin(&mut self, name: &str) {
        self.pins.insert(name.into());
    }

    pub(super) fn unpin(&mut self, name: &str) -> bool {
        self.pins.remove(name)
    }

    fn is_kept(&self, key: &Key, entry: &Arc<Entry>) -> bool {
        Held::is_any(entry) || self.pins.contains(&key.name)
    }

    fn ready(&self) -> impl Iterator<Item = (&Key, &Arc<Entry>)> {
        self.slots.iter().filter_map(|(key, slot)| match slot {
            Slot::Ready(entry) => Some((key, entry)),
            Slot::Loading(_) => None,
        })
    }

    /// Counts what nobody finds for as long as somebody holds it.
    fn let_go(&mut self, entry: &Arc<Entry>) {
        self.leaving.push(Leaving { entry: Arc::downgrade(entry), bytes: entry.bytes() });
        self.counters.bytes += entry.bytes();
    }

    /// Counts out what was let go and is held no more.
    pub(super) fn sweep(&mut self) {
        let gone = self.leaving.extract_if(.., |leaving| leaving.entry.strong_count() == 0);
        self.counters.bytes -= gone.map(|leaving| leaving.bytes).sum::<u64>();
    }

    fn count_out(&mut self, entry: &Entry) {
        self.counters.entries -= 1;
        self.counters.bytes -= entry.bytes();
    }
}
