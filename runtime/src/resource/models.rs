//! The cache on loom's machine: every schedule of two or three threads that ask, fail and clear.

use super::request::{Request, ResourceKey, Scope};
use super::{Cache, Failure, Held, Loaded, ResourceError};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Far away: a wait that needs its timeout is a lost wake-up, and loom reports it as a deadlock.
const LONG: Duration = Duration::from_secs(3600);

fn cache() -> Arc<Cache> {
    Arc::new(Cache::new(100, LONG))
}

fn request() -> Request<'static> {
    Request::new(Scope::Application, ResourceKey::new("model").bytes(10).wait(LONG), "usize")
}

fn ask(cache: &Cache, loads: &AtomicUsize, is_well: bool) -> Result<usize, ResourceError> {
    let load = || {
        let number = 1 + loads.fetch_add(1, Ordering::Relaxed);
        loom::thread::yield_now();
        let value: super::entry::Value = std::sync::Arc::new(number);
        if is_well { Ok(Loaded { value, bytes: 0 }) } else { Err(Failure { status: -1, message: "no".into() }) }
    };
    cache.get(&request(), load).map(|held: Held| *held.value().downcast_ref().unwrap())
}

fn bounded() -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model
}

#[test]
fn two_who_ask_at_once_share_one_load() {
    bounded().check(|| {
        let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
        let other = {
            let (cache, loads) = (cache.clone(), loads.clone());
            loom::thread::spawn(move || ask(&cache, &loads, true))
        };
        assert_eq!(ask(&cache, &loads, true), Ok(1));
        assert_eq!(other.join().unwrap(), Ok(1));
        let counters = cache.counters();
        assert_eq!((counters.loads, counters.hits + counters.misses, counters.entries), (1, 2, 1));
    });
}

/// Whoever waits for a load that fails hears of it; whoever comes after it loads again. Nobody waits for ever.
#[test]
fn error_reaches_who_waits_and_is_not_kept() {
    bounded().check(|| {
        let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
        let failing = {
            let (cache, loads) = (cache.clone(), loads.clone());
            loom::thread::spawn(move || ask(&cache, &loads, false))
        };
        let mine = ask(&cache, &loads, true);
        let theirs = failing.join().unwrap();
        let counters = cache.counters();
        match (&mine, &theirs) {
            (Ok(number), Ok(same)) => assert_eq!((number, same, counters.loads), (&1, &1, 1)),
            (Ok(2), Err(_)) => assert_eq!((counters.loads, counters.load_failures), (2, 1)),
            (Err(_), Err(_)) => assert_eq!((counters.loads, counters.load_failures, counters.entries), (1, 1, 0)),
            other => panic!("{other:?}"),
        }
        assert_eq!(counters.loading, 0);
    });
}

/// What was begun before the clear is not there after it, wherever the clear falls.
#[test]
fn clear_during_a_load_leaves_nothing_that_is_older() {
    bounded().check(|| {
        let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
        let loader = {
            let (cache, loads) = (cache.clone(), loads.clone());
            loom::thread::spawn(move || ask(&cache, &loads, true))
        };
        let before = loads.load(Ordering::Relaxed);
        cache.changing(|state, gone| state.clear(None, gone));
        let mine = ask(&cache, &loads, true).unwrap();
        assert!(mine > before, "load {mine} had begun before the clear");
        assert!(loader.join().unwrap().is_ok());
        let counters = cache.counters();
        assert_eq!((counters.entries, counters.loading), (1, 0));
        assert_eq!(counters.loads, counters.insertions + counters.loads_cleared);
    });
}

/// A handle keeps its entry while another thread makes room.
#[test]
fn what_is_held_is_not_evicted() {
    bounded().check(|| {
        let (cache, loads) = (cache(), Arc::new(AtomicUsize::new(0)));
        ask(&cache, &loads, true).unwrap();
        let trimmer = {
            let cache = cache.clone();
            loom::thread::spawn(move || {
                cache.changing(|state, gone| {
                    state.budget = 5;
                    state.trim(gone);
                    state.counters.entries
                })
            })
        };
        let held = cache.get(&request(), || Err(Failure { status: -1, message: "evicted".into() }));
        let kept = trimmer.join().unwrap();
        match held {
            Ok(_) => assert_eq!((kept, cache.counters().entries), (1, 1)),
            Err(_) => assert_eq!((kept, cache.counters().entries), (0, 0)),
        }
    });
}
