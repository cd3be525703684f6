//! Two sessions of one runtime with the same model: it is loaded once, and in memory once.
//!
//! ```sh
//! graphmill models pull moonshine-tiny
//! cargo run -p graphmill-onnx --features model-tests --example shared_model
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks on the terminal")]

use std::error::Error;

use graphmill::{Graph, Runtime};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_onnx::module())?;
    let graph = Graph::builder()
        .inlet("sound", "audio f32 16000 Hz mono")
        .inlet("segments", "event speech.segment/1")
        .node("listen", "stt.moonshine", json!({}))
        .outlet("text", "event speech.text/1")
        .link("sound", "listen.in")
        .link("segments", "listen.segments")
        .link("listen.text", "text")
        .build(runtime.plugins())?;

    let sessions = [runtime.start(&graph)?, runtime.start(&graph)?];
    let counters = runtime.resources().counters();
    println!("files loaded: {}, found loaded: {}", counters.loads, counters.hits);
    println!("in memory for {} sessions: {:.1} MB", sessions.len(), counters.bytes as f64 / 1e6);
    if (counters.loads, counters.hits) != (3, 3) {
        return Err("each of the three files should be loaded once".into());
    }
    // Inlets that are dropped end their streams, and so the sessions.
    for session in sessions {
        drop((session.take_inlet("sound"), session.take_inlet("segments"), session.take_outlet("text")));
        println!("{:?}", session.wait().outcome);
    }
    Ok(())
}
