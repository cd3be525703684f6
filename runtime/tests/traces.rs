//! Followed packets become traces: a span for the emit of the source, for each wait and for each call.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::telemetry::{OtlpOptions, Span, SpanPart, export_otlp_traces};
use graphmill::{Graph, Outcome, Runtime, Session};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{Span as OtlpSpan, span::SpanKind};
use prost::Message as _;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::time::Duration;

mod collector;

use collector::{answer_ok, read_request};

const LONG: Duration = Duration::from_secs(60);
const PACKETS: u64 = 40;
const FOLLOWED: usize = 10;

/// count -> pass -> left and right; one packet of four is followed.
fn start() -> Session {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("pass", "flow.pass", json!({}))
        .node("left", "flow.check", json!({}))
        .node("right", "flow.check", json!({}))
        .link("in", "pass")
        .link("pass", "left")
        .link("pass", "right")
        .build(runtime.plugins())
        .unwrap();
    let mut options = runtime.session_options();
    options.name = "traced".to_owned();
    options.follow_every = NonZeroU64::new(4);
    runtime.start_with(&graph, options).unwrap()
}

/// Sends all packets and waits for the end.
fn finish(mut session: Session) {
    let mut inlet = session.take_inlet("in").unwrap();
    for seq in 0..PACKETS {
        let mut packet = graphmill::Packet::from_text("x").unwrap();
        packet.set_seq(seq);
        inlet.send(packet, LONG).unwrap();
    }
    inlet.end();
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}

/// The way from a span back to the source, in words.
fn way<'a>(spans: &'a BTreeMap<u64, &Span>, leaf: &'a Span) -> Vec<String> {
    let mut way = Vec::new();
    let mut at = Some(leaf);
    while let Some(span) = at {
        assert!(span.begun_ns <= span.ended_ns, "{span:?}");
        way.push(format!("{} {}", span.part.name(), span.place));
        let before = span.parent.map(|parent| spans[&parent]);
        assert!(before.is_none_or(|before| before.begun_ns <= span.begun_ns), "{before:?} {span:?}");
        at = before;
    }
    way.reverse();
    way
}

#[test]
fn spans_of_a_packet_make_a_tree_from_its_source_to_every_sink() {
    let session = start();
    let (handle, reader) = (session.handle(), session.spans().unwrap());
    finish(session);
    let batch = reader.take();
    assert_eq!((batch.lost, batch.spans.len()), (0, FOLLOWED * (1 + 2 + 2 * 2)));
    let mut traces: BTreeMap<u128, Vec<&Span>> = BTreeMap::new();
    for span in &batch.spans {
        traces.entry(span.trace).or_default().push(span);
    }
    assert_eq!(traces.len(), FOLLOWED);
    for spans in traces.values() {
        let by_id: BTreeMap<u64, &Span> = spans.iter().map(|span| (span.id, *span)).collect();
        assert_eq!(by_id.len(), spans.len(), "no two spans of a trace have the same number");
        let is_sink = |span: &&&Span| span.part == SpanPart::Call && span.place != "pass";
        let ways: BTreeSet<Vec<String>> = spans.iter().filter(is_sink).map(|span| way(&by_id, span)).collect();
        let to = |sink: &str| {
            let begin = ["emit in", "wait in.out -> pass.in", "process pass"].map(str::to_owned);
            let end = [format!("wait pass.out -> {sink}.in"), format!("process {sink}")];
            begin.into_iter().chain(end).collect::<Vec<_>>()
        };
        assert_eq!(ways, BTreeSet::from([to("left"), to("right")]));
    }
    assert!(reader.take().spans.is_empty(), "each span is given once");
    assert_eq!(handle.latency().unwrap().followed, FOLLOWED as u64 * 2, "the ledger goes on beside it");
}

fn spans_of(request: &ExportTraceServiceRequest) -> &[OtlpSpan] {
    let [resource] = request.resource_spans.as_slice() else { panic!("{request:?}") };
    let [scope] = resource.scope_spans.as_slice() else { panic!("{resource:?}") };
    assert_eq!(scope.scope.as_ref().unwrap().name, "graphmill");
    &scope.spans
}

#[test]
fn collector_gets_the_whole_tree_with_times_of_today() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = OtlpOptions::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    (options.interval, options.timeout) = (Duration::from_millis(5), LONG);
    let wanted = FOLLOWED * 7;
    let collector = std::thread::spawn(move || {
        let mut spans = Vec::new();
        while spans.len() < wanted {
            let (client, _) = listener.accept().unwrap();
            let (head, body) = read_request(&client);
            assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
            spans.extend_from_slice(spans_of(&ExportTraceServiceRequest::decode(body.as_slice()).unwrap()));
            answer_ok(&client);
        }
        spans
    });
    let session = start();
    let exporter = export_otlp_traces(session.spans().unwrap(), session.name(), options).unwrap();
    finish(session);
    assert!(exporter.stop(LONG));
    let spans = collector.join().unwrap();
    assert_eq!(spans.len(), wanted);
    let ids: BTreeSet<(&[u8], &[u8])> = spans.iter().map(|span| (&*span.trace_id, &*span.span_id)).collect();
    assert_eq!(ids.len(), wanted);
    let day_ns = 86_400_000_000_000;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    for span in &spans {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        let is_root = span.kind == i32::from(SpanKind::Producer);
        assert_eq!(span.parent_span_id.is_empty(), is_root, "{span:?}");
        assert!(is_root || ids.contains(&(&*span.trace_id, &*span.parent_span_id)), "every parent is there");
        assert!(u128::from(span.end_time_unix_nano).abs_diff(now.as_nanos()) < day_ns, "{span:?}");
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(keys, ["session", if span.kind == i32::from(SpanKind::Internal) { "link" } else { "node" }]);
    }
}

#[test]
fn session_that_follows_nothing_has_no_spans() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1 }))
        .node("check", "flow.check", json!({}))
        .link("count", "check")
        .build(runtime.plugins())
        .unwrap();
    assert!(runtime.start(&graph).unwrap().spans().is_none());
}
