//! The watch over a worker whose call word the test writes.

use super::*;
use crate::exec::clock::VirtualClock;
use crate::exec::context::{NoWake, NodeContext, NodeName};
use crate::exec::control::Params;
use crate::exec::events::{Events, SessionEvent};
use crate::exec::supervise::Supervisor;
use crate::exec::sys::Barrier;
use crate::exec::worker;
use crate::graph::{PassThrough, Policy, RestartPolicy};
use crossbeam_channel::unbounded;

const SECOND_NS: i64 = 1_000_000_000;

/// A watch over one running node, with the policy that it may not be restarted.
fn watch() -> (Watch, Receiver<Milestone>, Arc<NodeCounters>) {
    let clock = Arc::new(VirtualClock::new());
    let (tell, milestones) = unbounded();
    let (counters, shared) = (Arc::new(NodeCounters::default()), Arc::new(SessionShared::default()));
    let name = NodeName::new("session", "model", "kind");
    let context = Arc::new(NodeContext::new(name, 1, clock.clone(), Arc::new(NoWake)));
    let policy = Policy { restart: RestartPolicy { max: 0, ..RestartPolicy::default() }, ..Policy::default() };
    let supervisor = Supervisor::new(&policy, PassThrough::Impossible, 1).unwrap();
    let supervisor = SharedSupervisor::new(supervisor, context.clone(), counters.clone(), shared.events().clone());
    supervisor.on(Event::Created, 0, None);
    supervisor.on(Event::Started, 0, None);
    let node = WatchedNode {
        current: Arc::new(CurrentContext::new(context)),
        supervisor: Arc::new(supervisor),
        kept: Arc::new(Kept::new(Vec::new(), policy)),
        counters: counters.clone(),
        control: Arc::new(NodeControl::new(Params::new(), Arc::default())),
        deadlines: Deadlines::default(),
        slow_until_ns: None,
        plugin_file: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let worker = WatchedWorker {
        name: "model".to_string(),
        lease: Arc::new(Lease::new(Barrier::new())),
        thread: Arc::new(AtomicU64::new(u64::MAX)),
        nodes: vec![node],
        locals: Vec::new(),
        was_replaced: false,
        replica: None,
    };
    shared.add_worker();
    let watch = Watch { workers: vec![worker], shared, clock, milestones: tell, start: worker::start_replacement };
    (watch, milestones, counters)
}

/// The changes of the session so far, without the coming up.
fn changes(watch: &Watch) -> Vec<(i64, NodeState)> {
    let mut events = Events::new(watch.shared.events().clone());
    let all = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        SessionEvent::State(change) => Some((change.at_ns, change.to)),
        SessionEvent::Missed(_) => None,
    });
    all.skip(2).collect()
}

#[test]
fn call_is_hung_exactly_at_its_deadline() {
    let (mut watch, milestones, counters) = watch();
    let lease = watch.workers[0].lease.clone();
    let mut seen = [None];
    lease.enter(1, 0, Operation::Process);
    for now_ns in [7, 500, SECOND_NS / 2 - 1] {
        watch.look(&mut seen, now_ns);
        assert!(!lease.is_revoked(), "{now_ns}");
    }
    watch.look(&mut seen, SECOND_NS + 6);
    assert!(!lease.is_revoked());
    watch.look(&mut seen, SECOND_NS + 7);
    assert!(lease.is_revoked() && !lease.leave());
    let deadline_ns = SECOND_NS + 7;
    let wanted =
        [(SECOND_NS + 6, NodeState::Degraded), (deadline_ns, NodeState::Hung), (deadline_ns, NodeState::Tripped)];
    assert_eq!(changes(&watch), wanted);
    assert_eq!((counters.state(), counters.timeouts.value()), (NodeState::Tripped, 1));
    assert!(matches!(milestones.try_recv(), Ok(Milestone::Lost(worker)) if worker == "model"));
    let failures = watch.shared.failures();
    assert!(failures[0].message.starts_with("no return after 1000 ms, the deadline is 1000 ms"), "{failures:?}");
    watch.look(&mut seen, 100 * SECOND_NS);
    assert_eq!(watch.shared.failures().len(), 1, "a lost worker is told once");
    assert!(watch.shared.ended().is_some());
}

#[test]
fn node_is_degraded_by_a_slow_call_until_none_was_slow_for_a_whole_deadline() {
    let (mut watch, _milestones, counters) = watch();
    let lease = watch.workers[0].lease.clone();
    let mut seen = [None];
    let mut slow_call = |watch: &mut Watch, seq: u64, from_ns: i64| {
        lease.enter(seq, 0, Operation::Process);
        watch.look(&mut seen, from_ns);
        watch.look(&mut seen, from_ns + SECOND_NS / 2);
        assert!(lease.leave());
        watch.look(&mut seen, from_ns + SECOND_NS / 2 + 1);
    };
    slow_call(&mut watch, 1, 0);
    assert_eq!(counters.state(), NodeState::Degraded);
    slow_call(&mut watch, 2, SECOND_NS - 1);
    let until_ns = SECOND_NS * 5 / 2 - 1;
    watch.look(&mut [None], until_ns - 1);
    assert_eq!(counters.state(), NodeState::Degraded);
    watch.look(&mut [None], until_ns);
    assert_eq!(changes(&watch), [(SECOND_NS / 2, NodeState::Degraded), (until_ns, NodeState::Running)]);
}

#[test]
fn busy_worker_is_never_hung_however_long_it_works() {
    let (mut watch, _milestones, _) = watch();
    let lease = watch.workers[0].lease.clone();
    let mut seen = [None];
    for call in 1..100 {
        lease.enter(call, 0, Operation::Process);
        watch.look(&mut seen, i64::try_from(call).unwrap() * SECOND_NS * 9 / 10);
        assert!(lease.leave());
    }
    assert!(watch.shared.failures().is_empty());
}

#[test]
fn upkeep_is_done_by_a_watch_that_has_nothing_else_to_do() {
    let (watch, ..) = watch();
    let ((end, ends), (tell, told)) = (unbounded::<()>(), unbounded());
    let thread = std::thread::spawn(move || watch.run(&ends, || tell.send(()).unwrap()));
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(end);
    thread.join().unwrap();
}
