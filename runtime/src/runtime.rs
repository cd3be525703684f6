//! The facade: plugins, sessions and single instances in one place.

use crate::exec::{
    Clock, Factories, InstanceHandle, InstanceOptions, MonotonicClock, Session, SessionOptions, Shape, StartError,
};
use crate::graph::{Graph, Kinds as _, PinsQuestion};
use crate::plugin::Plugins;
use crate::resource::Resources;
use serde_json::Value;
use std::sync::Arc;

/// Plugins, and the sessions and instances made of them. Cheap to clone; every clone is the same runtime.
///
/// It changes nothing of the process: no signal handler, no panic hook, no subscriber, no environment.
///
/// ```no_run
/// use graphmill::{Graph, Runtime};
/// use serde_json::json;
///
/// let runtime = Runtime::new();
/// runtime.plugins().load_path("target/release/libgraphmill_audio.so")?;
/// runtime.plugins().load_path("target/release/libgraphmill_rnnoise.so")?;
/// let graph = Graph::builder()
///     .node("mic", "wav.source", json!({ "path": "noisy.wav" }))
///     .node("up", "audio.resample", json!({ "rate_hz": 48_000 }))
///     .node("denoise", "rnnoise", json!({}))
///     .node("file", "wav.sink", json!({ "path": "clean.wav" }))
///     .chain(["mic", "up", "denoise", "file"])
///     .build(runtime.plugins())?;
/// let report = runtime.start(&graph)?.wait();
/// println!("{} packets", report.node("file").map_or(0, |node| node.packets_in));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Runtime {
    plugins: Plugins,
    clock: Arc<dyn Clock>,
}

impl Runtime {
    /// A runtime without plugins, on the machine's monotonic clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(MonotonicClock::new()))
    }

    /// A runtime on a clock of the caller: for tests.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { plugins: Plugins::new(), clock }
    }

    /// The plugins of this runtime: load files into it, link modules into it, build graphs against it.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// What the nodes of this runtime and the application load once: models, weights, tables.
    pub fn resources(&self) -> &Resources {
        self.plugins.resources()
    }

    /// Starts a graph with the default deadlines.
    ///
    /// # Errors
    /// See [`Session::start`].
    pub fn start(&self, graph: &Graph) -> Result<Session, StartError> {
        self.start_with(graph, self.session_options())
    }

    /// The defaults for [`Runtime::start_with`], on this runtime's clock.
    pub fn session_options(&self) -> SessionOptions {
        SessionOptions { clock: self.clock.clone(), ..SessionOptions::default() }
    }

    /// Starts a graph with deadlines of the caller.
    ///
    /// # Errors
    /// See [`Session::start`].
    pub fn start_with(&self, graph: &Graph, options: SessionOptions) -> Result<Session, StartError> {
        Session::start(graph, &self.plugins, options)
    }

    /// Makes one instance of a kind on a thread of its own, for request and reply.
    ///
    /// # Errors
    /// The kind is not known, or the instance could not be made or started in time.
    pub fn instance(&self, kind: &str, params: &Value) -> Result<InstanceHandle, StartError> {
        self.instance_with(kind, params, InstanceOptions::default())
    }

    /// Like [`Runtime::instance`], with deadlines of the caller.
    ///
    /// # Errors
    /// As for [`Runtime::instance`].
    pub fn instance_with(
        &self,
        kind: &str,
        params: &Value,
        options: InstanceOptions,
    ) -> Result<InstanceHandle, StartError> {
        let unknown = || StartError::UnknownKind { node: kind.to_string(), kind: kind.to_string() };
        let info = self.plugins.kind(kind).ok_or_else(unknown)?;
        let question = PinsQuestion::new(kind, params, options.create_timeout);
        let untold = |error| StartError::Pins { kind: kind.to_string(), error };
        let info = self.plugins.kind_with(&info, &question).map_err(untold)?;
        let factory = self.plugins.factory(kind).ok_or_else(unknown)?;
        let plugin = (factory, info.plugin.file.clone(), Shape::of(&info));
        InstanceHandle::start(kind, plugin, (params.to_string(), self.clock.clone()), options)
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}
