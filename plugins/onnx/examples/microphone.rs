//! Speech to text inside an application: sound goes in chunk by chunk, as a microphone gives it, text comes out.
//!
//! ```sh
//! graphmill models pull moonshine-tiny silero-vad librivox-five
//! cargo run -p graphmill-onnx --features model-tests --example microphone -- [SPEECH.wav]
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks on the terminal")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use graphmill::exec::{Inlet, RecvError};
use graphmill::graph::{DeadlinesSpec, NodeSpec};
use graphmill::{AudioHeader, Buffer, Graph, Packet, Runtime};
use graphmill_models::Store;
use serde::Deserialize;
use serde_json::json;

/// Frames of 16 kHz sound in a chunk: 20 ms.
const CHUNK_LEN: usize = 320;

/// Longest wait for room in the graph, or for a text.
const PATIENCE: Duration = Duration::from_secs(60);

/// Content of `speech.text`, version 1.
#[derive(Deserialize)]
struct Said {
    text: String,
    start_s: f64,
    end_s: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = match std::env::args_os().nth(1) {
        Some(path) => path.into(),
        None => Store::open()?.path("librivox-five", "sense_and_sensibility_01_austen_64kb-0880.wav")?,
    };
    let sound = read(&path)?;

    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_onnx::module())?;
    // A model may take longer than a second on a slow machine.
    let patient = DeadlinesSpec { process_ms: Some(60_000), flush_ms: Some(60_000), ..DeadlinesSpec::default() };
    let graph = Graph::builder()
        .inlet("microphone", "audio f32 16000 Hz mono")
        .node("voice", "vad.silero", json!({}))
        .node_with("listen", NodeSpec::new("stt.moonshine").with_deadlines(patient))
        .outlet("text", "event speech.text/1")
        .link("microphone", "voice")
        .link("microphone", "listen.in")
        .link("voice.segments", "listen.segments")
        .link("listen.text", "text")
        .build(runtime.plugins())?;

    let session = runtime.start(&graph)?;
    let microphone = session.take_inlet("microphone").ok_or("the graph has this inlet")?;
    let mut texts = session.take_outlet("text").ok_or("the graph has this outlet")?;
    let speaker = std::thread::spawn(move || speak(microphone, &sound));
    loop {
        match texts.recv(PATIENCE) {
            Ok(packet) => {
                let event = packet.event().ok_or("a text is an event")?;
                let said: Said = serde_json::from_str(event.json)?;
                println!("{:7.2} s to {:7.2} s  {}", said.start_s, said.end_s, said.text);
            }
            Err(RecvError::Ended) => break,
            Err(error) => return Err(error.into()),
        }
    }
    speaker.join().map_err(|_| "the thread of the microphone panicked")??;
    println!("{:?}", session.wait().outcome);
    Ok(())
}

/// Gives the sound to the graph chunk by chunk; the end of the inlet ends the stream.
fn speak(mut microphone: Inlet, sound: &[f32]) -> Result<(), String> {
    for chunk in sound.chunks(CHUNK_LEN) {
        let frames = u32::try_from(chunk.len()).map_err(|error| error.to_string())?;
        let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let packet = Packet::from_audio(AudioHeader::f32(16_000, 1, frames), Buffer::copy_from_slice(&bytes));
        let packet = packet.map_err(|error| error.to_string())?;
        microphone.send(packet, PATIENCE).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut reader = hound::WavReader::open(path)?;
    if (reader.spec().sample_rate, reader.spec().channels) != (16_000, 1) {
        return Err("the example takes 16 kHz mono; `audio.resample` makes it of other sound".into());
    }
    let samples: Result<Vec<f32>, _> =
        reader.samples::<i16>().map(|sample| sample.map(|sample| f32::from(sample) / 32_768.0)).collect();
    Ok(samples?)
}
