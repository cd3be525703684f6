//! A snapshot as the messages of OpenTelemetry's protocol.

use crate::telemetry::histogram::{BOUNDS_NS, Distribution};
use crate::telemetry::instruments::InstrumentKind;
use crate::telemetry::snapshot::{MetricsSnapshot, Point, Series, Value, seconds};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// What the numbers of a request cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start_unix_ns: u64,
    pub(super) now_unix_ns: u64,
}

/// The request with everything that a snapshot has.
pub(super) fn of(
    snapshot: &MetricsSnapshot,
    times: Times,
    resource: &[(String, String)],
) -> ExportMetricsServiceRequest {
    let metrics = snapshot.series.iter().map(|series| metric(series, times)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: String::new() }];
    let resource = Some(self::resource(resource));
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// Who measures.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    }
}

/// What is measured.
pub(super) fn resource(given: &[(String, String)]) -> Resource {
    Resource { attributes: resource_attributes(given), ..Default::default() }
}

fn resource_attributes(given: &[(String, String)]) -> Vec<KeyValue> {
    let is_named = given.iter().any(|(key, _)| key == "service.name");
    let name = (!is_named).then(|| attribute("service.name", "graphmill"));
    name.into_iter().chain(given.iter().map(|(key, value)| attribute(key, value))).collect()
}

pub(super) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..Default::default() }
}

fn metric(series: &Series, times: Times) -> Metric {
    let instrument = series.instrument;
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let numbers = || series.points.iter().filter_map(|point| number(point, times)).collect();
    let data = match instrument.kind {
        InstrumentKind::Counter => {
            metric::Data::Sum(Sum { data_points: numbers(), aggregation_temporality, is_monotonic: true })
        }
        InstrumentKind::Gauge => metric::Data::Gauge(Gauge { data_points: numbers() }),
        InstrumentKind::Histogram => {
            let data_points = series.points.iter().filter_map(|point| distribution(point, times)).collect();
            metric::Data::Histogram(Histogram { data_points, aggregation_temporality })
        }
    };
    Metric {
        name: instrument.name.to_owned(),
        description: instrument.description.to_owned(),
        unit: instrument.unit.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

fn number(point: &Point, times: Times) -> Option<NumberDataPoint> {
    let value = match &point.value {
        Value::Count(count) => number_data_point::Value::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)),
        Value::TimeNs(ns) => number_data_point::Value::AsDouble(seconds(*ns)),
        Value::Distribution(_) => return None,
    };
    Some(NumberDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: times.start_unix_ns,
        time_unix_nano: times.now_unix_ns,
        value: Some(value),
        ..Default::default()
    })
}

fn distribution(point: &Point, times: Times) -> Option<HistogramDataPoint> {
    let Value::Distribution(distribution) = &point.value else { return None };
    let Distribution { summary, buckets } = &**distribution;
    Some(HistogramDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: times.start_unix_ns,
        time_unix_nano: times.now_unix_ns,
        count: summary.count,
        sum: Some(seconds(summary.sum_ns)),
        bucket_counts: buckets.clone(),
        explicit_bounds: BOUNDS_NS.iter().map(|bound_ns| seconds(*bound_ns)).collect(),
        max: (summary.count > 0).then(|| seconds(summary.max_ns)),
        ..Default::default()
    })
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    point.attributes.iter().map(|(key, value)| attribute(key, value)).collect()
}
