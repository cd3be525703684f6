//! The budget: what goes, what stays, and what is refused.

use super::*;
use crate::resource::state::ENTRIES_MAX;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Loads something of so many bytes and lets go of it.
fn load(resources: &Resources, key: &str, bytes: u64) {
    resources.get(ResourceKey::new(key).bytes(bytes), gives(bytes)).unwrap();
}

fn is_kept(resources: &Resources, key: &str) -> bool {
    let hits = resources.counters().hits;
    let _there_or_not = resources.get(key, || Err::<u64, _>("it is not there"));
    resources.counters().hits > hits
}

fn with_budget(bytes: u64) -> Resources {
    let resources = Resources::new();
    resources.set_budget(bytes);
    resources
}

#[test]
fn what_nobody_holds_makes_room_and_the_longest_unused_goes_first() {
    let resources = with_budget(30);
    ["a", "b", "c"].iter().for_each(|key| load(&resources, key, 10));
    load(&resources, "a", 10);
    load(&resources, "d", 10);
    let kept: Vec<_> = ["a", "b", "c", "d"].into_iter().filter(|key| is_kept(&resources, key)).collect();
    assert_eq!(kept, ["a", "c", "d"]);
    assert_eq!((resources.counters().evictions, resources.counters().bytes), (1, 30));
}

#[test]
fn use_lasts_until_the_handle_is_dropped() {
    let resources = with_budget(20);
    let first = resources.get(ResourceKey::new("first").bytes(10), gives(1_u64)).unwrap();
    load(&resources, "second", 10);
    drop(first);
    load(&resources, "third", 10);
    assert!(is_kept(&resources, "first") && !is_kept(&resources, "second"));
}

#[test]
fn what_is_held_or_pinned_is_never_evicted_and_counts() {
    let resources = with_budget(30);
    let held = resources.get(ResourceKey::new("held").bytes(10), gives(1_u64)).unwrap();
    let second_handle = held.clone();
    drop(held);
    resources.pin("pinned");
    load(&resources, "pinned", 10);
    load(&resources, "free", 10);
    load(&resources, "new", 10);
    assert!(is_kept(&resources, "held") && is_kept(&resources, "pinned") && !is_kept(&resources, "free"));
    let error = resources.get(ResourceKey::new("large").bytes(11), never::<u64>).unwrap_err();
    assert_eq!(error, ResourceError::OverBudget { key: "large".into(), bytes: 11, kept: 20, budget: 30 });
    assert!(is_kept(&resources, "new"), "nothing goes for what does not fit anyway");
    assert!(resources.unpin("pinned") && !resources.unpin("pinned"));
    drop(second_handle);
    load(&resources, "large", 30);
    assert_eq!((resources.counters().entries, resources.counters().bytes), (1, 30));
}

#[test]
fn load_that_is_larger_than_it_was_said_to_be_is_refused_for_all_and_not_kept() {
    let resources = with_budget(30);
    let buffer = || Ok::<_, Infallible>(graphmill_abi::Buffer::zeroed(31));
    let error = resources.shared_buffer("weights", buffer).unwrap_err();
    assert_eq!(error, ResourceError::OverBudget { key: "weights".into(), bytes: 31, kept: 0, budget: 30 });
    let counters = resources.counters();
    assert_eq!((counters.loads, counters.load_failures, counters.entries, counters.bytes), (1, 1, 0, 0));
    resources.set_budget(31);
    assert_eq!(resources.shared_buffer("weights", buffer).unwrap().len(), 31);
}

#[test]
fn what_is_cleared_counts_until_nobody_holds_it() {
    let resources = with_budget(30);
    let held = resources.get(ResourceKey::new("held").bytes(20), gives(1_u64)).unwrap();
    assert_eq!(resources.clear(), 1);
    assert_eq!((resources.counters().entries, resources.counters().bytes), (0, 20), "it is still in memory");
    let error = resources.get(ResourceKey::new("large").bytes(11), never::<u64>).unwrap_err();
    assert_eq!(error, ResourceError::OverBudget { key: "large".into(), bytes: 11, kept: 20, budget: 30 });
    let again = resources.insert(ResourceKey::new("held").bytes(20), 2_u64).unwrap_err();
    assert!(matches!(again, ResourceError::OverBudget { kept: 20, .. }), "{again}");
    drop(held);
    assert_eq!(resources.counters().bytes, 0);
    load(&resources, "large", 30);
}

#[test]
fn what_is_replaced_while_it_is_held_counts_beside_the_new_one() {
    let resources = with_budget(30);
    let old = resources.insert(ResourceKey::new("table").bytes(10), 1_u64).unwrap();
    let new = resources.insert(ResourceKey::new("table").bytes(20), 2_u64).unwrap();
    assert_eq!((*old, *new, resources.counters().bytes), (1, 2, 30));
    drop(old);
    assert_eq!(resources.counters().bytes, 20);
}

