//! What does one `process` round trip to a plugin on its own thread cost?
//!
//! Baseline in the same run: the bare hand-shake underneath, two `crossbeam` channels of one place between two
//! threads, both waits with a timeout, moving a value of the same size.

use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam_channel::bounded;
use graphmill::Packet;
use serde_json::json;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);

fn text() -> Packet {
    Packet::from_text("x").unwrap_or_default()
}

fn bare(criterion: &mut Criterion) {
    let (to_worker, inbox) = bounded::<Packet>(1);
    let (reply, from_worker) = bounded::<Packet>(1);
    let worker = std::thread::spawn(move || {
        while let Ok(packet) = inbox.recv() {
            if reply.send(packet).is_err() {
                return;
            }
        }
    });
    let mut packet = text();
    criterion.bench_function("round trip/bare channels", |bencher| {
        bencher.iter(|| {
            assert!(to_worker.send_timeout(std::mem::take(&mut packet), TIMEOUT).is_ok());
            packet = from_worker.recv_timeout(TIMEOUT).unwrap_or_default();
        });
    });
    drop(to_worker);
    drop(worker.join());
}

fn process(criterion: &mut Criterion) {
    let runtime = graphmill_benches::runtime();
    let Ok(mut pass) = runtime.instance("flow.pass", &json!({})) else { panic!("the instance starts") };
    let mut packet = text();
    criterion.bench_function("round trip/instance.process", |bencher| {
        bencher.iter(|| {
            let Ok(emitted) = pass.process(0, std::mem::take(&mut packet)) else { panic!("the plugin answers") };
            packet = emitted.pop().map(|emitted| emitted.packet).unwrap_or_default();
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = bare, process
}
criterion_main!(benches);
