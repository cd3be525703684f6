//! Random operations against a model that keeps everything in a list.

use super::*;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

#[derive(Debug, Clone)]
enum Op {
    /// Ask for a key that takes so many bytes, and how its load ends if there is one.
    Get {
        key: usize,
        bytes: u64,
        end: End,
    },
    Insert {
        key: usize,
        bytes: u64,
    },
    /// Let go of one of the handles.
    Release(usize),
    Remove(usize),
    Clear,
    Pin(usize),
    Unpin(usize),
    Budget(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Well,
    Error,
    Panic,
    /// The key is cleared while it is loaded.
    Cleared,
}

fn any_op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS.len();
    let end = prop_oneof![4 => Just(End::Well), 1 => Just(End::Error), 1 => Just(End::Panic), 1 => Just(End::Cleared)];
    prop_oneof![
        6 => (key.clone(), 0..12_u64, end).prop_map(|(key, bytes, end)| Op::Get { key, bytes, end }),
        1 => (key.clone(), 0..12_u64).prop_map(|(key, bytes)| Op::Insert { key, bytes }),
        4 => (0..8_usize).prop_map(Op::Release),
        1 => key.clone().prop_map(Op::Remove),
        1 => Just(Op::Clear),
        1 => key.clone().prop_map(Op::Pin),
        1 => key.prop_map(Op::Unpin),
        1 => (5..40_u64).prop_map(Op::Budget),
    ]
}

#[derive(Debug, Clone)]
struct Kept {
    key: usize,
    /// Tells apart what was loaded under one key.
    number: u64,
    bytes: u64,
    used: u64,
}

/// What the cache should be, and the handles that the test has: a number for each.
#[derive(Debug)]
struct Model {
    kept: Vec<Kept>,
    /// What was removed while somebody held it: number and bytes.
    leaving: Vec<(u64, u64)>,
    held: Vec<u64>,
    pins: [bool; KEYS.len()],
    budget: u64,
    time: u64,
    counters: ResourceCounters,
}

impl Model {
    fn is_fixed(&self, kept: &Kept) -> bool {
        self.pins[kept.key] || self.held.contains(&kept.number)
    }

    fn has_room(&self, key: usize, bytes: u64) -> bool {
        let is_fixed =
            |kept: &&Kept| if kept.key == key { self.held.contains(&kept.number) } else { self.is_fixed(kept) };
        let fixed = self.kept.iter().filter(is_fixed);
        fixed.map(|kept| kept.bytes).sum::<u64>() + self.leaving_bytes() + bytes <= self.budget
    }

    fn leaving_bytes(&self) -> u64 {
        self.leaving.iter().map(|(_, bytes)| bytes).sum()
    }

    fn evict(&mut self, bytes_max: u64) {
        while self.kept.iter().map(|kept| kept.bytes).sum::<u64>() + self.leaving_bytes() > bytes_max {
            let free = self.kept.iter().enumerate().filter(|(_, kept)| !self.is_fixed(kept));
            let Some((at, _)) = free.min_by_key(|(_, kept)| kept.used) else { break };
            self.kept.remove(at);
            self.counters.evictions += 1;
        }
    }

    fn remove(&mut self, is_meant: impl Fn(&Kept) -> bool) -> usize {
        let removed: Vec<Kept> = self.kept.extract_if(.., |kept| is_meant(kept)).collect();
        let held = removed.iter().filter(|kept| self.held.contains(&kept.number));
        self.leaving.extend(held.map(|kept| (kept.number, kept.bytes)));
        let count = removed.len();
        self.counters.removals += count as u64;
        count
    }

    fn insert(&mut self, key: usize, number: u64, bytes: u64) -> bool {
        if !self.has_room(key, bytes) {
            return false;
        }
        self.remove(|kept| kept.key == key);
        self.evict(self.budget - bytes);
        self.time += 1;
        self.kept.push(Kept { key, number, bytes, used: self.time });
        self.held.push(number);
        self.counters.insertions += 1;
        true
    }

