//! Measures one kind on its own: an instance on a thread of its own, one request after the other.

use super::figures::{Figures, Times};
use super::gauge::{Cost, Gauge};
use super::packets::Maker;
use crate::arguments::Measuring;
use crate::failure::Failure;
use crate::plugins;
use graphmill::exec::{CallError, NextTick};
use graphmill::graph::{KindInfo, Role};
use graphmill::telemetry::Quantiles;
use graphmill::{InstanceHandle, Packet, Runtime, StartError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an instance may take to be freed after a run.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Has instances of the kind answer requests as often as is wanted.
///
/// # Errors
/// The params are wrong, the kind takes packets that cannot be made up, or an instance fails.
pub(crate) fn measure(runtime: &Runtime, kind: &Arc<KindInfo>, how: &Measuring) -> Result<Figures, Failure> {
    let params = plugins::params(&how.params)?;
    let of_node = plugins::kind_of_node(runtime.plugins(), kind, (&kind.id, &params));
    let kind = &*of_node.map_err(|error| Failure::new(error.to_string()))?;
    let maker = match kind.role {
        Role::Source => None,
        Role::Processor | Role::Sink => Some(Maker::new(kind, &params)?),
    };
    let (mut runs, mut times_ns) = (Vec::new(), Vec::new());
    for at in 0..how.warm_up + how.runs {
        let start = |error: StartError| Failure::new(error.to_string());
        let mut instance = runtime.instance(&kind.id, &params).map_err(start)?;
        let run = run(&mut instance, maker.as_ref(), how.packets)?;
        instance.close(CLOSE_TIMEOUT);
        if at >= how.warm_up {
            runs.push((run.cost, run.packets));
            times_ns.extend(run.times_ns);
        }
    }
    let times = Times::of_quantiles("the answer", &Quantiles::of(times_ns));
    Ok(Figures::of_runs(kind.id.clone(), &runs, vec![times], Vec::new()))
}

/// One run.
struct Run {
    cost: Cost,
    /// Packets that were handed over, or that a source gave.
    packets: u64,
    times_ns: Vec<u64>,
}

fn run(instance: &mut InstanceHandle, maker: Option<&Maker>, count: u64) -> Result<Run, Failure> {
    let mut times_ns = Vec::with_capacity(usize::try_from(count).unwrap_or(0).min(1 << 24));
    let mut packets = 0;
    let mut refused: Option<CallError> = None;
    let gauge = Gauge::begin();
    for seq in 0..count {
        // Making a packet counts for the cost of a run and not for the time of the answer.
        let packet = maker.map(|maker| maker.packet(seq));
        let begun = Instant::now();
        let answer = ask(instance, packet);
        times_ns.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        match answer {
            Ok((given, is_last)) => {
                packets += if maker.is_some() { 1 } else { given };
                if is_last {
                    break;
                }
            }
            Err(error @ CallError::Refused { .. }) => drop(refused.get_or_insert(error)),
            Err(error) => return Err(Failure::Session(error.to_string())),
        }
    }
    let cost = gauge.cost();
    match refused {
        Some(error) => Err(Failure::Session(format!("the kind refuses the made-up packets: {error}"))),
        None if packets == 0 => Err(Failure::Session("the source gives no packet".to_owned())),
        None => Ok(Run { cost, packets, times_ns }),
    }
}

/// One request: how many packets it gave, and whether there will be no further one.
fn ask(instance: &mut InstanceHandle, packet: Option<Packet>) -> Result<(u64, bool), CallError> {
    let is_last = match packet {
        Some(packet) => instance.process(0, packet).map(|_| false)?,
        None => matches!(instance.tick()?, NextTick::Ended | NextTick::OnWake),
    };
    let given = instance.emitted().drain(..).count() as u64;
    Ok((given, is_last))
}
