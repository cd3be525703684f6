//! Metrics to an OpenTelemetry collector: protobuf over HTTP, one request an interval.
//!
//! Nothing queues up: every request has all numbers since the start of the session, so one that failed is made good by
//! the next one. There is no encryption here; a collector on the same machine or network forwards with it.

mod request;

use crate::telemetry::exporter::{Exporter, every, unix_ns};
use crate::telemetry::limiter::Limiter;
use crate::telemetry::observer::Observer;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use std::io;
use std::time::{Duration, Instant};

/// Where a collector takes metrics, unless the endpoint says otherwise.
const PATH: &str = "/v1/metrics";
/// What is read of an answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// How metrics go to a collector.
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
    /// To `http://HOST:PORT`, to which `/v1/metrics` is added, or to a whole URL with a path. Every ten seconds, each
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
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(options.timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("graphmill/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    // Fixed once: a receiver takes a start that moves for a restart.
    let start_unix_ns = unix_ns().saturating_sub(observer.metrics().elapsed_ns);
    let OtlpOptions { url, interval, resource, .. } = options;
    let mut sender = Sender { agent, url, warnings: Limiter::default(), failures: 0 };
    Exporter::spawn("metrics-otlp", move |stopped| {
        every(interval, stopped, || {
            let times = request::Times { start_unix_ns, now_unix_ns: unix_ns() };
            sender.send(&request::of(&observer.metrics(), times, &resource).encode_to_vec());
            true
        });
    })
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
    warnings: Limiter,
    failures: u64,
}

impl Sender {
    fn send(&mut self, body: &[u8]) {
        let Err(message) = self.post(body) else { return };
        self.failures += 1;
        if let Some(unsaid) = self.warnings.admit(Instant::now()) {
            let (url, failures) = (&self.url, self.failures);
            tracing::warn!(url, failures, unsaid, "metrics did not reach the collector: {message}");
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
            Some(partly) if partly.rejected_data_points > 0 => {
                Err(format!("it refused {} numbers: {}", partly.rejected_data_points, partly.error_message))
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
