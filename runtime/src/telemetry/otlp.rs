//! Metrics and traces to an OpenTelemetry collector: protobuf over HTTP, one request an interval.
//!
//! Nothing queues up: every request has all numbers since the start of the session, so one that failed is made good by
//! the next one. Spans are kept by the session, a bounded number of the newest; those of a request that fails are lost,
//! and counted. There is no encryption here; a collector on the same machine or network forwards with it.

mod request;
mod trace;

use crate::telemetry::exporter::{Exporter, every, unix_ns};
use crate::telemetry::ledger::SpanReader;
use crate::telemetry::limiter::Limiter;
use crate::telemetry::observer::Observer;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use std::io;
use std::time::{Duration, Instant};

/// Where a collector takes metrics, unless the endpoint says otherwise.
const PATH: &str = "/v1/metrics";
/// Where it takes traces.
const TRACES_PATH: &str = "/v1/traces";
/// Spans do not wait longer than this for their export: only so many of them are kept.
const TRACES_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// What is read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// How metrics and traces go to a collector.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpOptions {
    url: String,
    /// Time between two exports.
    pub interval: Duration,
    /// How long one export may take.
    pub timeout: Duration,
    /// What is measured: attributes of the resource. `service.name` is `graphmill` unless it is here.
    pub resource: Vec<(String, String)>,
}

impl OtlpOptions {
    /// To `http://HOST:PORT`, to which `/v1/metrics` and `/v1/traces` are added, or to a whole URL with the path of
    /// metrics. Every ten seconds, each
    /// within five.
    ///
    /// # Errors
    /// The endpoint is not `http://…`.
    pub fn new(endpoint: &str) -> Result<Self, EndpointError> {
        Ok(Self {
            url: url_of(endpoint)?,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            resource: Vec::new(),
        })
    }
}

/// What was given is no endpoint of a collector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{endpoint}` is no endpoint for metrics: {message}; write `http://HOST:PORT`")]
#[non_exhaustive]
pub struct EndpointError {
    /// What was given.
    pub endpoint: String,
    /// What is wrong with it.
    pub message: String,
}

/// Sends the numbers of a session to a collector, once an interval and once when the exporter is stopped.
///
/// A collector that is not there or does not answer costs nothing but a warning now and then.
///
/// # Errors
/// The system has no thread left.
pub fn export_otlp(observer: Observer, options: OtlpOptions) -> io::Result<Exporter> {
    let agent = agent(options.timeout);
    // Fixed once: a receiver takes a start that moves for a restart.
    let start_unix_ns = unix_ns().saturating_sub(observer.metrics().elapsed_ns);
    let OtlpOptions { url, interval, resource, .. } = options;
    let mut sender = Sender { agent, url, what: "metrics", warnings: Limiter::default(), failures: 0 };
    Exporter::spawn("metrics-otlp", move |stopped| {
        every(interval, stopped, || {
            let times = request::Times { start_unix_ns, now_unix_ns: unix_ns() };
            sender.send(&request::of(&observer.metrics(), times, &resource).encode_to_vec());
            true
        });
    })
}

/// Sends the ways of followed packets to a collector as traces, at least once a second and once when the exporter is
/// stopped. The reader comes from [`crate::SessionHandle::spans`].
///
/// A collector that is not there or does not answer costs the spans of that time, and a warning now and then.
///
/// # Errors
/// The system has no thread left.
pub fn export_otlp_traces(spans: SpanReader, session: &str, options: OtlpOptions) -> io::Result<Exporter> {
    let agent = agent(options.timeout);
    let session = session.to_owned();
    let OtlpOptions { url, interval, resource, .. } = options;
    // A URL that names the path of metrics keeps the rest of its path.
    let url = format!("{}{TRACES_PATH}", url.strip_suffix(PATH).unwrap_or(&url).trim_end_matches('/'));
    let mut sender = Sender { agent, url, what: "traces", warnings: Limiter::default(), failures: 0 };
    Exporter::spawn("traces-otlp", move |stopped| {
        every(interval.min(TRACES_INTERVAL_MAX), stopped, || {
            let batch = spans.take();
            let origin_unix_ns = unix_ns().saturating_sub(spans.now_ns());
            if batch.lost > 0 {
                sender.failed(&format!(
                    "{} spans were forgotten before they could be sent; follow fewer packets",
                    batch.lost
                ));
            }
            if !batch.spans.is_empty() {
                sender.send(&trace::of(&batch.spans, (&session, origin_unix_ns), &resource).encode_to_vec());
            }
            true
        });
    })
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("graphmill/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn url_of(endpoint: &str) -> Result<String, EndpointError> {
    let wrong = |message: &str| EndpointError { endpoint: endpoint.to_owned(), message: message.to_owned() };
    let uri: ureq::http::Uri =
        endpoint.parse().map_err(|error: ureq::http::uri::InvalidUri| wrong(&error.to_string()))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(wrong("this exporter has no encryption; a collector nearby can forward with it")),
        _ => return Err(wrong("it has no `http://`")),
    }
    let has_path = !matches!(uri.path(), "" | "/");
    Ok(if has_path { endpoint.to_owned() } else { format!("{}{PATH}", endpoint.trim_end_matches('/')) })
}

struct Sender {
    agent: ureq::Agent,
    url: String,
    what: &'static str,
    warnings: Limiter,
    failures: u64,
}

impl Sender {
    fn send(&mut self, body: &[u8]) {
        if let Err(message) = self.post(body) {
            self.failed(&message);
        }
    }

    fn failed(&mut self, message: &str) {
        self.failures += 1;
        if let Some(unsaid) = self.warnings.admit(Instant::now()) {
            let (url, failures, what) = (&self.url, self.failures, self.what);
            tracing::warn!(url, failures, unsaid, "{what} did not reach the collector: {message}");
        }
    }

    fn post(&self, body: &[u8]) -> Result<(), String> {
        let request = self.agent.post(&self.url).header("content-type", "application/x-protobuf");
        let mut answer = request.send(body).map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("it answered {}", answer.status()));
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let answer = ExportMetricsServiceResponse::decode(body.unwrap_or_default().as_slice()).unwrap_or_default();
        match answer.partial_success {
            // Spans that are refused are told in a message of the same form.
            Some(partly) if partly.rejected_data_points > 0 => {
                Err(format!("it refused {} of them: {}", partly.rejected_data_points, partly.error_message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_gets_the_path_of_metrics_unless_it_has_one() {
        let table = [
            ("http://127.0.0.1:4318", Ok("http://127.0.0.1:4318/v1/metrics")),
            ("http://collector:4318/", Ok("http://collector:4318/v1/metrics")),
            ("http://collector/otlp/v1/metrics", Ok("http://collector/otlp/v1/metrics")),
            ("https://collector", Err("has no encryption")),
            ("127.0.0.1:4318", Err("write `http://HOST:PORT`")),
            ("", Err("write `http://HOST:PORT`")),
        ];
        for (endpoint, wanted) in table {
            match (url_of(endpoint), wanted) {
                (Ok(url), Ok(wanted)) => assert_eq!(url, wanted),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (got, _) => panic!("{endpoint}: {got:?}"),
            }
        }
    }
}
