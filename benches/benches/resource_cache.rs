//! What does it cost to ask for something that is loaded already?
//!
//! Baseline in the same run: a `HashMap` of `Arc`s behind a `Mutex`, which is the least that a cache with a lock does.
//! One thread asks, then two at once; keys are those of a cache with as many entries as a large session has models.

use graphmill::{ResourceKey, Resources};
use graphmill_benches::{Request, Way};
use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

const REQUESTS: u64 = 200_000;
const ENTRIES: usize = 64;

fn bare(cache: &Mutex<HashMap<String, Arc<Vec<u8>>>>, keys: &[String]) {
    for key in keys.iter().cycle().take(usize::try_from(REQUESTS).unwrap_or(0)) {
        let found = cache.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        assert!(black_box(found).is_some());
    }
}

fn resources(cache: &Resources, keys: &[String]) {
    for key in keys.iter().cycle().take(usize::try_from(REQUESTS).unwrap_or(0)) {
        let found = cache.get(ResourceKey::new(key), || Ok::<_, Infallible>(vec![0_u8; 16]));
        assert!(black_box(found).is_ok());
    }
}

/// Runs it on two threads at once.
fn twice(body: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        scope.spawn(&body);
        body();
    });
}

fn main() {
    let request = Request::from_arguments();
    let keys: Vec<String> = (0..ENTRIES).map(|at| format!("sha256:{at:064x} cpu")).collect();
    let entries = keys.iter().map(|key| (key.clone(), Arc::new(vec![0_u8; 16])));
    let (map, cache) = (Mutex::new(entries.collect::<HashMap<_, _>>()), Resources::new());
    let ways =
        vec![Way::new("mutex and map", || bare(&map, &keys)), Way::new("resources.get", || resources(&cache, &keys))];
    request.contest("something loaded, one thread", REQUESTS, ways);
    let ways = vec![
        Way::new("mutex and map", || twice(|| bare(&map, &keys))),
        Way::new("resources.get", || twice(|| resources(&cache, &keys))),
    ];
    request.contest("something loaded, two threads", 2 * REQUESTS, ways);
    assert!(cache.counters().loads == ENTRIES as u64, "everything was loaded once");
}
