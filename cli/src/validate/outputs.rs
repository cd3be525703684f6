//! Outputs that look at every packet, and keep it or refuse it as a trial wants.

use super::bench::Bench;
use graphmill::Packet;
use graphmill::exec::{EmitError, Outputs, Wait, format_of};
use graphmill::graph::FormatSet;

/// What becomes of what is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// As links that stay full.
    Full,
    /// As a session that stops.
    Stopping,
}

impl Mood {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Takes => "free",
            Self::Full => "full",
            Self::Stopping => "stopping",
        }
    }
}

/// Takes packets as the host's links would.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) mood: Mood,
    /// What was wrong with what came.
    pub(crate) faults: Vec<String>,
    declared: Vec<(String, FormatSet)>,
    last_pts_ns: Vec<Option<i64>>,
    /// The first time that went back.
    pub(crate) went_back: Option<String>,
}

impl Recorder {
    pub(crate) fn new(bench: &Bench) -> Self {
        let declared: Vec<_> = bench.info.outputs.iter().map(|pin| (pin.name.clone(), bench.formats_of(pin))).collect();
        Self {
            mood: Mood::Takes,
            faults: Vec::new(),
            last_pts_ns: vec![None; declared.len()],
            declared,
            went_back: None,
        }
    }

    /// How often something was wrong.
    pub(crate) fn complaints(&self) -> usize {
        self.faults.len()
    }

    fn look(&mut self, pin: usize, packet: &Packet) -> Result<(), EmitError> {
        let Some((name, set)) = self.declared.get(pin) else {
            self.faults.push(format!("a packet was emitted to output {pin}, and there are {}", self.declared.len()));
            return Err(EmitError::NoSuchPin { pin, count: self.declared.len() });
        };
        let format = format_of(packet);
        if !format.as_ref().is_some_and(|format| set.accepts(format)) {
            let found = format.map_or_else(|| "an empty packet".to_owned(), |format| format!("`{format}`"));
            let message = format!("{found} was emitted to the output `{name}`, which declares `{set}`");
            self.faults.push(message.clone());
            return Err(EmitError::Format { message });
        }
        let last = self.last_pts_ns.get_mut(pin);
        if let (Some(last), Some(now)) = (last, packet.pts_ns()) {
            if let Some(before) = last.filter(|before| now < *before) {
                self.went_back
                    .get_or_insert_with(|| format!("on the output `{name}` the time {now} ns came after {before} ns"));
            }
            *last = Some(now);
        }
        Ok(())
    }
}

impl Outputs for Recorder {
    fn emit(&mut self, pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        self.look(pin, packet)?;
        match self.mood {
            Mood::Takes => {
                drop(packet.take());
                Ok(())
            }
            Mood::Full => Err(EmitError::Timeout { link: "`node` -> `nobody`".into(), waited_ms: 1_000 }),
            Mood::Stopping => Err(EmitError::Cancelled),
        }
    }
}
