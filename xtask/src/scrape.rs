//! A real Prometheus server scrapes a running graph, and `promtool` checks the page.
//!
//! Not part of the tests: `prometheus` and `promtool` have to be installed.

use crate::command::{self, Outcome};
use crate::json::Json;
use crate::plugins::{self, Profile};
use crate::workspace::Workspace;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A graph that runs as long as the recording: much longer than a scrape takes.
const GRAPH: &str = "wav.source path=examples/media/noisy.wav pace=realtime ! audio.gain db=-6 ! wav.sink path=";
/// What the server is asked for, and the least that it has to know of it.
const QUERIES: [(&str, f64); 4] = [
    ("sum(graphmill_node_calls_total{outcome=\"ok\",kind=\"audio.gain\"})", 1.0),
    ("sum(graphmill_node_state{state=\"running\"})", 3.0),
    ("sum(graphmill_node_queue_wait_duration_seconds_count{kind=\"wav.sink\"})", 1.0),
    ("histogram_quantile(0.99, sum by (le) (graphmill_node_call_duration_seconds_bucket))", 1e-9),
];
/// The server is up and has scraped the page within it on every machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Ends a program with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Builds, runs a graph with a page of metrics, checks the page and has it scraped.
///
/// # Errors
/// A program is missing, the page is not well formed, or the server does not get the numbers.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    for program in ["prometheus", "promtool"] {
        if !command::succeeds(Command::new(program).arg("--version")) {
            return Err(format!("`{program}` is not installed; on Debian: apt-get install prometheus"));
        }
    }
    let folder = plugins::build(workspace, Profile::Dev, &["graphmill-cli"])?;
    let scratch = workspace.target.join("scrape");
    drop(fs::remove_dir_all(&scratch));
    fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let (_graph, page) = start_graph(workspace, &folder, &scratch)?;
    check_page(&page)?;
    println!("promtool finds nothing wrong with the page on http://{page}/metrics");
    let (_server, server) = start_server(&scratch, &page)?;
    for (query, least) in QUERIES {
        let value = await_value(&server, query, least)?;
        println!("{query} = {value}");
    }
    println!("a Prometheus server scraped the running graph");
    Ok(())
}

fn start_graph(workspace: &Workspace, folder: &Path, scratch: &Path) -> Outcome<(Running, String)> {
    let mut graphmill = Command::new(folder.join("graphmill"));
    graphmill.arg("--plugins").arg(folder.join("libgraphmill_audio.so")).args(["launch", "--metrics-addr", "0"]);
    graphmill.arg(format!("{GRAPH}{}", scratch.join("out.wav").display()));
    graphmill.current_dir(&workspace.root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut graph = Running(graphmill.spawn().map_err(|error| format!("`graphmill` cannot be started: {error}"))?);
    let said = graph.0.stderr.take().map(BufReader::new);
    for line in said.into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
        if let Some(rest) = line.strip_prefix("metrics are served on http://") {
            let page = rest.trim_end_matches("/metrics").to_owned();
            return Ok((graph, page));
        }
        println!("{line}");
    }
    Err("the graph ended before its metrics were served".to_owned())
}

fn check_page(page: &str) -> Outcome {
    let text = get(page, "/metrics")?;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut promtool = promtool.spawn().map_err(|error| format!("`promtool` cannot be started: {error}"))?;
    if let Some(mut input) = promtool.stdin.take() {
        input.write_all(text.as_bytes()).map_err(|error| format!("`promtool` does not read: {error}"))?;
    }
    let status = promtool.wait().map_err(|error| format!("`promtool`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`promtool check metrics` ended with {status}")) }
}

fn start_server(scratch: &Path, page: &str) -> Outcome<(Running, String)> {
    let config = scratch.join("prometheus.yml");
    let text = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: graphmill\n    static_configs:\n      \
         - targets: ['{page}']\n"
    );
    fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let server = free.map_err(|error| format!("no free port: {error}"))?.to_string();
    let mut prometheus = Command::new("prometheus");
    prometheus.arg(format!("--config.file={}", config.display()));
    prometheus.arg(format!("--storage.tsdb.path={}", scratch.join("data").display()));
    prometheus.arg(format!("--web.listen-address={server}")).arg("--log.level=error").stdin(Stdio::null());
    let child = prometheus.spawn().map_err(|error| format!("`prometheus` cannot be started: {error}"))?;
    Ok((Running(child), server))
}

/// Asks the server until it knows enough.
fn await_value(server: &str, query: &str, least: f64) -> Outcome<f64> {
    let begun = Instant::now();
    let path = format!("/api/v1/query?query={}", escaped(query));
    let mut last = String::new();
    while begun.elapsed() < PATIENCE {
        match get(server, &path) {
            Ok(text) => {
                if let Some(value) = value_of(&text).filter(|value| *value >= least) {
                    return Ok(value);
                }
                last = text;
            }
            Err(error) => last = error,
        }
        std::thread::sleep(PAUSE);
    }
    Err(format!("the server knows no {query} of at least {least}; it says: {last}"))
}

/// The only number in an answer of the server.
fn value_of(answer: &str) -> Option<f64> {
    let answer = Json::parse(answer).ok()?;
    let [only] = answer.get("data")?.get("result")?.list() else { return None };
    match only.get("value")?.list() {
        [_, Json::Text(value)] => value.parse().ok(),
        _ => None,
    }
}

fn get(address: &str, path: &str) -> Outcome<String> {
    let failed = |error: std::io::Error| format!("http://{address}{path}: {error}");
    let mut client = TcpStream::connect(address).map_err(failed)?;
    client.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    // In this version of HTTP an answer ends with its connection.
    client.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).map_err(failed)?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).ok_or_else(|| format!("{address} gave no answer"))
}

/// What has a meaning in a URL is written as a number.
fn escaped(query: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    query.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_taken_out_of_an_answer_that_has_exactly_one() {
        let answer = |result: &str| format!("{{\"status\":\"success\",\"data\":{{\"result\":[{result}]}}}}");
        let one = "{\"metric\":{},\"value\":[1763628000.1,\"42.5\"]}";
        assert_eq!(value_of(&answer(one)), Some(42.5));
        assert_eq!(value_of(&answer("")), None);
        assert_eq!(value_of(&answer(&format!("{one},{one}"))), None);
    }

    #[test]
    fn query_is_one_word_of_a_url() {
        assert_eq!(escaped("sum(a{b=\"c\"})"), "sum%28a%7Bb%3D%22c%22%7D%29");
    }
}
