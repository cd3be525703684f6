//! Which thread does what: instances stay on the thread that owns them, and handles never run plugin code.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{CallError, Operation, Phase, StartError, abandoned_threads};
use graphmill::graph::{Kinds as _, Role};
use graphmill::{Graph, InstanceOptions, Outcome, Packet, Runtime};
use serde_json::json;
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, await_call, calls, close_gate};

const LONG: Duration = Duration::from_secs(60);

graphmill_plugin_sdk::export!(Gated, GatedSource);

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

/// The calls of a test's only instance: their names, and that all came on one thread that is not the test's.
fn names_on_one_thread(test: &str) -> Vec<&'static str> {
    let seen = calls(test);
    let (_, owner) = seen.first().unwrap();
    assert_ne!(*owner, std::thread::current().id(), "no call comes on the application's thread");
    assert!(seen.iter().all(|(_, thread)| thread == owner), "{seen:?}");
    seen.iter().map(|(name, _)| *name).collect()
}

fn text() -> Packet {
    Packet::from_text("x").unwrap()
}

#[test]
fn f6_every_call_of_a_session_comes_on_the_thread_that_made_the_instance() {
    let runtime = runtime();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 3 }))
        .node("gated", "gated", json!({ "test": "f6-session" }))
        .node("check", "flow.check", json!({ "expect": 3 }))
        .chain(["count", "gated", "check"])
        .build(runtime.plugins())
        .unwrap();
    let report = runtime.start(&graph).unwrap().wait();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    let names = ["create", "start", "process", "process", "process", "flush", "stop", "destroy"];
    assert_eq!(names_on_one_thread("f6-session"), names);
}

#[test]
fn f6_call_that_missed_its_deadline_is_abandoned_and_freed_by_its_own_thread() {
    let test = "f6-timeout";
    let open = close_gate(test);
    let mut options = InstanceOptions::default();
    options.reply_timeout = Duration::from_millis(20);
    let mut instance = runtime().instance_with("gated", &json!({ "test": test, "gated": "process" }), options).unwrap();
    let mut waiting = instance.clone();
    let error = instance.process(0, text()).unwrap_err();
    assert!(matches!(error, CallError::Timeout { operation: Operation::Process, phase: Phase::Reply, .. }), "{error}");
    assert!(error.to_string().contains("process of `gated`: no reply within 20 ms (reply)"), "{error}");
    for instance in [&mut instance, &mut waiting] {
        assert!(matches!(instance.process(0, text()).unwrap_err(), CallError::Abandoned { .. }));
    }
    assert!(abandoned_threads() >= 1, "its thread is counted like that of a node");
    drop(open);
    drop(waiting);
    assert!(instance.close(LONG), "the thread comes back, frees the instance and ends");
    assert_eq!(names_on_one_thread(test), ["create", "start", "process", "destroy"]);
}

/// Whether a thread of this process sleeps.
fn is_asleep(thread: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    // The name may hold anything; the state stands behind its bracket.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S"))
}

/// Has twenty callers wait for one instance that hangs, `impatient` of whom (0 is in the call, 1 is the next) gives up
/// after `patience`. Whether all of them waited by then.
fn twenty_callers_wait(test: &str, impatient: usize, patience: Duration) -> bool {
    let open = close_gate(test);
    let mut for_ever = InstanceOptions::default();
    (for_ever.send_timeout, for_ever.reply_timeout) = (Duration::MAX, Duration::MAX);
    let mut in_a_while = for_ever;
    in_a_while.reply_timeout = patience;
    let params = json!({ "test": test, "gated": "process" });
    let instance = runtime().instance_with("gated", &params, for_ever).unwrap();
    let call = |at: usize| {
        let options = if at == impatient { in_a_while } else { for_ever };
        let mut instance = instance.clone().with_options(options);
        let (tell, thread) = std::sync::mpsc::channel();
        let caller = std::thread::spawn(move || {
            let thread = std::fs::read_link("/proc/thread-self").unwrap();
            tell.send(thread.file_name().unwrap().to_str().unwrap().to_owned()).unwrap();
            instance.process(0, text()).map(|emitted| emitted.len())
        });
        (thread.recv().unwrap(), caller)
    };
    let waits = |(thread, caller): &(String, std::thread::JoinHandle<_>)| {
        while !is_asleep(thread) && !caller.is_finished() {
            std::thread::yield_now();
        }
    };
    let mut callers = vec![call(0)];
    await_call(test, "process");
    for at in 1..20 {
        callers.push(call(at));
        callers.iter().for_each(waits);
    }
    let all_waited = !callers.iter().any(|(_, caller)| caller.is_finished());
    let outcomes: Vec<_> = callers.into_iter().map(|(_, caller)| caller.join().unwrap()).collect();
    for (at, outcome) in outcomes.iter().enumerate() {
        match outcome.as_ref().unwrap_err() {
            CallError::Timeout { phase: Phase::Reply, .. } if at == impatient => {}
            CallError::Abandoned { reason, .. } if at != impatient || !all_waited => {
                assert_eq!(reason, "process did not return in time");
            }
            other => panic!("caller {at}: {other}"),
        }
    }
    // Until here the gate was closed: nobody got away because the call came back.
    drop(open);
    assert!(instance.close(LONG));
    assert_eq!(names_on_one_thread(test), ["create", "start", "process", "destroy"]);
    all_waited
}