#[test]
fn lower_budget_evicts_at_once_what_it_can_and_the_rest_when_its_pin_goes() {
    let resources = Resources::new();
    assert_eq!(resources.budget(), BUDGET_BYTES);
    resources.pin("pinned");
    load(&resources, "pinned", 10);
    load(&resources, "free", 10);
    resources.set_budget(5);
    assert_eq!((resources.counters().bytes, resources.counters().evictions), (10, 1));
    resources.unpin("pinned");
    assert_eq!((resources.counters().bytes, resources.counters().evictions), (0, 2));
}

#[test]
fn f10_clear_takes_the_entries_and_leaves_the_counters_and_pins() {
    let resources = with_budget(20);
    resources.pin("pinned");
    load(&resources, "pinned", 10);
    let held = resources.get(ResourceKey::new("held").bytes(10), gives(5_u64)).unwrap();
    let before = resources.counters();
    assert_eq!(resources.clear(), 2);
    let after = resources.counters();
    assert_eq!((after.entries, after.bytes, after.removals), (0, 10, 2), "what is held is still in memory");
    assert_eq!((after.hits, after.misses, after.loads, after.insertions), (0, 2, 2, 2));
    assert_eq!((before.insertions, before.entries), (after.insertions, 2));
    assert_eq!(*held, 5, "who holds it keeps it");
    drop(held);
    load(&resources, "pinned", 10);
    load(&resources, "a", 10);
    load(&resources, "b", 10);
    assert!(is_kept(&resources, "pinned"), "a pin stays");
}

#[test]
fn value_of_the_application_takes_the_place_of_the_old_one() {
    let resources = with_budget(35);
    let old = resources.insert(ResourceKey::new("table").bytes(15), vec![1]).unwrap();
    let new = resources.insert(ResourceKey::new("table").bytes(20), vec![2]).unwrap();
    assert_eq!((&*old, &*new), (&vec![1], &vec![2]));
    drop(old);
    resources.set_budget(20);
    assert_eq!(*resources.get("table", never::<Vec<i32>>).unwrap(), [2]);
    let counters = resources.counters();
    assert_eq!((counters.insertions, counters.removals, counters.entries, counters.bytes), (2, 1, 1, 20));
    assert!(matches!(resources.insert(ResourceKey::new("more").bytes(1), 0), Err(ResourceError::OverBudget { .. })));
    assert_eq!(resources.remove("table") + resources.remove("table"), 1);
}

/// Looks at the cache when it is dropped.
struct Curious(Resources, Arc<AtomicU64>);

impl Drop for Curious {
    fn drop(&mut self) {
        self.1.store(1 + self.0.counters().entries, Ordering::SeqCst);
    }
}

#[test]
fn no_lock_is_held_while_a_value_is_dropped() {
    let resources = with_budget(10);
    let seen = Arc::new(AtomicU64::new(0));
    let curious = || gives(Curious(resources.clone(), Arc::clone(&seen)));
    let last_seen = || seen.swap(0, Ordering::SeqCst);
    let key = ResourceKey::new("curious").bytes(10);
    resources.get(key, curious()).unwrap();
    load(&resources, "other", 10);
    assert_eq!(last_seen(), 2, "evicted");
    resources.get(key, curious()).unwrap();
    resources.clear();
    assert_eq!(last_seen(), 1, "cleared");
    resources.get(key, curious()).unwrap();
    resources.set_budget(0);
    assert_eq!(last_seen(), 1, "evicted by a lower budget");
    resources.set_budget(10);
    resources
        .get("curious", || {
            resources.set_budget(0);
            resources.pin("pinned");
            Ok::<_, Infallible>(Curious(resources.clone(), Arc::clone(&seen)))
        })
        .unwrap();
    resources.set_budget(10);
    let shrinking = resources.get(ResourceKey::new("shrunk").bytes(5), || {
        resources.set_budget(1);
        Ok::<_, Infallible>(Curious(resources.clone(), Arc::clone(&seen)))
    });
    assert!(matches!(shrinking, Err(ResourceError::OverBudget { bytes: 5, budget: 1, .. })));
    assert_eq!(last_seen(), 2, "refused after its load; the one without bytes is still there");
    resources.clear();
}

#[test]
fn number_of_entries_is_bounded_too() {
    let resources = Resources::new();
    let held: Vec<_> = (0..ENTRIES_MAX).map(|n| resources.get(&n.to_string(), gives(n)).unwrap()).collect();
    let error = resources.get("one more", never::<u8>).unwrap_err();
    assert_eq!(error, ResourceError::TooMany { key: "one more".into(), entries: ENTRIES_MAX });
    drop(held);
    resources.get("one more", gives(1_u8)).unwrap();
    assert_eq!((resources.counters().entries, resources.counters().evictions), (ENTRIES_MAX as u64, 1));
    assert!(!is_kept(&resources, "0"), "the longest unused went");
}

#[test]
fn keys_have_a_length_and_messages_show_the_beginning_of_long_ones() {
    let resources = Resources::new();
    let long = "k".repeat(KEY_LEN_MAX + 1);
    for key in ["", long.as_str()] {
        assert_eq!(resources.get(key, never::<u8>).unwrap_err(), ResourceError::Key { len: key.len() });
    }
    let error = resources.get(&long[1..], || Err::<u8, _>("no")).unwrap_err();
    assert_eq!(error.to_string(), format!("loading `{}...` fails: no", "k".repeat(64)));
}
