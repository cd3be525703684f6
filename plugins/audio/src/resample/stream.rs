//! The way of one stream through channel map, resampler and packet cutter.

use graphmill_dsp::{AudioOut, Framer, Rates};
use graphmill_plugin_sdk::prelude::*;

use super::channels::ChannelMap;
use super::core::Resampler;

/// What the output shall be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) rate_hz: u32,
    pub(crate) channels: Option<u32>,
    pub(crate) frames: u32,
}

impl Target {
    /// Whether sound already is as it shall be, packet length aside.
    pub(crate) fn is_reached_by(&self, header: &AudioHeader) -> bool {
        header.rate_hz == self.rate_hz && self.channels_for(header) == header.channels
    }

    fn channels_for(&self, header: &AudioHeader) -> u32 {
        self.channels.unwrap_or(header.channels)
    }
}

/// A stream of one input format.
#[derive(Debug)]
pub(crate) struct Stream {
    rate_hz: u32,
    channels: u32,
    before: ChannelMap,
    narrowed: Vec<f32>,
    resampler: Option<Resampler>,
    tail: Tail,
}

/// What happens to samples of the new rate.
#[derive(Debug)]
struct Tail {
    after: ChannelMap,
    widened: Vec<f32>,
    packets: Framer,
    out: AudioOut,
}

impl Stream {
    /// Prepares for input of the format in `header`.
    pub(crate) fn new(header: &AudioHeader, target: Target) -> Result<Self> {
        let (from, to) = (header.channels, target.channels_for(header));
        let Some(map) = ChannelMap::between(from as usize, to as usize) else {
            return Err(Error::unsupported(format!(
                "cannot turn {from} channels into {to}; go over mono with a second `audio.resample`"
            )));
        };
        // The fewer channels are resampled: sums are made before, copies after.
        let (before, after) = match map {
            ChannelMap::FromMono { .. } => (ChannelMap::Keep, map),
            _ => (map, ChannelMap::Keep),
        };
        let rates = Rates { input_hz: header.rate_hz, output_hz: target.rate_hz };
        let inner_channels = from.min(to) as usize;
        let resampler = match rates.input_hz == rates.output_hz {
            true => None,
            false => Some(Resampler::new(rates, inner_channels)?),
        };
        let tail = Tail {
            after,
            widened: Vec::new(),
            packets: Framer::new(target.frames as usize * to as usize),
            out: AudioOut::new(0, rates, to),
        };
        Ok(Self { rate_hz: header.rate_hz, channels: from, before, narrowed: Vec::new(), resampler, tail })
    }

    /// Whether packets of this format belong to the stream.
    pub(crate) fn accepts(&self, header: &AudioHeader) -> bool {
        header.rate_hz == self.rate_hz && header.channels == self.channels
    }

    /// Takes a packet in and emits what becomes ready.
    pub(crate) fn push(&mut self, packet: &Packet, samples: &[f32], cx: &mut Context<'_>) -> Result<()> {
        let Self { before, narrowed, resampler, tail, channels, .. } = self;
        let frames = u32::try_from(samples.len()).map_err(Error::invalid)? / *channels;
        tail.out.take(packet, frames);
        let samples = before.apply(samples, narrowed);
        match resampler {
            Some(resampler) => resampler.push(samples, |ready| tail.give(ready, cx)),
            None => tail.give(samples, cx),
        }
    }

    /// Emits the rest.
    pub(crate) fn finish(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let Self { resampler, tail, .. } = self;
        if let Some(resampler) = resampler {
            resampler.finish(|ready| tail.give(ready, cx))?;
        }
        let Tail { packets, out, .. } = tail;
        packets.finish(|rest| out.give(rest, cx))
    }
}

impl Tail {
    fn give(&mut self, ready: &[f32], cx: &mut Context<'_>) -> Result<()> {
        let Self { after, widened, packets, out } = self;
        let samples = after.apply(ready, widened);
        packets.push(samples, |packet| out.give(packet, cx))
    }
}