    /// The number that the question is answered with.
    fn get(&mut self, (key, bytes): (usize, u64), number: u64, end: End) -> Option<u64> {
        self.time += 1;
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.key == key) {
            kept.used = self.time;
            self.held.push(kept.number);
            self.counters.hits += 1;
            return Some(kept.number);
        }
        self.counters.misses += 1;
        if !self.has_room(key, bytes) {
            return None;
        }
        self.counters.loads += 1;
        match end {
            End::Cleared => {
                self.remove(|_| true);
                self.counters.loads_cleared += 1;
                self.leaving.push((number, bytes));
                self.held.push(number);
                return Some(number);
            }
            End::Well if self.insert(key, number, bytes) => return Some(number),
            _ => self.counters.load_failures += 1,
        }
        None
    }

    fn release(&mut self, at: usize) {
        let number = self.held.remove(at);
        if !self.held.contains(&number) {
            self.leaving.retain(|(leaving, _)| *leaving != number);
        }
        self.time += 1;
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.number == number) {
            kept.used = self.time;
        }
    }

    fn counters(&self) -> ResourceCounters {
        let (entries, bytes) = (self.kept.len() as u64, self.kept.iter().map(|kept| kept.bytes).sum::<u64>());
        let bytes = bytes + self.leaving_bytes();
        ResourceCounters { entries, bytes, ..self.counters }
    }
}

/// Asks the cache as the operation says; `None` when it is refused.
fn get(resources: &Resources, (key, bytes): (usize, u64), number: u64, end: End) -> Option<Resource<u64>> {
    let load = || match end {
        End::Well => Ok(number),
        End::Error => Err("no"),
        End::Panic => panic!("on purpose"),
        End::Cleared => {
            resources.clear();
            Ok(number)
        }
    };
    catch_unwind(AssertUnwindSafe(|| resources.get(ResourceKey::new(KEYS[key]).bytes(bytes), load))).ok()?.ok()
}

fn apply(resources: &Resources, model: &mut Model, handles: &mut Vec<Resource<u64>>, (number, op): (u64, Op)) {
    match op {
        Op::Get { key, bytes, end } => {
            let found = get(resources, (key, bytes), number, end);
            assert_eq!(found.as_deref().copied(), model.get((key, bytes), number, end));
            handles.extend(found);
        }
        Op::Insert { key, bytes } => {
            let inserted = resources.insert(ResourceKey::new(KEYS[key]).bytes(bytes), number).ok();
            assert_eq!(inserted.is_some(), model.insert(key, number, bytes));
            handles.extend(inserted);
        }
        Op::Release(at) if at < handles.len() => {
            drop(handles.remove(at));
            model.release(at);
        }
        Op::Release(_) => (),
        Op::Remove(key) => assert_eq!(resources.remove(KEYS[key]), model.remove(|kept| kept.key == key)),
        Op::Clear => assert_eq!(resources.clear(), model.remove(|_| true)),
        Op::Pin(key) => {
            resources.pin(KEYS[key]);
            model.pins[key] = true;
        }
        Op::Unpin(key) => {
            assert_eq!(resources.unpin(KEYS[key]), std::mem::take(&mut model.pins[key]));
            model.evict(model.budget);
        }
        Op::Budget(bytes) => {
            resources.set_budget(bytes);
            model.budget = bytes;
            model.evict(bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 512 }, failure_persistence: None, ..Default::default() })]

    #[test]
    fn f10_counters_and_entries_are_those_of_the_model_after_every_operation(
        ops in proptest::collection::vec(any_op(), 1..60)
    ) {
        let resources = Resources::new();
        resources.set_budget(30);
        let mut model = Model {
            kept: Vec::new(), leaving: Vec::new(), held: Vec::new(), pins: [false; KEYS.len()], budget: 30, time: 0,
            counters: ResourceCounters::default(),
        };
        let mut handles = Vec::new();
        let mut gets = 0;
        for (number, op) in (1..).zip(ops) {
            gets += u64::from(matches!(op, Op::Get { .. }));
            apply(&resources, &mut model, &mut handles, (number, op));
            let counters = resources.counters();
            prop_assert_eq!(counters, model.counters());
            prop_assert_eq!(counters.hits + counters.misses, gets);
            prop_assert_eq!(counters.entries, counters.insertions - counters.evictions - counters.removals);
        }
    }
}
