//! What comes out of the exporters is what the docs say, and a receiver that stalls changes nothing for the session.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{Inlet, Outlet};
use graphmill::telemetry::{
    BOUNDS_NS, INSTRUMENTS, InstrumentKind, Observer, OtlpOptions, export_json_lines, export_otlp, register,
    serve_prometheus,
};
use graphmill::{Graph, Outcome, Packet, Runtime, Session, SessionReport};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, NumberDataPoint, metric, number_data_point,
};
use prost::Message as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod collector;
mod meter_reader;

use collector::{answer_ok, read_request};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);
const PACKETS: u64 = 100;
const DOCS: &str = include_str!("../../docs/METRICS.md");

/// A session with a node between the application's two ends.
struct Flow {
    session: Session,
    inlet: Inlet,
    outlet: Outlet,
}

impl Flow {
    fn start() -> Self {
        let runtime = Runtime::new();
        runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
        let graph = Graph::builder()
            .inlet("in", "any")
            .node("pass", "flow.pass", json!({}))
            .outlet("out", "any")
            .chain(["in", "pass", "out"])
            .build(runtime.plugins())
            .unwrap();
        let mut options = runtime.session_options();
        options.name = "a \"quoted\\name\"".to_owned();
        let session = runtime.start_with(&graph, options).unwrap();
        let (inlet, outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
        Self { session, inlet, outlet }
    }

    fn observer(&self) -> Observer {
        self.session.observer()
    }

    /// Moves all packets through the graph.
    fn run(mut self) -> SessionReport {
        for seq in 0..PACKETS {
            let mut packet = Packet::from_text("x").unwrap();
            packet.set_pts_ns(Some(i64::try_from(seq).unwrap() * 1_000_000_000));
            self.inlet.send(packet, LONG).unwrap();
            self.outlet.recv(LONG).unwrap();
        }
        self.inlet.end();
        let report = self.session.wait();
        assert_whole(&report);
        report
    }
}

/// Checks that the session did what it always does.
fn assert_whole(report: &SessionReport) {
    let pass = report.node("pass").unwrap();
    assert_eq!((report.outcome, report.errors(), report.dropped()), (Outcome::Completed, 0, 0), "{report:#?}");
    assert_eq!((pass.packets_in, pass.packets_out, pass.calls), (PACKETS, PACKETS, PACKETS + 1));
    assert_eq!(report.node("out").unwrap().packets_in, PACKETS);
}

fn names() -> BTreeSet<String> {
    INSTRUMENTS.iter().map(|instrument| instrument.name.to_owned()).collect()
}

/// A writer whose bytes a test can read, and that can be held at a gate.
#[derive(Clone, Default)]
struct Shared {
    bytes: Arc<Mutex<Vec<u8>>>,
    gate: Option<Arc<Mutex<Gate>>>,
}

/// Where a writer says that it is held, and what it waits for.
type Gate = (Sender<()>, Receiver<()>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gate) = &self.gate {
            let gate = gate.lock().unwrap();
            gate.0.send(()).unwrap();
            // The gate opens when the test drops its end.
            let _opened = gate.1.recv();
        }
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_of_json_have_every_instrument_and_the_last_one_has_the_final_numbers() {
    let flow = Flow::start();
    let out = Shared::default();
    let exporter = export_json_lines(flow.observer(), out.clone(), SHORT).unwrap();
    while out.bytes.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    flow.run();
    assert!(exporter.stop(LONG));
    let text = String::from_utf8(out.bytes.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "one in an interval and one at the end");
    let last = lines.last().unwrap();
    assert_eq!((&last["session"], &last["has_ended"]), (&json!("a \"quoted\\name\""), &json!(true)));
    let metrics = last["metrics"].as_array().unwrap();
    assert_eq!(
        metrics.iter().map(|metric| metric["name"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(),
        names()
    );
    let point = |name: &str, key: &str, value: &str| {
        let metric = metrics.iter().find(|metric| metric["name"] == name).unwrap();
        let points = metric["points"].as_array().unwrap();
        points.iter().find(|point| point["attributes"]["node"] == "pass" && point["attributes"][key] == value).unwrap()
    };
    assert_eq!(point("graphmill.node.calls", "outcome", "ok")["value"], json!(PACKETS + 1));
    assert_eq!(point("graphmill.node.position", "kind", "flow.pass")["value"], json!(99.0));
    let waits = point("graphmill.node.queue_wait.duration", "kind", "flow.pass");
    let buckets = waits["buckets"].as_array().unwrap().iter().map(|bucket| bucket["count"].as_u64().unwrap());
    assert_eq!((waits["count"].as_u64().unwrap(), buckets.sum::<u64>()), (PACKETS, PACKETS));
    assert!(waits["p50"].as_f64().unwrap() <= waits["max"].as_f64().unwrap());
}

/// What a server answers to a request, as head and body.
fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The names that the docs give for Prometheus.
fn documented_names() -> BTreeSet<String> {
    let rows = DOCS.lines().skip_while(|line| !line.starts_with("| Name |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(3).unwrap().to_owned()).collect()
}

#[test]
fn page_for_prometheus_is_read_by_a_parser_and_has_the_names_of_the_docs() {
    let flow = Flow::start();
    let page = serve_prometheus(flow.observer(), TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    flow.run();
    let (head, body) = ask(page.address(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("version=0.0.4"), "{head}");
    let types: BTreeSet<_> = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(types.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), documented_names());

    let scrape = prometheus_parse::Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    assert_eq!(scrape.docs.len(), INSTRUMENTS.len());
    let sample = |name: &str, labels: &[(&str, &str)]| {
        let fits = |sample: &&prometheus_parse::Sample| {
            sample.metric == name && labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value))
        };
        &scrape.samples.iter().find(fits).unwrap_or_else(|| panic!("no {name} {labels:?} in {body}")).value
    };
    let calls = sample("graphmill_node_calls_total", &[("node", "pass"), ("outcome", "ok")]);
    assert_eq!(*calls, prometheus_parse::Value::Counter(101.0));
    let state = sample("graphmill_node_state", &[("node", "pass"), ("state", "stopped")]);
    assert_eq!(*state, prometheus_parse::Value::Gauge(1.0));
    assert_eq!(*sample("graphmill_node_position_seconds", &[("node", "out")]), prometheus_parse::Value::Gauge(99.0));
    let waits = sample("graphmill_node_queue_wait_duration_seconds", &[("node", "pass")]);
    let prometheus_parse::Value::Histogram(buckets) = waits else { panic!("{waits:?}") };
    assert_eq!(buckets.len(), BOUNDS_NS.len() + 1);
    assert!(buckets.windows(2).all(|pair| pair[0].count <= pair[1].count), "buckets hold those below them");
    let last = buckets.last().unwrap();
    assert!(last.less_than.is_infinite() && last.count == 100.0, "{last:?}");
    assert!(body.contains("session=\"a \\\"quoted\\\\name\\\"\""), "what would end a label early is escaped");

    let (head, body) = ask(page.address(), "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}");
    for (request, status) in [("GET /", "404"), ("POST /metrics", "405"), ("\u{0}\r\n", "400")] {
        let (head, _) = ask(page.address(), &format!("{request} HTTP/1.1\r\n\r\n"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {head}");
    }
    let address = page.address();
    assert!(page.stop(LONG));
    assert!(TcpStream::connect(address).is_err(), "nobody serves the page any more");
}

/// A collector that keeps what it gets until the session has ended; the last request.
fn collect(listener: &TcpListener) -> ExportMetricsServiceRequest {
    loop {
        let (client, _) = listener.accept().unwrap();
        let (head, body) = read_request(&client);
        assert!(head.starts_with("post /v1/metrics http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let request = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
        answer_ok(&client);
        if numbers(metric_of(&request, "graphmill.node.state")).iter().any(|point| {
            has(&point.attributes, "node", "pass") && has(&point.attributes, "state", "stopped") && int(point) == 1
        }) {
            return request;
        }
    }
}

fn metrics_of(request: &ExportMetricsServiceRequest) -> &[Metric] {
    let [resource] = request.resource_metrics.as_slice() else { panic!("{request:?}") };
    let [scope] = resource.scope_metrics.as_slice() else { panic!("{resource:?}") };
    &scope.metrics
}

fn metric_of<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> &'a Metric {
    metrics_of(request).iter().find(|metric| metric.name == name).unwrap()
}

fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        metric::Data::Sum(sum) => &sum.data_points,
        metric::Data::Gauge(gauge) => &gauge.data_points,
        other => panic!("{other:?}"),
    }
}

fn int(point: &NumberDataPoint) -> i64 {
    match point.value.unwrap() {
        number_data_point::Value::AsInt(value) => value,
        number_data_point::Value::AsDouble(value) => panic!("{value}"),
    }
}

fn has(attributes: &[KeyValue], key: &str, value: &str) -> bool {
    attributes.iter().any(|attribute| {
        let given = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
        attribute.key == key && *given == any_value::Value::StringValue(value.to_owned())
    })
}

#[test]
fn collector_gets_names_units_and_values_as_cumulative_sums() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = OtlpOptions::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    (options.interval, options.timeout) = (Duration::from_millis(20), LONG);
    options.resource = vec![("service.instance.id".to_owned(), "7".to_owned())];
    let collector = std::thread::spawn(move || collect(&listener));
    let flow = Flow::start();
    let exporter = export_otlp(flow.observer(), options).unwrap();
    flow.run();
    let request = collector.join().unwrap();
    drop(exporter);

    let resource = &request.resource_metrics[0].resource.as_ref().unwrap().attributes;
    assert!(has(resource, "service.name", "graphmill") && has(resource, "service.instance.id", "7"), "{resource:?}");
    assert_eq!(metrics_of(&request).iter().map(|metric| metric.name.clone()).collect::<BTreeSet<_>>(), names());
    for instrument in INSTRUMENTS {
        let metric = metric_of(&request, instrument.name);
        assert_eq!((metric.unit.as_str(), metric.description.as_str()), (instrument.unit, instrument.description));
        let cumulative = i32::from(AggregationTemporality::Cumulative);
        match (metric.data.as_ref().unwrap(), instrument.kind) {
            (metric::Data::Sum(sum), InstrumentKind::Counter) => {
                assert!(sum.is_monotonic && sum.aggregation_temporality == cumulative);
            }
            (metric::Data::Gauge(_), InstrumentKind::Gauge) => {}
            (metric::Data::Histogram(histogram), InstrumentKind::Histogram) => {
                assert_eq!(histogram.aggregation_temporality, cumulative);
            }
            (data, kind) => panic!("{}: {kind:?} as {data:?}", instrument.name),
        }
    }
    let calls = numbers(metric_of(&request, "graphmill.node.calls"));
    let ok = calls.iter().find(|call| has(&call.attributes, "node", "pass") && has(&call.attributes, "outcome", "ok"));
    let ok = ok.unwrap();
    assert_eq!(int(ok), 101);
    assert!(ok.start_time_unix_nano > 0 && ok.start_time_unix_nano < ok.time_unix_nano);
    let waits = metric_of(&request, "graphmill.node.queue_wait.duration").data.as_ref().unwrap();
    let metric::Data::Histogram(waits) = waits else { panic!("{waits:?}") };
    let waits = waits.data_points.iter().find(|point| has(&point.attributes, "node", "pass")).unwrap();
    assert_eq!((waits.count, waits.bucket_counts.iter().sum::<u64>()), (PACKETS, PACKETS));
    assert_eq!((waits.explicit_bounds.len(), waits.bucket_counts.len()), (BOUNDS_NS.len(), BOUNDS_NS.len() + 1));
    assert!(waits.sum.unwrap() >= waits.max.unwrap() && waits.max.unwrap() > 0.0);
}

#[test]
fn collector_that_takes_a_request_and_never_answers_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = OtlpOptions::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    (options.interval, options.timeout) = (SHORT, LONG);
    let flow = Flow::start();
    let exporter = export_otlp(flow.observer(), options).unwrap();
    let (stalled, _) = listener.accept().unwrap();
    read_request(&stalled);
    flow.run();
    assert!(!exporter.stop(SHORT), "it waits for the answer, and nobody waits for it");
    drop(stalled);
}

#[test]
fn collector_that_is_not_there_or_refuses_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = OtlpOptions::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    (options.interval, options.timeout) = (SHORT, LONG);
    let flow = Flow::start();
    let exporter = export_otlp(flow.observer(), options).unwrap();
    let (mut client, _) = listener.accept().unwrap();
    read_request(&client);
    client.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    // The next ones are not taken at all.
    drop((client, listener));
    flow.run();
    assert!(exporter.stop(LONG));
}

#[test]
fn client_of_the_page_that_stalls_changes_nothing() {
    let flow = Flow::start();
    let page = serve_prometheus(flow.observer(), TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let mut client = TcpStream::connect(page.address()).unwrap();
    client.write_all(b"GET /metr").unwrap();
    flow.run();
    // It has two seconds; then the page is there for others.
    let (head, _) = ask(page.address(), "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    drop(page);
    drop(client);
}

#[test]
fn writer_of_json_that_stalls_changes_nothing() {
    let ((is_held, held), (open, gate)) = (channel(), channel());
    let out = Shared { gate: Some(Arc::new(Mutex::new((is_held, gate)))), ..Shared::default() };
    let flow = Flow::start();
    let exporter = export_json_lines(flow.observer(), out, SHORT).unwrap();
    held.recv().unwrap();
    flow.run();
    assert!(!exporter.stop(SHORT), "it waits for its writer, and nobody waits for it");
    drop(open);
}

#[test]
fn meter_of_the_application_observes_every_instrument_while_it_is_registered() {
    let reader = meter_reader::Reader::new();
    let flow = Flow::start();
    let registration = register(&reader.meter(), flow.observer());
    flow.run();
    let observed = reader.collect();
    let expected: BTreeSet<String> = INSTRUMENTS
        .iter()
        .flat_map(|instrument| match instrument.kind {
            InstrumentKind::Histogram => {
                ["count", "sum", "max"].map(|suffix| format!("{}.{suffix}", instrument.name)).to_vec()
            }
            _ => vec![instrument.name.to_owned()],
        })
        .collect();
    assert_eq!(observed.names(), expected);
    assert_eq!(observed.count("graphmill.node.calls", &[("node", "pass"), ("outcome", "ok")]), Some(101));
    assert_eq!(observed.count("graphmill.node.queue_wait.duration.count", &[("node", "pass")]), Some(100));
    drop(registration);
    assert!(reader.collect().names().is_empty(), "what is not registered is not observed");
}
