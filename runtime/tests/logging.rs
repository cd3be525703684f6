//! What a loaded library writes with `tracing` and `log`, as the application's subscriber gets it.
#![cfg(feature = "dylib")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::exec::Instance;
use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::{Graph, Outcome, Plugins, Runtime, SessionReport};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use support::bench::{create, process};
use support::cdylib;
use support::records::Records;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry, reload};

/// How often the subscriber of this process was asked whether it wants something.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// What the host says once a minute when something was lost.
const LOSSES: &str = "records of plugins were damaged or dropped";

struct Counted;

impl<S: Subscriber> Layer<S> for Counted {
    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        ASKED.fetch_add(1, Ordering::Relaxed);
        true
    }
}

/// The subscriber of this process: a filter that can be changed, and what it lets through.
struct Ears {
    filter: reload::Handle<EnvFilter, Registry>,
    records: Records,
    plugins: Plugins,
}

/// One test at a time: they share the filter.
fn ears(filter: &str) -> MutexGuard<'static, Ears> {
    static EARS: LazyLock<Mutex<Ears>> = LazyLock::new(|| {
        let records = Records::default();
        let (filter, handle) = reload::Layer::new(EnvFilter::new("off"));
        let subscriber = tracing_subscriber::registry().with(filter).with(Counted).with(records.layer());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let plugins = Plugins::new();
        plugins.load(cdylib("graphmill-fixture-probe")).unwrap();
        Mutex::new(Ears { filter: handle, records, plugins })
    });
    let ears = EARS.lock().unwrap_or_else(PoisonError::into_inner);
    ears.filter.reload(EnvFilter::new(filter)).unwrap();
    ears.records.take();
    ears
}

