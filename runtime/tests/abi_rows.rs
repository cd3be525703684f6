//! Requirements on the boundary, each shown with a library that was loaded from a file.
#![cfg(feature = "dylib")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::exec::{Fault, FaultClass, Instance};
use graphmill::graph::Kinds as _;
use graphmill::{Packet, Plugins};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use support::bench::{Kept, create, process};
use support::{Lab, cdylib, open_gate, records, repository, wait_for_file};

fn probe() -> Plugins {
    let plugins = Plugins::new();
    plugins.load(cdylib("graphmill-fixture-probe")).unwrap();
    plugins
}

#[test]
fn f1_records_from_eight_threads_of_a_plugin_all_arrive() {
    records::keep();
    let mut node = create(&probe(), "probe.log", r#"{"way": "threads"}"#).unwrap();
    process(&mut *node).unwrap();
    for number in 0..8 {
        let last = format!("INFO {number}.99 in node: session=");
        assert_eq!(records::with(&last).len(), 1, "thread {number}");
    }
}

#[test]
fn events_of_tracing_arrive_once_with_level_target_and_fields() {
    records::keep();
    let mut node = create(&probe(), "probe.log", r#"{"way": "tracing"}"#).unwrap();
    process(&mut *node).unwrap();
    let found = records::with("counted 7");
    let [record] = found.as_slice() else { panic!("once: {found:?}") };
    assert!(record.starts_with("INFO counted 7"), "{record}");
    for part in [
        r#"answer=42i64 name="deep thought""#,
        r#"plugin="libgraphmill_fixture_probe.so""#,
        "from graphmill_fixture_probe::log plugins/fixtures/probe/src/log.rs:",
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
}

#[test]
fn record_that_is_written_while_another_is_made_arrives_too() {
    records::keep();
    let mut node = create(&probe(), "probe.log", r#"{"way": "nested"}"#).unwrap();
    process(&mut *node).unwrap();
    let texts = [("the outer record", "talks=talked"), ("the inner record", "depth=1i64")];
    for (text, fields) in texts {
        let found = records::with(text);
        assert!(found.len() == 1 && found[0].contains(fields), "{text}: {found:?}");
    }
}

#[test]
fn record_after_destroy_arrives_marked_as_late() {
    records::keep();
    let lab = Lab::new();
    let gate = lab.path("gate");
    let params = serde_json::json!({ "way": { "late": gate } }).to_string();
    let mut node = create(&probe(), "probe.log", &params).unwrap();
    process(&mut *node).unwrap();
    drop(node);
    open_gate(&gate);
    wait_for_file(&gate.with_extension("done"));
    let found = records::with("after destroy");
    assert!(found.len() == 1 && found[0].contains("late=true in node: session=session node=node"), "{found:?}");
}

#[test]
fn f28_text_of_a_disabled_record_is_never_made() {
    records::keep();
    let mut node = create(&probe(), "probe.log", r#"{"way": "loud"}"#).unwrap();
    // The text panics when it is made, which would be a fault.
    process(&mut *node).unwrap();
}

#[test]
fn f16_panic_in_any_call_is_told_with_message_and_place_and_the_process_lives() {
    records::keep();
    let plugins = probe();
    type Call = fn(&mut dyn Instance) -> Result<(), Fault>;
    let calls: [(&str, Call); 5] = [
        ("start", |node| node.start()),
        ("process", |node| process(node)),
        ("flush", |node| node.flush(0, &mut Kept::default())),
        ("update", |node| node.update(r#"{"in": "start"}"#)),
        ("stop", |node| node.stop()),
    ];
    for (name, call) in calls {
        let mut node = create(&plugins, "probe.panic", &format!(r#"{{"in": "{name}"}}"#)).unwrap();
        let fault = call(&mut *node).unwrap_err();
        assert_eq!(fault.class, FaultClass::Panic, "{name}");
        assert!(fault.message.to_lowercase().starts_with(&format!("on purpose in {name} (at ")), "{fault}");
        assert!(fault.message.contains("src/panics.rs:"), "{fault}");
        assert!(fault.detail.is_some_and(|detail| detail.len() > fault.message.len()), "{name}: a backtrace");
        assert_eq!(call(&mut *node).unwrap_err().class, FaultClass::Panic, "{name} is not called again");
    }
    let fault = create(&plugins, "probe.panic", r#"{"in": "create"}"#).err().unwrap();
    assert_eq!(fault.class, FaultClass::Panic);
    let node = create(&plugins, "probe.panic", r#"{"in": "destroy"}"#).unwrap();
    drop(node);
    let found = records::with("panic in destroy: on purpose in Destroy");
    assert_eq!(found.len(), 1, "nobody can be told but the log");
}

#[test]
fn f22_error_of_the_plugin_survives_another_one_of_the_host() {
    let mut node = create(&probe(), "probe.nested", "{}").unwrap();
    let fault = process(&mut *node).unwrap_err();
    assert_eq!(fault.message, "the text that was there first");
}

#[test]
fn f6_every_call_of_an_instance_is_on_the_thread_that_created_it() {
    let lab = Lab::new();
    let trace = lab.path("trace");
    let params = serde_json::json!({ "trace": trace }).to_string();
    let plugins = probe();
    let owner = thread::spawn(move || {
        let mut node = create(&plugins, "probe.threads", &params).unwrap();
        node.start().unwrap();
        process(&mut *node).unwrap();
        node.flush(0, &mut Kept::default()).unwrap();
        node.stop().unwrap();
        drop(node);
        fs::read_link("/proc/thread-self").unwrap()
    });
    let owner = owner.join().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(trace).unwrap();
    let calls: Vec<_> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    assert_eq!(
        calls.iter().map(|(call, _)| *call).collect::<Vec<_>>(),
        ["create", "start", "process", "flush", "stop", "destroy"]
    );
    assert_eq!(calls.iter().map(|(_, thread)| *thread).collect::<BTreeSet<_>>(), BTreeSet::from([owner.as_str()]));
}

#[test]
fn r7_loading_a_plugin_makes_no_instance_to_look_at_it() {
    let lab = Lab::new();
    let trace = lab.path("trace");
    let plugins = probe();
    assert!(plugins.kind("probe.threads").is_some());
    assert!(!trace.exists());
    let params = serde_json::json!({ "trace": trace }).to_string();
    drop(create(&plugins, "probe.threads", &params).unwrap());
    let text = fs::read_to_string(trace).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("create ")).count(), 1);
}

#[test]
fn r8_kinds_of_a_plugin_never_change_once_it_is_registered() {
    let plugins = probe();
    let kind = plugins.kind("probe.log").unwrap();
    let file = cdylib("graphmill-fixture-probe");
    let lab = Lab::new();
    let copy = lab.path("libcopy.so");
    fs::copy(&file, &copy).unwrap();
    plugins.load(&file).unwrap();
    assert!(plugins.load(&copy).is_err());
    assert!(Arc::ptr_eq(&kind, &plugins.kind("probe.log").unwrap()));
    assert_eq!(plugins.kinds().len(), 6);
}

#[test]
fn f23_neither_sdk_nor_plugins_promise_by_hand_that_a_type_is_send_or_sync() {
    let mut files = Vec::new();
    for folder in ["plugin-sdk/src", "plugins"] {
        collect_rust(&repository().join(folder), &mut files);
    }
    assert!(files.len() > 20, "the search finds the sources: {}", files.len());
    for (path, text) in files {
        for promise in ["unsafe impl Send", "unsafe impl Sync"] {
            assert!(!text.contains(promise), "{promise} in {path}");
        }
        let is_generic =
            |line: &str| line.contains("unsafe impl<") && (line.contains("> Send for") || line.contains("> Sync for"));
        assert!(!text.lines().any(is_generic), "unsafe impl of a marker in {path}");
    }
}

fn collect_rust(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect_rust(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn libraries_are_never_closed() {
    let mut files = Vec::new();
    collect_rust(&repository().join("runtime/src"), &mut files);
    for (path, text) in files {
        for close in ["dlclose", "Library::close", ".close()?;"] {
            assert!(!text.contains(close), "{close} in {path}");
        }
    }
}

#[test]
fn packet_that_a_plugin_leaves_is_still_whole() {
    let mut node = create(&probe(), "probe.panic", r#"{"in": "stop"}"#).unwrap();
    let mut packet = Packet::from_text("left").unwrap();
    node.process(0, &mut packet, &mut Kept::default()).unwrap();
    assert_eq!(packet.as_text(), Some("left"));
}
