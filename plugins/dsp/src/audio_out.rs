//! One audio output of a node: makes its packets, numbers them and stamps them.

use graphmill_plugin_sdk::{AudioHeader, Context, Error, Packet, Result};

use crate::time::frames_to_ns;
use crate::timeline::{Rates, Timeline};

/// Makes the packets of one audio output that re-cuts, delays or resamples an input.
///
/// What the input's packets say about time and origin goes over to the packets that are made from them.
#[derive(Debug)]
pub struct AudioOut {
    pin: usize,
    rate_hz: u32,
    channels: u32,
    timeline: Timeline,
    seq: u64,
    stream_id: u64,
    host_private: u64,
    is_gap: bool,
}

impl AudioOut {
    /// Describes the output with number `pin`: interleaved `f32` at the output rate of `rates`.
    pub fn new(pin: usize, rates: Rates, channels: u32) -> Self {
        Self {
            pin,
            rate_hz: rates.output_hz,
            channels: channels.max(1),
            timeline: Timeline::new(rates),
            seq: 0,
            stream_id: 0,
            host_private: 0,
            is_gap: false,
        }
    }

    /// Starts the time of a source: its first frame has this timestamp.
    pub fn start_at(&mut self, pts_ns: i64) {
        self.timeline.take(0, Some(pts_ns));
    }

    /// Notes an input packet with `frames` frames, before what is made from it is given.
    pub fn take(&mut self, packet: &Packet, frames: u32) {
        self.timeline.take(frames as usize, packet.pts_ns());
        self.stream_id = packet.stream_id();
        self.host_private = packet.host_private();
        self.is_gap |= packet.is_discontinuity();
    }

    /// Emits interleaved samples as one packet; nothing where there are none.
    ///
    /// # Errors
    /// As for [`Context::audio`] and [`Context::emit`].
    pub fn give(&mut self, samples: &[f32], cx: &mut Context<'_>) -> Result<()> {
        self.give_with(samples.len() / self.channels as usize, cx, |target| {
            for (to, from) in target.iter_mut().zip(samples) {
                *to = *from;
            }
        })
    }

    /// Emits a packet of `frames` frames whose interleaved samples `fill` writes, every one of them.
    ///
    /// # Errors
    /// As for [`Context::audio`] and [`Context::emit`].
    pub fn give_with(&mut self, frames: usize, cx: &mut Context<'_>, fill: impl FnOnce(&mut [f32])) -> Result<()> {
        if frames == 0 {
            return Ok(());
        }
        let count = u32::try_from(frames).map_err(Error::invalid)?;
        let mut packet = cx.audio(AudioHeader::f32(self.rate_hz, self.channels, count))?;
        fill(packet.samples_mut::<f32>()?);
        packet.set_seq(self.seq);
        packet.set_stream_id(self.stream_id);
        packet.set_host_private(self.host_private);
        packet.set_pts_ns(self.timeline.give(frames));
        packet.set_duration_ns(Some(frames_to_ns(u64::from(count), self.rate_hz)));
        if std::mem::take(&mut self.is_gap) {
            packet.set_discontinuity();
        }
        self.seq += 1;
        cx.emit(self.pin, packet)
    }

    /// Frames given out so far.
    pub fn frames_given(&self) -> u64 {
        self.timeline.frames_given()
    }
}
