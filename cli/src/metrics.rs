//! The metrics and traces of a run: where they go while it runs.

use crate::arguments::MetricsTo;
use crate::console::Console;
use crate::failure::Failure;
use graphmill::SessionHandle;
use graphmill::telemetry::{
    Exporter, OtlpOptions, PrometheusPage, export_json_lines, export_otlp, export_otlp_traces, serve_prometheus,
};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

/// How long the last export may take after the end of the graph.
const LAST_EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the exporters of a run need, taken before anything runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    json: Option<File>,
    otlp: Option<OtlpOptions>,
    page: Option<TcpListener>,
    interval: Duration,
}

impl Prepared {
    /// Opens files and sockets.
    ///
    /// # Errors
    /// A file, address or endpoint cannot be used.
    pub(crate) fn new(to: &MetricsTo) -> Result<Self, Failure> {
        let interval = Duration::from_secs(to.metrics_interval_s);
        let mut otlp = to.otlp.as_deref().map(OtlpOptions::new).transpose();
        if let Ok(Some(options)) = &mut otlp {
            options.interval = interval;
        }
        Ok(Self {
            json: to.metrics_json.as_deref().map(create).transpose()?,
            otlp: otlp.map_err(|error| Failure::new(error.to_string()))?,
            page: to.metrics_addr.map(listen).transpose()?,
            interval,
        })
    }

    /// Starts what was asked for.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(self, console: Console, session: &SessionHandle) -> Result<Metrics, Failure> {
        self.try_start(console, session).map_err(|error| Failure::new(format!("no thread for the metrics: {error}")))
    }

    fn try_start(self, console: Console, session: &SessionHandle) -> io::Result<Metrics> {
        let observer = session.observer();
        let mut exporters = Vec::new();
        if let Some(file) = self.json {
            exporters.push(("--metrics-json", export_json_lines(observer.clone(), file, self.interval)?));
        }
        if let Some(options) = self.otlp {
            // Traces are those of the packets that --latency follows.
            if let Some(spans) = session.spans() {
                exporters.push(("--otlp", export_otlp_traces(spans, session.name(), options.clone())?));
            }
            exporters.push(("--otlp", export_otlp(observer.clone(), options)?));
        }
        let page = self.page.map(|listener| serve_prometheus(observer, listener)).transpose()?;
        if let Some(page) = &page {
            console.note(&format!("metrics are served on http://{}/metrics", page.address()));
        }
        Ok(Metrics { exporters, page })
    }
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| Failure::new(format!("cannot write metrics to `{}`: {error}", path.display())))
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| {
        Failure::new(format!("cannot serve metrics on {address}: {error}"))
            .note("help: port 0 takes a free one and says which")
    })
}

/// The exporters of a run. Dropping them ends them without waiting.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Each with the option that asked for it.
    exporters: Vec<(&'static str, Exporter)>,
    page: Option<PrometheusPage>,
}

impl Metrics {
    /// Exports a last time; a receiver that stalls is left behind.
    pub(crate) fn finish(self, console: Console) {
        // A scraper that is reading may finish, but it is not waited for.
        drop(self.page);
        for (option, exporter) in self.exporters {
            if !exporter.stop(LAST_EXPORT_TIMEOUT) {
                let seconds = LAST_EXPORT_TIMEOUT.as_secs();
                console.note(&format!("note: the last of {option} did not leave within {seconds} s"));
            }
        }
    }
}