impl Ears {
    fn node(&self, say: &str) -> Box<dyn Instance> {
        create(&self.plugins, "probe.chatter", &format!(r#"{{"say": {say}}}"#)).unwrap()
    }

    /// What is heard of an instance that says this once.
    fn hear(&self, say: &str) -> Vec<String> {
        process(&mut *self.node(say)).unwrap();
        self.taken()
    }

    fn taken(&self) -> Vec<String> {
        let own = " plugin=\"libgraphmill_fixture_probe.so\"";
        let lines = self.records.take().into_iter().filter(|line| !line.contains(LOSSES));
        lines.map(|line| line.replace(own, "")).collect()
    }
}

/// What arrived, without its place in the source.
fn targets(lines: &[String]) -> Vec<String> {
    let place = |line: &String| line.split(" plugins/").next().unwrap().to_owned();
    lines.iter().map(place).collect()
}

#[test]
fn f4_matrix_of_levels_and_targets_holds_in_both_orders_before_and_after_a_reload() {
    let all = ["whisper_trace", "whisper_debug", "kokoro_debug", "kokoro_error", "kokoro_log"];
    let backwards: Vec<&str> = all.iter().rev().copied().collect();
    for order in [all.to_vec(), backwards] {
        let ears = ears("whisper=debug,kokoro=off");
        let mut node = ears.node(&format!("{order:?}"));
        process(&mut *node).unwrap();
        assert_eq!(targets(&ears.taken()), ["DEBUG said from whisper"]);
        // The very same places speak again: they must not go by what they were told first.
        ears.filter.reload(EnvFilter::new("whisper=off,kokoro=debug")).unwrap();
        process(&mut *node).unwrap();
        let mut heard = targets(&ears.taken());
        heard.sort();
        // A target and a level of `log` is one place, whichever line it is written on.
        let by_log = "DEBUG said by log file=\"plugins/fixtures/probe/src/chatter.rs\" line=";
        assert!(heard.len() == 3 && heard[0].starts_with(by_log), "{heard:?}");
        assert_eq!(heard[1..], ["DEBUG said from kokoro", "ERROR said from kokoro"]);
        ears.filter.reload(EnvFilter::new("off")).unwrap();
        process(&mut *node).unwrap();
        assert_eq!(ears.taken(), [""; 0]);
    }
}

#[test]
fn f5_million_disabled_records_ask_nobody_and_speak_up_after_a_reload() {
    let ears = ears("info");
    let mut few = ears.node(r#"[{"trace": 1}, {"log_trace": 1}]"#);
    let mut many = ears.node(r#"[{"trace": 1000000}, {"log_trace": 1000000}]"#);
    process(&mut *few).unwrap();
    let before = ASKED.load(Ordering::Relaxed);
    process(&mut *many).unwrap();
    assert_eq!(ASKED.load(Ordering::Relaxed), before, "the subscriber is not asked at all");
    ears.filter.reload(EnvFilter::new("trace")).unwrap();
    process(&mut *few).unwrap();
    assert_eq!(ears.taken().len(), 2);
}

#[test]
fn f5_record_that_depends_on_a_span_is_asked_for_each_time() {
    let ears = ears("warn,[nobody{is=here}]=trace");
    let before = ASKED.load(Ordering::Relaxed);
    assert_eq!(ears.hear(r#"[{"trace": 100}]"#), [""; 0]);
    let asked = ASKED.load(Ordering::Relaxed) - before;
    assert!((100..200).contains(&asked), "{asked}: the filter can only tell when it happens");
}

#[test]
fn f17_records_allocate_nothing_in_the_plugin() {
    let ears = ears("info");
    // The first round makes the thread's scratch.
    let say = r#"[{"info": 1}, {"trace": 1}, {"log_trace": 1}, "count", {"info": 100}, "count", {"trace": 1000},
                  "count", {"log_trace": 1000}]"#;
    let counted: Vec<String> = ears.hear(say).into_iter().filter(|line| line.contains("counted")).collect();
    assert_eq!(counted.len(), 3, "{counted:?}");
    assert!(counted.iter().all(|line| line.starts_with("INFO counted allocations=0u64 ")), "{counted:?}");
}

#[test]
fn fields_arrive_with_their_types() {
    let lines = ears("info").hear(r#"["types"]"#);
    let [line] = lines.as_slice() else { panic!("once: {lines:?}") };
    let fields = "INFO every type signed=-5i64 unsigned=5u64 part=0.5f64 flag=true text=\"a \\\"b\\\"\" shown=Some(3) \
                  wide=340282366920938463463374607431768211455 failure=no disk from graphmill_fixture_probe::chatter \
                  plugins/fixtures/probe/src/chatter.rs:";
    assert!(line.starts_with(fields), "{line}");
}

#[test]
fn spans_of_the_plugin_arrive_as_a_path() {
    let ears = ears("info");
    let lines = ears.hear(r#"["spans"]"#);
    let paths: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            let message = line.trim_start_matches("INFO ").split([' ', '=']).take_while(|word| *word != "spans");
            let len = message.map(|word| word.len() + 1).sum::<usize>().min(line.len() - 5);
            let path = line.split_once("spans=\"").map_or("", |(_, rest)| rest.split('"').next().unwrap());
            (line[5..5 + len].split(" from").next().unwrap().trim_end(), path)
        })
        .collect();
    let (outer, both) = ("outer{model=tiny late=7}", "outer{model=tiny late=7}:inner");
    let want = [
        ("in both", both),
        ("in both by log", both),
        ("in another", "elsewhere"),
        ("in none", ""),
        ("in both still", both),
        ("in the outer", outer),
        ("in another on a thread", "elsewhere"),
        ("out of all", ""),
    ];
    assert_eq!(paths, want);
}

#[test]
fn record_on_a_thread_of_the_plugin_names_the_plugin() {
    let ears = ears("info");
    process(&mut *ears.node(r#"["thread"]"#)).unwrap();
    let lines = ears.records.take();
    let want = "INFO said on a thread plugin=\"libgraphmill_fixture_probe.so\" from graphmill_fixture_probe::chatter ";
    assert!(lines.len() == 1 && lines[0].starts_with(want), "{lines:?}");
}

#[test]
fn record_of_a_destroy_arrives() {
    let ears = ears("info");
    drop(ears.node(r#"["destroy"]"#));
    let lines = ears.taken();
    assert!(lines.len() == 1 && lines[0].starts_with("INFO said while it is destroyed"), "{lines:?}");
}

/// A graph of one source and one talkative node, run to its end.
fn run(ears: &Ears, say: serde_json::Value) -> SessionReport {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime.plugins().load(cdylib("graphmill-fixture-probe")).unwrap();
    let graph = Graph::builder()
        .node_with("count", NodeSpec::new("flow.count").with_params(json!({ "packets": 1, "bytes": 8 })))
        .node_with("talk", NodeSpec::new("probe.chatter").with_params(json!({ "say": say })))
        .link_with(LinkSpec::new("count", "talk"))
        .build(runtime.plugins())
        .unwrap();
    ears.records.take();
    let report = runtime.start(&graph).unwrap().wait();
    assert_eq!(report.outcome, Outcome::Completed);
    report
}

#[test]
fn nx_f_record_happens_in_the_span_of_the_node_whose_call_it_was_written_in() {
    let ears = ears("info");
    let report = run(&ears, json!(["types", "destroy"]));
    let lines = ears.records.take();
    let span =
        format!(" in node: session={} node=talk kind=probe.chatter from graphmill_fixture_probe", report.session);
    let of_node = lines.iter().filter(|line| line.contains(&span)).count();
    assert_eq!((lines.len(), of_node), (2, 2), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(" plugin=")), "the node says enough: {lines:?}");
}

#[test]
fn nx_f_flood_is_cut_and_stands_in_the_report_of_its_node() {
    let ears = ears("info");
    // At five thousand in a second, all of them would take twenty.
    let report = run(&ears, json!([{ "info": 100_000 }]));
    let suppressed = report.node("talk").unwrap().log_records_suppressed;
    let heard = ears.records.take().iter().filter(|line| line.contains("INFO round")).count();
    assert!(suppressed > 0 && heard >= 5_000, "{heard} heard");
    assert_eq!(suppressed + heard as u64, 100_000);
    assert_eq!(report.node("count").unwrap().log_records_suppressed, 0);
}
