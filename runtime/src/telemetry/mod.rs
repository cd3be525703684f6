//! What the runtime tells about itself: counters, distributions and the log.
//!
//! Workers count into memory of their own, without a lock or an attribute. An [`Observer`] reads that from outside, as
//! a [`MetricsSnapshot`]; exporters are threads that take one in an interval or when asked. However slow or dead the
//! receiver of an exporter is, the session does not notice.

pub(crate) mod counter;
pub(crate) mod histogram;
pub(crate) mod ledger;
pub(crate) mod limiter;
pub(crate) mod log_bridge;

pub(crate) mod instruments;
pub(crate) mod observer;
pub(crate) mod snapshot;

#[cfg(any(feature = "metrics-json", feature = "prometheus", feature = "otlp"))]
mod exporter;
#[cfg(feature = "metrics-json")]
mod json_lines;
#[cfg(feature = "opentelemetry")]
mod meter;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;

#[cfg(any(feature = "metrics-json", feature = "prometheus", feature = "otlp"))]
pub use exporter::Exporter;
#[cfg(feature = "metrics-json")]
pub use json_lines::export_json_lines;
#[cfg(feature = "opentelemetry")]
pub use meter::{Registration, register};
#[cfg(feature = "otlp")]
pub use otlp::{EndpointError, OtlpOptions, export_otlp, export_otlp_traces};
#[cfg(feature = "prometheus")]
pub use prometheus::{PrometheusPage, prometheus_page, serve_prometheus};

/// What fuzzing reaches of this module, in builds for it alone.
#[cfg(all(feature = "fuzzing", feature = "prometheus"))]
#[doc(hidden)]
pub mod fuzzing {
    pub use super::prometheus::fuzzed_request as request;
}

pub use histogram::{BOUNDS_NS, Distribution, Summary};
pub use instruments::{INSTRUMENTS, Instrument, InstrumentKind};
pub use ledger::{
    EndLatency, LatencyOwner, LatencyReport, LinkLatency, NodeLatency, Quantiles, Span, SpanBatch, SpanPart, SpanReader,
};
pub use observer::{Observer, ResourceFigures, ResourceGauge};
pub use snapshot::{MetricsSnapshot, Point, Series, Value};
