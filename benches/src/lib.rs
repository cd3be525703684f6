//! What the benches share: a runtime with the counting plugin, and graphs made of it.

mod call;
mod contest;
mod save;

pub use call::{Back, bare_call, instance};
pub use contest::{Request, Way, cpu_ns, quantile};

use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::{Graph, Outcome, Runtime, Session, SessionOptions, SessionReport};
use serde_json::{Value, json};
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Where the nodes of a chain run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a bench has exactly these two cases")]
pub enum Workers {
    /// Every node has a worker of its own.
    OneEach,
    /// All nodes share one worker.
    One,
}

/// A chain of counting source, pass-through nodes and checking sink.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "benches write it out")]
pub struct Chain {
    /// Nodes between source and sink.
    pub passes: usize,
    /// Packets that the source gives.
    pub packets: u64,
    /// Bytes of each packet.
    pub bytes: usize,
    /// Capacity of every link.
    pub capacity: u32,
    /// Where the nodes run.
    pub workers: Workers,
}

/// A runtime with the counting plugin, linked statically: it goes through the same table as a loaded one.
///
/// # Panics
/// When the plugin cannot be linked, which would be a bug.
#[must_use]
pub fn runtime() -> Runtime {
    let runtime = Runtime::new();
    if let Err(error) = runtime.plugins().link(graphmill_fixture_flow::module()) {
        panic!("{error}");
    }
    runtime
}

/// The cdylib of a crate of this workspace, built as a release now.
///
/// # Panics
/// When cargo does not build it.
#[must_use]
pub fn cdylib(package: &str) -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--message-format=json", "-p", package]);
    let name = format!("lib{}.so", package.replace('-', "_"));
    let output = cargo.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let artifacts = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let files = artifacts.filter_map(|artifact| artifact.get("filenames")?.as_array().cloned()).flatten();
    let mut files = files.filter_map(|file| file.as_str().map(PathBuf::from));
    files.find(|file| file.ends_with(&name)).unwrap_or_else(|| panic!("cargo builds no {name}"))
}

impl Chain {
    /// Runs the chain once, from start to end.
    ///
    /// # Panics
    /// When a packet is lost, reordered or refused: a bench of wrong results is worth nothing.
    pub fn run(&self, runtime: &Runtime) -> SessionReport {
        self.run_with(runtime, runtime.session_options())
    }

    /// Runs the chain once with a source that writes every byte of each packet.
    ///
    /// # Panics
    /// As for [`Chain::run`].
    pub fn run_filled(&self, runtime: &Runtime) -> SessionReport {
        let count = json!({ "packets": self.packets, "bytes": self.bytes, "filled": true });
        Self::finish(self.start_from(count, runtime, runtime.session_options()))
    }

    /// Runs the chain once with other options than the usual ones.
    ///
    /// # Panics
    /// As for [`Chain::run`].
    pub fn run_with(&self, runtime: &Runtime, options: SessionOptions) -> SessionReport {
        Self::finish(self.start_with(runtime, options))
    }

    /// Starts the chain.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(&self, runtime: &Runtime, options: SessionOptions) -> Session {
        self.start_from(json!({ "packets": self.packets, "bytes": self.bytes }), runtime, options)
    }

    /// Starts the chain from a source with these params.
    fn start_from(&self, count: Value, runtime: &Runtime, options: SessionOptions) -> Session {
        let place = |spec: NodeSpec| match self.workers {
            Workers::One => spec.with_worker("all"),
            Workers::OneEach => spec,
        };
        let count = NodeSpec::new("flow.count").with_params(count);
        let check = NodeSpec::new("flow.check").with_params(json!({ "expect": self.packets }));
        let mut graph = Graph::builder().node_with("count", place(count)).node_with("check", place(check));
        let mut last = "count".to_string();
        for at in 0..self.passes {
            let id = format!("pass-{at}");
            graph = graph.node_with(&id, place(NodeSpec::new("flow.pass")));
            graph = graph.link_with(LinkSpec::new(&last, &id).with_capacity(self.capacity));
            last = id;
        }
        let graph = graph.link_with(LinkSpec::new(&last, "check").with_capacity(self.capacity));
        let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
        runtime.start_with(&graph, options).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits for the end of a chain that was started.
    ///
    /// # Panics
    /// As for [`Chain::run`].
    pub fn finish(session: Session) -> SessionReport {
        let report = session.wait();
        assert!(report.outcome == Outcome::Completed && report.errors() == 0 && report.dropped() == 0, "{report:#?}");
        report
    }
}
