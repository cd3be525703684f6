//! One load per key, and what becomes of those who wait for it.

use super::*;
use crate::exec::sys::{AtomicBool, Ordering};
use crate::resource::{Asker, Failure, Held, Loaded, Request, Scope};
use crossbeam_channel::{Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

const THREADS: u64 = if cfg!(miri) { 8 } else { 64 };

/// Lets a load wait until everybody else waits for it; a lock that is held while it loads would end in a deadlock.
fn when_all_wait(resources: &Resources) {
    wait_for("everybody waits", || resources.counters().waits == THREADS - 1);
}

/// Asks on many threads at once; the load runs when all but one of them wait for it.
fn ask_at_once<T: Send + Sync + 'static>(
    resources: &Resources,
    load: impl Fn() -> Result<T, &'static str> + Sync,
) -> Vec<thread::Result<Result<Resource<T>, ResourceError>>> {
    let load = || {
        when_all_wait(resources);
        load()
    };
    thread::scope(|scope| {
        let ask = || resources.get(ResourceKey::new("model").wait(LONG), load);
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    })
}

#[test]
fn f12_threads_that_ask_at_once_share_one_load_and_one_value() {
    let resources = Resources::new();
    let all = ask_at_once(&resources, || Ok(vec![1_u8, 2, 3]));
    let values: Vec<_> = all.into_iter().map(|value| value.unwrap().unwrap()).collect();
    assert!(values.iter().all(|value| std::ptr::eq(&raw const **value, &raw const *values[0])));
    let counters = resources.counters();
    assert_eq!((counters.loads, counters.hits, counters.misses), (1, 0, THREADS));
    assert_eq!((counters.entries, counters.loading, counters.insertions), (1, 0, 1));
}

#[test]
fn f12_error_reaches_all_who_wait_and_the_next_one_who_asks_loads_again() {
    let resources = Resources::new();
    let all = ask_at_once::<u8>(&resources, || Err("no such file"));
    for error in all {
        assert_eq!(error.unwrap().unwrap_err().to_string(), "loading `model` fails: no such file");
    }
    assert_eq!((resources.counters().loads, resources.counters().load_failures), (1, 1));
    assert_eq!(*resources.get("model", gives(7_u8)).unwrap(), 7);
    assert_eq!((resources.counters().loads, resources.counters().entries), (2, 1));
}

#[test]
fn f12_panic_of_a_load_wakes_all_who_wait_with_an_error() {
    let resources = Resources::new();
    let all = ask_at_once::<u8>(&resources, || panic!("on purpose"));
    let (panicked, told): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_err);
    assert_eq!((panicked.len(), told.len() as u64), (1, THREADS - 1));
    for error in told {
        assert_eq!(error.unwrap().unwrap_err(), ResourceError::Panicked { key: "model".into() });
    }
    assert_eq!(*resources.get("model", gives(7_u8)).unwrap(), 7);
}

