//! The work done by Copper: its graphs are compiled, so each has a file of its own.
//!
//! One call of `run_one_iteration` moves one packet from the source through all tasks, on one thread.

mod apps;

use compare_common::{Case, Failure, Meter, Work, answer};
use cu29::bincode::{Decode, Encode};
use cu29::prelude::*;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// 64 bytes, as many as the cases on one thread ask for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Encode, Decode, Reflect)]
pub struct Packet {
    number: u64,
    payload: [u64; 7],
}

const _: () = assert!(size_of::<Packet>() == 64);

/// Packets that came to a sink, and whose number was the one that was due.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// Gives numbered packets.
#[derive(Debug, Reflect)]
pub struct Source(u64);

/// Hands every packet on.
#[derive(Debug, Reflect)]
pub struct Pass;

/// Wants every number once and in order.
#[derive(Debug, Reflect)]
pub struct Sink(u64);

impl Freezable for Source {}
impl Freezable for Pass {}
impl Freezable for Sink {}

impl CuSrcTask for Source {
    type Resources<'r> = ();
    type Output<'m> = output_msg!(Packet);

    fn new(_config: Option<&ComponentConfig>, _resources: Self::Resources<'_>) -> CuResult<Self> {
        Ok(Self(0))
    }

    fn process(&mut self, _ctx: &CuContext, output: &mut Self::Output<'_>) -> CuResult<()> {
        output.set_payload(Packet { number: self.0, payload: [0; 7] });
        self.0 += 1;
        Ok(())
    }
}

impl CuTask for Pass {
    type Resources<'r> = ();
    type Input<'m> = input_msg!(Packet);
    type Output<'m> = output_msg!(Packet);

    fn new(_config: Option<&ComponentConfig>, _resources: Self::Resources<'_>) -> CuResult<Self> {
        Ok(Self)
    }

    fn process(&mut self, _ctx: &CuContext, input: &Self::Input<'_>, output: &mut Self::Output<'_>) -> CuResult<()> {
        if let Some(packet) = input.payload() {
            output.set_payload(packet.clone());
        }
        Ok(())
    }
}

impl CuSinkTask for Sink {
    type Resources<'r> = ();
    type Input<'m> = input_msg!(Packet);

    fn new(_config: Option<&ComponentConfig>, _resources: Self::Resources<'_>) -> CuResult<Self> {
        Ok(Self(0))
    }

    fn process(&mut self, _ctx: &CuContext, input: &Self::Input<'_>) -> CuResult<()> {
        if input.payload().is_some_and(|packet| packet.number == self.0) {
            self.0 += 1;
            ARRIVED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    answer("copper", "cu29 1.3", |case, meter| match (case.work, case.depth) {
        _ if case.bytes != size_of::<Packet>() => {
            Err(Failure::not_offered("the size of a packet is compiled in; only 64 bytes are"))
        }
        (Work::Inline, 1) => run(case, 1, meter, apps::chain1),
        (Work::Inline, 8) => run(case, 1, meter, apps::chain8),
        (Work::Inline, 32) => run(case, 1, meter, apps::chain32),
        (Work::Caterpillar, 8) => run(case, 8, meter, apps::caterpillar),
        (Work::Inline | Work::Caterpillar, _) => {
            Err(Failure::not_offered("graphs are compiled; only chains of 1, 8 and 32 nodes and one caterpillar are"))
        }
        _ => Err(Failure::not_offered("its tasks run in turns on one thread")),
    })
}

/// Runs a compiled graph once for each packet.
fn run(
    case: &Case,
    sinks: u64,
    meter: &mut Meter,
    app: fn(u64, &std::path::Path, &mut Meter) -> CuResult<()>,
) -> Result<(), Failure> {
    let log = std::env::temp_dir().join(format!("compare-copper-{}.copper", std::process::id()));
    ARRIVED.store(0, Ordering::Relaxed);
    let ran = app(case.packets, &log, meter);
    remove_logs(&log);
    ran.map_err(Failure::of)?;
    let (arrived, wanted) = (ARRIVED.load(Ordering::Relaxed), case.packets * sinks);
    if arrived == wanted { Ok(()) } else { Err(Failure::Failed(format!("{arrived} of {wanted} packets came"))) }
}

/// It writes its log into numbered files beside the name that it is given.
fn remove_logs(log: &std::path::Path) {
    let stem = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let entries = log.parent().into_iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&stem) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}
