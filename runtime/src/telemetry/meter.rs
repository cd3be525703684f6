//! Metrics as observable instruments of the application's own OpenTelemetry meter.

use crate::telemetry::instruments::{INSTRUMENTS, Instrument, InstrumentKind};
use crate::telemetry::observer::Observer;
use crate::telemetry::snapshot::{MetricsSnapshot, Point, Value, seconds};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The callbacks of one collection share a snapshot.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(50);

/// Keeps the numbers of a session in a meter; when it is dropped they are observed no more.
#[derive(Debug)]
#[must_use = "the numbers are observed until this is dropped"]
pub struct Registration {
    _kept: Arc<Kept>,
}

/// Makes an observable instrument of `meter` for each one of a session, so that they go where the application's own
/// metrics go.
///
/// OpenTelemetry has no histogram that can be observed, so a distribution of durations becomes three instruments:
/// its name with `.count`, `.sum` and `.max`. Reading happens in the thread that collects, never in a worker.
///
/// ```no_run
/// # fn keep(meter: &opentelemetry::metrics::Meter, session: &graphmill::Session) {
/// let registration = graphmill::telemetry::register(meter, session.observer());
/// # drop(registration);
/// # }
/// ```
pub fn register(meter: &Meter, observer: Observer) -> Registration {
    let kept = Arc::new(Kept { observer, newest: Mutex::new(None) });
    for instrument in INSTRUMENTS.iter().copied() {
        match instrument.kind {
            InstrumentKind::Histogram => register_times(meter, instrument, &kept),
            _ if instrument.unit == "s" => register_seconds(meter, instrument, &kept),
            InstrumentKind::Counter => register_counter(meter, instrument, &kept),
            InstrumentKind::Gauge => register_gauge(meter, instrument, &kept),
        }
    }
    Registration { _kept: kept }
}

/// A session's observer and what it gave last.
#[derive(Debug)]
struct Kept {
    observer: Observer,
    newest: Mutex<Option<(Instant, Arc<MetricsSnapshot>)>>,
}

impl Kept {
    fn snapshot(&self) -> Arc<MetricsSnapshot> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((taken, snapshot)) = &*newest
            && taken.elapsed() < SNAPSHOT_AGE_MAX
        {
            return snapshot.clone();
        }
        let snapshot = Arc::new(self.observer.metrics());
        *newest = Some((Instant::now(), snapshot.clone()));
        snapshot
    }
}

fn register_counter(meter: &Meter, instrument: &'static Instrument, kept: &Arc<Kept>) {
    let builder = meter.u64_observable_counter(instrument.name).with_unit(instrument.unit);
    builder.with_description(instrument.description).with_callback(observe(instrument, kept, count)).build();
}

fn register_gauge(meter: &Meter, instrument: &'static Instrument, kept: &Arc<Kept>) {
    let builder = meter.u64_observable_gauge(instrument.name).with_unit(instrument.unit);
    builder.with_description(instrument.description).with_callback(observe(instrument, kept, count)).build();
}

fn register_seconds(meter: &Meter, instrument: &'static Instrument, kept: &Arc<Kept>) {
    let builder = meter.f64_observable_gauge(instrument.name).with_unit(instrument.unit);
    let of = |value: &Value| seconds(value.count());
    builder.with_description(instrument.description).with_callback(observe(instrument, kept, of)).build();
}

fn register_times(meter: &Meter, instrument: &'static Instrument, kept: &Arc<Kept>) {
    let name = |suffix: &str| format!("{}.{suffix}", instrument.name);
    let counter = meter.u64_observable_counter(name("count")).with_description(instrument.description);
    counter.with_callback(observe(instrument, kept, count)).build();
    let sum = meter.f64_observable_counter(name("sum")).with_unit(instrument.unit);
    let of = |value: &Value| summary_ns(value, |summary| summary.sum_ns);
    sum.with_description(instrument.description).with_callback(observe(instrument, kept, of)).build();
    let max = meter.f64_observable_gauge(name("max")).with_unit(instrument.unit);
    let of = |value: &Value| summary_ns(value, |summary| summary.max_ns);
    max.with_description(instrument.description).with_callback(observe(instrument, kept, of)).build();
}

fn count(value: &Value) -> u64 {
    value.count()
}

fn summary_ns(value: &Value, of: impl Fn(&crate::telemetry::Summary) -> u64) -> f64 {
    match value {
        Value::Distribution(distribution) => seconds(of(&distribution.summary)),
        Value::Count(_) | Value::TimeNs(_) => 0.0,
    }
}

/// What a meter calls when it collects. It must not keep the registration: that is how it ends.
fn observe<N>(
    instrument: &'static Instrument,
    kept: &Arc<Kept>,
    of: impl Fn(&Value) -> N + Send + Sync + 'static,
) -> impl Fn(&dyn AsyncInstrument<N>) + Send + Sync + 'static {
    let kept: Weak<Kept> = Arc::downgrade(kept);
    move |into| {
        let Some(snapshot) = kept.upgrade().map(|kept| kept.snapshot()) else { return };
        let points = snapshot.series(instrument.name).into_iter().flat_map(|series| &series.points);
        points.for_each(|point| into.observe(of(&point.value), &attributes(point)));
    }
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    point.attributes.iter().map(|(key, value)| KeyValue::new(*key, value.clone())).collect()
}