#[test]
fn all_who_wait_for_an_instance_fail_as_soon_as_one_of_them_gives_it_up() {
    for impatient in [0, 1] {
        // On a machine that is too busy to have all of them wait in time, the one gets more patience.
        let mut patience = (0..12).map(|doubled| Duration::from_millis(50 << doubled));
        assert!(patience.any(|patience| {
            let test = format!("queue-{impatient}-{}", patience.as_millis());
            twenty_callers_wait(&test, impatient, patience)
        }));
    }
}

#[test]
fn all_who_wait_for_an_instance_fail_when_it_panics() {
    let test = "queue-panic";
    let open = close_gate(test);
    let mut for_ever = InstanceOptions::default();
    (for_ever.send_timeout, for_ever.reply_timeout) = (Duration::MAX, Duration::MAX);
    let params = json!({ "test": test, "gated": "process", "panics": "process" });
    let instance = runtime().instance_with("gated", &params, for_ever).unwrap();
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let mut instance = instance.clone();
            std::thread::spawn(move || instance.process(0, text()).map(|emitted| emitted.len()).unwrap_err())
        })
        .collect();
    await_call(test, "process");
    drop(open);
    let errors: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    let failed = errors.iter().filter(|error| matches!(error, CallError::Failed(_))).count();
    let abandoned = errors.iter().filter(|error| matches!(error, CallError::Abandoned { .. })).count();
    assert_eq!((failed, abandoned), (1, 19), "{errors:#?}");
    assert!(instance.close(LONG));
}

#[test]
fn f6_rolled_back_start_frees_instances_on_their_own_threads() {
    let runtime = runtime();
    for fails in ["create", "start"] {
        let (good, bad) = (format!("f6-good-{fails}"), format!("f6-bad-{fails}"));
        let graph = Graph::builder()
            .inlet("in", "any")
            .node("good", "gated", json!({ "test": good }))
            .node("bad", "gated", json!({ "test": bad, "fails": fails }))
            .outlet("out", "any")
            .chain(["in", "good", "bad", "out"])
            .build(runtime.plugins())
            .unwrap();
        let error = runtime.start(&graph).unwrap_err();
        assert!(matches!(&error, StartError::Node(failure) if failure.node == "bad"), "{error}");
        assert!(error.to_string().contains(&format!("in {fails}: {fails} fails as it should")), "{error}");
        // The rollback goes on after the error was told; its last call is the destroy of the good instance.
        await_call(&good, "destroy");
        if fails == "start" {
            await_call(&bad, "destroy");
        }
        assert_eq!(names_on_one_thread(&good).last(), Some(&"destroy"));
        // A `create` that fails gives no instance, and there is nothing to destroy.
        let destroyed = names_on_one_thread(&bad).iter().filter(|name| **name == "destroy").count();
        assert_eq!(destroyed, usize::from(fails == "start"));
    }
}

