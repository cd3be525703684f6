//! Metrics of a run: to a file, to a scraper, to a collector.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use support::Lab;

/// Sound as it would be heard, so that the run lasts until it is stopped.
const REALTIME: &str = "links = [\"sound -> file\"]\n\n[nodes.sound]\nkind = \"wav.source\"\n\
                        params = { path = \"media/noisy.wav\", pace = \"realtime\" }\n\n\
                        [nodes.file]\nkind = \"wav.sink\"\nparams = { path = \"copy.wav\" }\n";

#[test]
fn last_line_of_json_has_the_numbers_of_the_report() {
    let lab = Lab::with_demo();
    let shown = lab.run(["run", "denoise.toml", "--json", "--metrics-json", "metrics.jsonl"]).succeeds();
    let text = fs::read_to_string(lab.path("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["has_ended"], Value::Bool(true));
    let metrics = last["metrics"].as_array().unwrap();
    let calls = metrics.iter().find(|metric| metric["name"] == "graphmill.node.calls").unwrap();
    for node in shown.json()["nodes"].as_array().unwrap() {
        let of_node = |point: &&Value| point["attributes"]["node"] == node["id"];
        let points = calls["points"].as_array().unwrap().iter().filter(of_node);
        let sum: u64 = points.map(|point| point["value"].as_u64().unwrap()).sum();
        assert_eq!(sum, node["calls"].as_u64().unwrap(), "{node}");
    }
}

#[test]
fn page_is_on_this_machine_alone_and_there_while_the_graph_runs() {
    let lab = Lab::with_demo();
    lab.write("graph.toml", REALTIME);
    let mut run = lab.graphmill();
    run.args(["run", "graph.toml", "--metrics-addr", "0"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("metrics are served on http://").unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut page = String::new();
    client.read_to_string(&mut page).unwrap();
    assert!(page.contains("graphmill_node_state{session=\"graph\",node=\"sound\","), "{page}");
    assert!(Command::new("kill").arg(run.id().to_string()).status().unwrap().success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{rest}");
}

#[test]
fn collector_gets_the_last_numbers_of_a_short_run() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let got = std::thread::spawn(move || {
        let (mut client, _) = collector.accept().unwrap();
        let (mut reader, mut head) = (BufReader::new(client.try_clone().unwrap()), String::new());
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let length = head.to_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        (head, body)
    });
    let lab = Lab::with_demo();
    let line = "wav.source path=media/noisy.wav ! wav.sink path=copy.wav";
    lab.run(["launch", "--metrics-interval", "3600", "--otlp", &endpoint, line]).succeeds();
    let (head, body) = got.join().unwrap();
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1\r\n"), "{head}");
    let name = b"graphmill.node.calls";
    assert!(body.windows(name.len()).any(|part| part == name));
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_runs() {
    let lab = Lab::with_demo();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let table = [
        (["--metrics-json", "no/such/folder.jsonl"], "cannot write metrics to `no/such/folder.jsonl`"),
        (["--metrics-addr", taken.as_str()], "port 0 takes a free one"),
        (["--metrics-addr", "nowhere"], "write a port, such as 9464"),
        (["--otlp", "https://collector"], "this exporter has no encryption"),
        (["--metrics-interval", "0"], "0 is not in 1..=86400"),
    ];
    for ([option, value], wanted) in table {
        let line = "wav.source path=media/noisy.wav ! wav.sink path=copy.wav";
        let shown = lab.run(["launch", option, value, line]);
        assert!(shown.code == Some(2) && shown.err.contains(wanted), "{option}: {shown:?}");
        assert!(!lab.path("copy.wav").exists(), "{option}");
    }
}
