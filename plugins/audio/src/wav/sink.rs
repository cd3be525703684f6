//! `wav.sink`: a stream of sound into a WAV file.

use std::path::PathBuf;

use graphmill_dsp::interleaved;
use graphmill_plugin_sdk::prelude::*;

use super::writer::{SampleKind, WavFile, part_path, prepare};
use super::{SoundSpec, WavError};

/// Params of `wav.sink`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WavSinkParams {
    /// File to write; its folder is made, a file of that name is replaced once the new one is complete.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: PathBuf,
    /// `i16` for 16-bit integers, `f32` for floats.
    #[serde(default)]
    sample: SampleKind,
}

/// Writes one WAV file, in the format of the first packet.
#[derive(Debug)]
pub(crate) struct WavSink {
    path: PathBuf,
    sample: SampleKind,
    file: Option<WavFile>,
    /// A write has failed, so the file lacks samples and does not get its name.
    is_broken: bool,
}

impl Node for WavSink {
    type Params = WavSinkParams;

    fn kind() -> Kind {
        Kind::new("wav.sink")
            .title("WAV file")
            .description("Writes sound to a WAV file, which appears under its name when the stream has ended.")
            .input("in", "audio f32 interleaved")
    }

    fn create(params: WavSinkParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        prepare(&params.path)?;
        Ok(Self { path: params.path, sample: params.sample, file: None, is_broken: false })
    }
}

impl Sink for WavSink {
    fn consume(&mut self, _pin: usize, packet: &mut Packet, _cx: &mut Context<'_>) -> Result<()> {
        let (header, samples) = interleaved(packet)?;
        let spec = SoundSpec { rate_hz: header.rate_hz, channels: header.channels };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(WavFile::create(&self.path, spec, self.sample)?),
        };
        if file.spec() != spec {
            return Err(WavError::FormatChange { path: self.path.clone(), was: file.spec(), is: spec }.into());
        }
        let outcome = file.write(samples);
        self.is_broken |= matches!(outcome, Err(WavError::Write { .. }));
        Ok(outcome?)
    }

    fn flush(&mut self, _pin: usize, _cx: &mut Context<'_>) -> Result<()> {
        let Some(file) = self.file.take() else {
            tracing::warn!(path = %self.path.display(), "no sound arrived, so no file was written");
            return Ok(());
        };
        if self.is_broken {
            let part = part_path(&self.path);
            return Err(Error::io(format!("what could be written stays in `{}`", part.display())));
        }
        let written = file.finish()?;
        let path = self.path.display();
        tracing::info!(%path, frames = written.frames, "WAV file written");
        if written.clipped > 0 {
            tracing::warn!(%path, samples = written.clipped, "samples beyond full scale were clipped; lower the gain");
        }
        Ok(())
    }
}
