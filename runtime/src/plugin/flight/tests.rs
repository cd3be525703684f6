use super::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};

type TestFlights = Flights<&'static str, u32, &'static str>;

/// Longer than any machine takes; nothing here waits for it to pass.
const LONG: Duration = Duration::from_secs(600);

fn flights() -> &'static TestFlights {
    Box::leak(Box::new(Flights::new()))
}

fn over(landing: Landing<u32, &'static str>) -> Result<Arc<u32>, &'static str> {
    match landing {
        Landing::Over(outcome) => outcome,
        other => panic!("the load should be over, not {other:?}"),
    }
}

#[test]
fn r2_all_who_ask_at_once_get_the_result_of_one_load() {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    let flights = flights();
    let start = Barrier::new(16);
    let results: Vec<Arc<u32>> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            over(flights.join("a", LONG, "panicked", |_| Ok(LOADS.fetch_add(1, Ordering::SeqCst))))
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    assert_eq!(LOADS.load(Ordering::SeqCst), 1);
    assert!(results.iter().all(|result| Arc::ptr_eq(result, &results[0])));
}

#[test]
fn r2_failed_load_answers_those_who_wait_and_is_tried_again_afterwards() {
    let flights = flights();
    assert_eq!(over(flights.join("a", LONG, "panicked", |_| Err("broken"))), Err("broken"));
    assert_eq!(over(flights.join("a", LONG, "panicked", |_| panic!("on purpose"))), Err("panicked"));
    assert_eq!(over(flights.join("a", LONG, "panicked", |_| Ok(7))), Ok(Arc::new(7)));
    assert_eq!(over(flights.join("a", LONG, "panicked", |_| Err("never called"))), Ok(Arc::new(7)));
}

#[test]
fn r3_slow_load_delays_nobody_else_and_is_joined_after_its_deadline() {
    let flights = flights();
    let (gate, at_gate) = mpsc::channel::<()>();
    let slow = move |_: &Progress| at_gate.recv().map(|()| 1).map_err(|_| "gate gone");
    assert_eq!(flights.join("slow", Duration::ZERO, "panicked", slow), Landing::Late { is_in_entry: false });
    assert_eq!(over(flights.join("quick", LONG, "panicked", |_| Ok(2))), Ok(Arc::new(2)));
    assert_eq!(
        flights.join("slow", Duration::ZERO, "panicked", |_| Err("entered twice")),
        Landing::Late { is_in_entry: false }
    );
    gate.send(()).unwrap();
    assert_eq!(over(flights.join("slow", LONG, "panicked", |_| Err("entered twice"))), Ok(Arc::new(1)));
}
