//! The work done by dora: two processes that it starts and connects, one with the ends and one that hands on.
//!
//! This program writes the graph, has `dora run` start the nodes (`node.py` twice, with the API that dora publishes on
//! PyPI) and reads what the one with the ends has measured. A packet is timed where it begins and where it comes back
//! to, by one monotonic clock; packets of the warm-up are in no figure. The file of `dora` is in the environment
//! variable `COMPARE_PROGRAM`, and a Python beside it.

use compare_common::{CAPACITY, Case, Failure, Meter, NOT_OFFERED, Run, Work};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// What the node with the ends leaves behind.
#[derive(Deserialize)]
struct Answer {
    elapsed_ns: u64,
    took_ns: Vec<u64>,
}

/// A folder that is gone when nobody needs it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn main() -> ExitCode {
    match measure() {
        Ok(run) => {
            println!("{}", run.to_line());
            ExitCode::SUCCESS
        }
        Err(Failure::NotOffered(reason)) => {
            eprintln!("{reason}");
            ExitCode::from(NOT_OFFERED)
        }
        Err(Failure::Failed(reason)) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Run, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let case = Case::parse(&arguments).map_err(Failure::Failed)?;
    if !matches!(case.work, Work::RoundTrip | Work::Paced) {
        let reason = "every node is a process, and a queue that is full drops packets: only one hop is compared";
        return Err(Failure::not_offered(reason));
    }
    let dora = std::env::var_os("COMPARE_PROGRAM").map(PathBuf::from);
    let dora = dora.ok_or_else(|| Failure::Failed("COMPARE_PROGRAM does not name dora's file".into()))?;
    let answer = run_graph(&dora, &arguments.join(" "))?;
    let mut meter = Meter::new();
    meter.others_took(Duration::from_nanos(answer.elapsed_ns));
    answer.took_ns.iter().for_each(|ns| meter.packet(Duration::from_nanos(*ns)));
    if answer.took_ns.len() as u64 == case.packets {
        meter.run("dora", "dora 1.1.0", &case)
    } else {
        Err(Failure::Failed(format!("{} of {} packets came back", answer.took_ns.len(), case.packets)))
    }
}

/// Has the graph run to its end and reads its answer.
fn run_graph(dora: &Path, case: &str) -> Result<Answer, Failure> {
    let scratch = Scratch(std::env::temp_dir().join(format!("compare-dora-{}", std::process::id())));
    fs::create_dir_all(&scratch.0).map_err(Failure::of)?;
    let (graph, answer) = (scratch.0.join("graph.yml"), scratch.0.join("answer.json"));
    fs::write(&graph, text(&dora.with_file_name("python"), &answer, case)).map_err(Failure::of)?;
    let mut command = Command::new(dora);
    command.args(["run", "--stop-after", "100"]).arg(&graph).current_dir(&scratch.0).stdin(Stdio::null());
    let output = command.output().map_err(Failure::of)?;
    let text = fs::read_to_string(&answer).map_err(|_| {
        let said = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).join("\n");
        Failure::Failed(format!("no answer came: {said}"))
    })?;
    serde_json::from_str(&text).map_err(Failure::of)
}

/// The graph: what goes out of the ends comes back through the other node.
fn text(python: &Path, answer: &Path, case: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node.py");
    let node = |id: &str, from: &str| {
        format!(
            "  - id: {id}\n    path: {}\n    args: {}\n    inputs:\n      in:\n        source: {from}/out\n        \
             queue_size: {CAPACITY}\n    outputs:\n      - out\n    env:\n      COMPARE_ROLE: {id}\n      \
             COMPARE_ANSWER: {}\n      COMPARE_CASE: \"{case}\"\n",
            python.display(),
            script.display(),
            answer.display(),
        )
    };
    format!("nodes:\n{}{}", node("ends", "pass"), node("pass", "ends"))
}
