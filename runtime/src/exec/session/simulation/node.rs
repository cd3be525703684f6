//! The instances: they number what they give, tell the oracle, and have the faults that the dice give them.

use super::fault::Trouble;
use super::world::{self, with};
use crate::exec::{
    EmitError, Factories, Factory, Fault, FaultClass, Hint, HintAnswer, Instance, NextTick, NodeContext, Outputs, Wait,
};
use graphmill_abi::Packet;
use std::sync::Arc;

/// Every deadline of a node that matters here.
const DEADLINE_NS: i64 = 1_000_000_000;

/// Makes instances of every kind of a simulation.
#[derive(Debug)]
pub(super) struct Makers;

#[derive(Debug)]
struct Maker {
    outputs: usize,
}

impl Factories for Makers {
    fn factory(&self, kind: &str) -> Option<Arc<dyn Factory>> {
        let outputs = match kind {
            "sink" => 0,
            "fork" => 2,
            _ => 1,
        };
        Some(Arc::new(Maker { outputs }))
    }
}

impl Factory for Maker {
    fn create(&self, context: &Arc<NodeContext>, _: &str) -> Result<Box<dyn Instance>, Fault> {
        let node = context.node().to_owned();
        let is_refused = with(|world| {
            let may_fail = world.oracle.is_running() && world.faults_left > 0 && world.dice.one_in(8);
            world.faults_left -= usize::from(may_fail);
            may_fail
        });
        if is_refused {
            return Err(Fault::new(FaultClass::Error, "it cannot be made now"));
        }
        with(|world| world.oracle.created());
        Ok(Box::new(Simulated { node, outputs: self.outputs }))
    }
}

/// An instance; what it has to remember is with the oracle, because a successor goes on with it.
struct Simulated {
    node: String,
    outputs: usize,
}

impl Simulated {
    /// Gives one packet to an output; `Err` when the call cannot go on.
    fn give(&self, pin: usize, packet: &mut Box<Packet>, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let (number, wait) = with(|world| {
            let wait = if world.dice.one_in(6) { Wait::Never } else { Wait::ForRoom };
            (world.oracle.next_number(), wait)
        });
        packet.set_seq(number);
        let outcome = outputs.emit(pin, wait, packet);
        with(|world| world.oracle.gave(&self.node, pin, number, &outcome));
        match outcome {
            Ok(()) | Err(EmitError::WouldBlock) => Ok(()),
            Err(EmitError::Cancelled) => Err(Fault::new(FaultClass::Cancelled, "the session is stopping")),
            Err(error) => Err(Fault::new(FaultClass::Error, error.to_string())),
        }
    }

    /// Does what a call does, with trouble before, in the middle or at the end.
    fn call(&self, packet: &mut Packet, pins: &[usize], outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let (trouble, at) = with(|world| {
            let trouble = Trouble::roll(&mut world.dice, &mut world.faults_left);
            (trouble, world.dice.below(pins.len() + 1))
        });
        with(|world| world.oracle.trouble(trouble));
        for (step, pin) in pins.iter().enumerate() {
            if step == at {
                have(trouble)?;
            }
            self.give(*pin, &mut Box::new(packet.clone()), outputs)?;
        }
        if at == pins.len() { have(trouble) } else { Ok(()) }
    }
}

/// Has the trouble here and now.
fn have(trouble: Trouble) -> Result<(), Fault> {
    match trouble {
        Trouble::None => Ok(()),
        Trouble::Preempted | Trouble::Slow | Trouble::Hang => {
            world::meanwhile(trouble, DEADLINE_NS);
            Ok(())
        }
        Trouble::Error => Err(Fault::new(FaultClass::Error, "a planned error")),
        Trouble::Panic => Err(Fault::new(FaultClass::Panic, "a planned panic")),
        Trouble::Contract => Err(Fault::new(FaultClass::Contract, "a planned breach")),
    }
}

impl Instance for Simulated {
    fn start(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn tick(&mut self, now_ns: i64, outputs: &mut dyn Outputs) -> Result<NextTick, Fault> {
        let Some(count) = with(|world| world.oracle.next_burst(&self.node, &mut world.dice)) else {
            return Ok(NextTick::Ended);
        };
        let mut packet = Packet::from_text("simulated").unwrap();
        self.call(&mut packet, &vec![0; count], outputs)?;
        Ok(match with(|world| world.dice.below(3)) {
            0 => NextTick::At(now_ns + 3_000_000),
            _ => NextTick::Now,
        })
    }

    fn process(&mut self, pin: usize, packet: &mut Packet, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let number = packet.seq();
        let call = with(|world| world.oracle.got(&self.node, pin, number));
        let pins: Vec<usize> = (0..self.outputs).collect();
        let outcome = self.call(packet, &pins, outputs);
        with(|world| world.oracle.processed(call, &outcome));
        outcome
    }

    fn flush(&mut self, _: usize, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let pins: Vec<usize> = (0..self.outputs).collect();
        self.call(&mut Packet::from_text("flushed").unwrap(), &pins, outputs)
    }

    fn update(&mut self, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn hint(&mut self, _: &Hint) -> Result<HintAnswer, Fault> {
        Ok(HintAnswer::Pass)
    }

    fn stop(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        world::with_if_there(|world| world.oracle.freed());
    }
}