#[test]
fn f26_counters_stay_true_after_a_panic_in_a_load() {
    let resources = Resources::new();
    let kept = resources.get(ResourceKey::new("kept").bytes(10), gives(1_u8)).unwrap();
    let panic = || resources.get("model", || -> Result<u8, Infallible> { panic!("on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(panic)).is_err());
    let counters = resources.counters();
    assert_eq!((counters.entries, counters.bytes, counters.loading, counters.load_failures), (1, 10, 0, 1));
    assert_eq!(*resources.get("kept", never::<u8>).unwrap(), *kept);
}

#[test]
fn f12_slow_load_does_not_delay_another_key() {
    let resources = Resources::new();
    let (open, gate) = bounded::<()>(1);
    thread::scope(|scope| {
        let slow = scope.spawn(|| resources.get("slow", || gate.recv().map(|()| 1_u8)).map(|value| *value));
        wait_for("the slow load", || resources.counters().loading == 1);
        assert_eq!(*resources.get("quick", gives(2_u8)).unwrap(), 2, "while the other one is still being loaded");
        assert_eq!(resources.counters().loading, 1);
        open.send(()).unwrap();
        assert_eq!(slow.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn f11_load_begun_before_clear_serves_who_waits_and_is_not_kept() {
    for clear in [|resources: &Resources| resources.clear(), |resources: &Resources| resources.remove("model")] {
        let resources = Resources::new();
        let (open, gate) = bounded::<()>(1);
        let load = || gate.recv().map(|()| "old".to_owned());
        thread::scope(|scope| {
            let loader = scope.spawn(|| resources.get("model", load));
            wait_for("the load", || resources.counters().loading == 1);
            let waiter = scope.spawn(|| resources.get("model", load));
            wait_for("the wait", || resources.counters().waits == 1);
            assert_eq!(clear(&resources), 0, "nothing was kept yet");
            let new = resources.get("model", gives("new".to_owned())).unwrap();
            assert_eq!(*new, "new", "who asks after the clear gets what is loaded after it");
            open.send(()).unwrap();
            assert_eq!(*loader.join().unwrap().unwrap(), "old");
            assert_eq!(*waiter.join().unwrap().unwrap(), "old");
        });
        assert_eq!(*resources.get("model", never::<String>).unwrap(), "new");
        let counters = resources.counters();
        assert_eq!((counters.loads, counters.loads_cleared, counters.entries, counters.loading), (2, 1, 1, 0));
    }
}

#[test]
fn wait_ends_at_its_deadline_and_the_load_goes_on() {
    let resources = Resources::new();
    let (open, gate) = bounded::<()>(1);
    thread::scope(|scope| {
        let loader = scope.spawn(|| resources.get("model", || gate.recv().map(|()| 1_u8)));
        wait_for("the load", || resources.counters().loading == 1);
        let error = resources.get(ResourceKey::new("model").wait(Duration::from_millis(1)), never::<u8>).unwrap_err();
        assert_eq!(error, ResourceError::Timeout { key: "model".into(), waited_ms: 1 });
        assert_eq!((resources.counters().wait_timeouts, resources.counters().loads), (1, 1));
        open.send(()).unwrap();
        assert_eq!(*loader.join().unwrap().unwrap(), 1);
    });
    assert_eq!(*resources.get("model", never::<u8>).unwrap(), 1);
}

/// A node that can be given up.
#[derive(Debug, Default)]
struct Node(AtomicBool);

impl Asker for Node {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

fn ask(resources: &Resources, node: &Arc<Node>, load: impl FnOnce() -> u8) -> Result<u8, ResourceError> {
    let request = Request::new(Scope::Plugin(1), ResourceKey::new("model").wait(LONG), "u8");
    let request = request.of(Arc::clone(node) as Arc<dyn Asker>);
    let load = || Ok::<_, Failure>(Loaded { value: Arc::new(load()), bytes: 0 });
    resources.cache().get(&request, load).map(|held: Held| *held.value().downcast_ref::<u8>().unwrap())
}

fn gated(value: u8) -> (Sender<()>, impl FnOnce() -> u8) {
    let (open, gate) = bounded(1);
    let load = move || {
        // The gate opens when the test sends, or gives up.
        let _opened = gate.recv();
        value
    };
    (open, load)
}

#[test]
fn load_of_a_node_that_is_given_up_blocks_nobody_and_its_late_value_is_not_kept() {
    let resources = Resources::new();
    let [hung, waiting, next] = [(); 3].map(|()| Arc::new(Node::default()));
    let (open_hung, load_hung) = gated(1);
    let (open_next, load_next) = gated(2);
    thread::scope(|scope| {
        let hung_call = scope.spawn(|| ask(&resources, &hung, load_hung));
        wait_for("the load", || resources.counters().loading == 1);
        let waiter = scope.spawn(|| ask(&resources, &waiting, || 3));
        wait_for("the wait", || resources.counters().waits == 1);
        hung.0.store(true, Ordering::Release);
        // Whichever of the two comes first loads anew, and the other one waits for that or finds it.
        let next_call = scope.spawn(|| ask(&resources, &next, load_next));
        wait_for("the next load", || resources.counters().loads == 2);
        open_next.send(()).ok();
        let fresh = waiter.join().unwrap().unwrap();
        assert_eq!(next_call.join().unwrap().unwrap(), fresh);
        assert_ne!(fresh, 1);
        let counters = resources.counters();
        assert_eq!((counters.loads, counters.loads_given_up, counters.loads_late), (2, 1, 0));
        open_hung.send(()).unwrap();
        assert_eq!(hung_call.join().unwrap().unwrap(), 1, "the late one has what it loaded");
        assert_eq!(ask(&resources, &next, || 4).unwrap(), fresh, "and nobody else does");
    });
    let counters = resources.counters();
    assert_eq!((counters.loads_late, counters.insertions, counters.entries, counters.loading), (1, 1, 1, 0));
}

#[test]
fn wait_of_a_node_that_is_cancelled_ends() {
    let resources = Resources::new();
    let [loading, waiting] = [(); 2].map(|()| Arc::new(Node::default()));
    let (open, load) = gated(1);
    thread::scope(|scope| {
        let loader = scope.spawn(|| ask(&resources, &loading, load));
        wait_for("the load", || resources.counters().loading == 1);
        let waiter = scope.spawn(|| ask(&resources, &waiting, || 3));
        wait_for("the wait", || resources.counters().waits == 1);
        waiting.0.store(true, Ordering::Release);
        assert_eq!(waiter.join().unwrap().unwrap_err(), ResourceError::Cancelled { key: "model".into() });
        open.send(()).unwrap();
        assert_eq!(loader.join().unwrap().unwrap(), 1);
    });
    assert_eq!(ask(&resources, &waiting, || 3), Ok(1), "what is there is given");
    resources.clear();
    let error = ask(&resources, &waiting, || panic!("nobody wants it")).unwrap_err();
    assert_eq!(error, ResourceError::Cancelled { key: "model".into() });
}

#[test]
fn load_of_the_application_blocks_nobody_after_its_timeout() {
    let resources = Resources::new();
    let (open, gate) = bounded::<()>(1);
    thread::scope(|scope| {
        let loader = scope.spawn(|| resources.get("model", || gate.recv().map(|()| 1_u8)).map(|value| *value));
        wait_for("the load", || resources.counters().loading == 1);
        resources.set_load_timeout(Duration::ZERO);
        assert_eq!(*resources.get("model", gives(2_u8)).unwrap(), 2);
        open.send(()).unwrap();
        assert_eq!(loader.join().unwrap().unwrap(), 1);
    });
    assert_eq!(*resources.get("model", never::<u8>).unwrap(), 2);
    assert_eq!((resources.counters().loads_given_up, resources.counters().loads_late), (1, 1));
}

#[test]
fn load_that_asks_for_itself_is_refused_and_one_that_asks_for_others_is_not() {
    let resources = Resources::new();
    let nested = resources.get("outer", || {
        let error = resources.get("outer", never::<u8>).unwrap_err();
        assert_eq!(error.to_string(), "the load of `outer` asks for itself");
        resources.get("inner", gives(1_u8)).map(|inner| *inner + 1)
    });
    assert_eq!(*nested.unwrap(), 2);
}

#[test]
fn key_of_another_type_is_refused_while_it_is_loaded_and_afterwards() {
    let resources = Resources::new();
    let wrong = |resources: &Resources| resources.get("model", never::<String>).unwrap_err().to_string();
    let message = "`model` is of type `u8`, not `alloc::string::String`; use another key for another type";
    let (open, gate) = bounded::<()>(1);
    thread::scope(|scope| {
        let loader = scope.spawn(|| resources.get("model", || gate.recv().map(|()| 1_u8)).map(|value| *value));
        wait_for("the load", || resources.counters().loading == 1);
        assert_eq!(wrong(&resources), message);
        open.send(()).unwrap();
        assert_eq!(loader.join().unwrap().unwrap(), 1);
    });
    assert_eq!(wrong(&resources), message);
    assert_eq!((resources.counters().hits, resources.counters().misses), (0, 3));
}
