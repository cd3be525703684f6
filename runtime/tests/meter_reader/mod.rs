//! A meter whose numbers a test can read.

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A number: instrument, attributes, and the value of those that are counts.
type Number = (String, Vec<(String, String)>, Option<u64>);

/// The numbers of one collection.
#[derive(Debug, Default, Clone)]
pub(crate) struct Observed(Vec<Number>);

impl Observed {
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.0.iter().map(|(name, _, _)| name.clone()).collect()
    }

    pub(crate) fn count(&self, name: &str, attributes: &[(&str, &str)]) -> Option<u64> {
        let has = |given: &[(String, String)], wanted: &(&str, &str)| {
            given.iter().any(|(key, value)| (key.as_str(), value.as_str()) == *wanted)
        };
        let fits = |number: &&Number| number.0 == name && attributes.iter().all(|wanted| has(&number.1, wanted));
        self.0.iter().find(fits)?.2
    }
}

/// Collects when it is asked.
pub(crate) struct Reader {
    provider: SdkMeterProvider,
    newest: Arc<Mutex<Observed>>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let newest = Arc::<Mutex<Observed>>::default();
        let reader = PeriodicReader::builder(Keeper(newest.clone())).with_interval(Duration::from_secs(3600)).build();
        Self { provider: SdkMeterProvider::builder().with_reader(reader).build(), newest }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("test")
    }

    pub(crate) fn collect(&self) -> Observed {
        self.newest.lock().unwrap().0.clear();
        self.provider.force_flush().unwrap();
        self.newest.lock().unwrap().clone()
    }
}

#[derive(Debug)]
struct Keeper(Arc<Mutex<Observed>>);

impl PushMetricExporter for Keeper {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        self.0.lock().unwrap().0 = metrics.flat_map(|metric| numbers(metric.name(), metric.data())).collect();
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn numbers(name: &str, data: &AggregatedMetrics) -> Vec<Number> {
    match data {
        AggregatedMetrics::U64(data) => points(name, data, Some),
        AggregatedMetrics::F64(data) => points(name, data, |_| None),
        AggregatedMetrics::I64(_) => panic!("{name}: nothing here is signed"),
    }
}

fn points<T: Copy>(name: &str, data: &MetricData<T>, value: impl Fn(T) -> Option<u64>) -> Vec<Number> {
    let text = |attributes: &mut dyn Iterator<Item = &opentelemetry::KeyValue>| {
        attributes.map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
    };
    match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            points.map(|point| (name.to_owned(), text(&mut point.attributes()), value(point.value()))).collect()
        }
        MetricData::Sum(sum) => {
            let points = sum.data_points();
            points.map(|point| (name.to_owned(), text(&mut point.attributes()), value(point.value()))).collect()
        }
        _ => panic!("{name} is neither a sum nor a gauge"),
    }
}