#[test]
fn f7_dropping_a_handle_does_not_wait_for_destroy() {
    let runtime = runtime();
    let open = close_gate("f7-instance");
    let instance = runtime.instance("gated", &json!({ "test": "f7-instance", "gated": "destroy" })).unwrap();
    let probe = instance.clone();
    drop(instance);
    // The gate is closed: a destroy on this thread would never come back.
    drop(open);
    assert!(probe.close(LONG));
    assert_eq!(names_on_one_thread("f7-instance").last(), Some(&"destroy"));

    let open = close_gate("f7-session");
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("gated", "gated", json!({ "test": "f7-session", "gated": "destroy" }))
        .outlet("out", "any")
        .chain(["in", "gated", "out"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let (inlet, outlet) = (session.take_inlet("in"), session.take_outlet("out"));
    drop((inlet, outlet));
    drop(session);
    drop(open);
    await_call("f7-session", "destroy");
    names_on_one_thread("f7-session");
}

#[test]
fn stop_of_a_session_with_a_hung_node_ends_at_its_deadlines_and_names_the_worker() {
    let runtime = runtime();
    let open = close_gate("hung");
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("gated", "gated", json!({ "test": "hung", "gated": "process" }))
        .outlet("out", "any")
        .chain(["in", "gated", "out"])
        .build(runtime.plugins())
        .unwrap();
    let mut options = runtime.session_options();
    options.drain_timeout = Duration::from_millis(20);
    options.stop_timeout = Duration::from_millis(20);
    let session = runtime.start_with(&graph, options).unwrap();
    session.take_inlet("in").unwrap().send(text(), LONG).unwrap();
    await_call("hung", "process");
    let report = session.stop();
    assert_eq!((report.outcome, report.stragglers), (Outcome::Aborted, vec!["gated".to_string()]));
    drop(open);
}

#[test]
fn create_that_hangs_ends_the_start_at_its_deadline() {
    let runtime = runtime();
    let open = close_gate("hung-create");
    let mut options = InstanceOptions::default();
    options.create_timeout = Duration::from_millis(20);
    let params = json!({ "test": "hung-create", "gated": "create" });
    let error = runtime.instance_with("gated", &params, options).unwrap_err();
    assert!(error.to_string().contains("create of `gated` took longer than"), "{error}");
    assert!(error.to_string().contains("raise `create_timeout`"), "{error}");
    drop(open);
}

#[test]
fn r9_running_a_graph_changes_nothing_of_the_process() {
    let state = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        // What is ignored and what is caught holds for the process; what is blocked is the affair of each thread.
        let of_the_process = |line: &&str| line.starts_with("SigIgn") || line.starts_with("SigCgt");
        let signals: Vec<String> = status.lines().filter(of_the_process).map(String::from).collect();
        let env: Vec<_> = std::env::vars_os().collect();
        (signals, env, std::env::current_dir().unwrap(), std::fs::read_link("/proc/self/root").unwrap())
    };
    let before = state();
    let runtime = runtime();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 10 }))
        .node("pass", "flow.pass", json!({ "fail_every": 3 }))
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["count", "pass", "check"])
        .build(runtime.plugins())
        .unwrap();
    runtime.start(&graph).unwrap().wait();
    assert_eq!(state(), before);
    assert!(!tracing::dispatcher::has_been_set(), "the global subscriber belongs to the application");
    let hook_runs = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = hook_runs.clone();
    let ours = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        ours(info);
    }));
    let mut pass = runtime.instance("flow.pass", &json!({ "panic_at": 0 })).unwrap();
    assert!(pass.process(0, text()).is_err());
    assert_eq!(hook_runs.load(std::sync::atomic::Ordering::Relaxed), 1, "the panic hook belongs to the application");
}

#[test]
fn r11_role_of_a_kind_is_one_of_three_and_needs_no_stub() {
    let runtime = runtime();
    let role = |kind: &str| match runtime.plugins().kind(kind).unwrap().role {
        // No wildcard: a further role would not compile here.
        Role::Source => "source",
        Role::Processor => "processor",
        Role::Sink => "sink",
    };
    assert_eq!(["flow.count", "flow.pass", "flow.check"].map(role), ["source", "processor", "sink"]);
    assert!(runtime.instance("flow.check", &json!({})).unwrap().tick().is_err(), "a sink is not ticked");
}
