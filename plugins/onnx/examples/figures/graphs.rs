//! The same models as nodes of a graph.

use std::ops::Range;
use std::path::PathBuf;

use graphmill::{AudioHeader, Buffer, Graph, Packet};
use serde_json::json;

use crate::support::{Clip, LONG, content, next, runtime, transcribing};

/// Transcribes each file in a session of its own; the model stays loaded.
pub(crate) fn transcribe(sound: &[(PathBuf, Vec<f32>)]) {
    drop(spans(sound));
}

/// Which samples of each file became text.
pub(crate) fn spans(sound: &[(PathBuf, Vec<f32>)]) -> Vec<Vec<Range<usize>>> {
    thread_local! {
        static RUNTIME: graphmill::Runtime = runtime();
    }
    let one = |runtime: &graphmill::Runtime, path: &PathBuf| -> Vec<Range<usize>> {
        let clip = Clip { path: path.clone(), said: String::new() };
        let mut session = runtime.start(&transcribing(runtime, &clip, "vad.earshot")).unwrap();
        let mut outlet = session.take_outlet("text").unwrap();
        drop(session.take_outlet("partial"));
        let at = |seconds: &serde_json::Value| (seconds.as_f64().unwrap() * 16_000.0).round() as usize;
        let texts = std::iter::from_fn(|| next(&mut outlet)).map(|packet| content(&packet));
        let spans = texts.map(|text| at(&text["start_s"])..at(&text["end_s"])).collect();
        session.wait_timeout(LONG).unwrap();
        spans
    };
    RUNTIME.with(|runtime| sound.iter().map(|(path, _)| one(runtime, path)).collect())
}

/// A minute of noise at 48 kHz; what it is does not matter to the time that it takes.
pub(crate) fn noise() -> Vec<f32> {
    let mut state = 1_u32;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 65_536.0 - 0.5
    };
    (0..60 * 48_000).map(|_| sample() * 0.2).collect()
}

/// RNNoise over 48 kHz sound, a frame in a packet.
pub(crate) fn denoise(sound: &[f32]) {
    let runtime = graphmill::Runtime::new();
    runtime.plugins().link(graphmill_rnnoise::module()).unwrap();
    let graph = Graph::builder()
        .inlet("noisy", "audio f32 48000 Hz mono")
        .node("clean", "rnnoise", json!({}))
        .outlet("clear", "audio f32 48000 Hz mono")
        .chain(["noisy", "clean", "clear"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("noisy").unwrap(), session.take_outlet("clear").unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for frame in sound.chunks_exact(480) {
                let bytes: &[u8] = bytemuck::cast_slice(frame);
                let packet = Packet::from_audio(AudioHeader::f32(48_000, 1, 480), Buffer::copy_from_slice(bytes));
                inlet.send(packet.unwrap(), LONG).unwrap();
            }
        });
        while let Some(packet) = next(&mut outlet) {
            std::hint::black_box(packet);
        }
    });
    session.wait_timeout(LONG).unwrap();
}
