//! Steering a running session: new params, hints, pauses.

use crate::exec::control::{Answer, NotPosted, Posted};
use crate::exec::hint::{Hint, HintContent, HintError};
use crate::exec::report::NodeEntry;
use crate::exec::session::SessionHandle;
use crate::exec::supervise::NodeState;
use crate::graph::{GraphError, check_params};
use serde_json::Value;
use std::time::Duration;

/// How much longer than the deadline of its call an update waits for its answer: the watch looks every few milliseconds.
const GRACE: Duration = Duration::from_secs(1);

/// Why a session did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SteerError {
    /// The graph has no such node.
    #[error("the session has no node `{node}`")]
    UnknownNode {
        /// The id that was asked for.
        node: String,
    },
    /// The node is an inlet or an outlet, or no source where one is needed.
    #[error("`{node}` ({kind}) {problem}")]
    WrongNode {
        /// Id of the node.
        node: String,
        /// Id of its kind, or `inlet` or `outlet`.
        kind: String,
        /// Why it cannot be done with this node.
        problem: &'static str,
    },
    /// The new params are not what the kind takes; the old ones hold.
    #[error("new params of node `{node}`: {error}")]
    Params {
        /// Id of the node.
        node: String,
        /// Everything that is wrong with them.
        #[source]
        error: GraphError,
    },
    /// The plugin refused the new params; the old ones hold.
    #[error("node `{node}` ({kind}) refused the new params: {message}")]
    Refused {
        /// Id of the node.
        node: String,
        /// Id of its kind.
        kind: String,
        /// What the plugin says.
        message: String,
    },
    /// The instance was lost before it answered; its policy decides whether there is another one, with the old params.
    #[error("node `{node}` ({kind}) lost its instance before it took the new params: {reason}")]
    Lost {
        /// Id of the node.
        node: String,
        /// Id of its kind.
        kind: String,
        /// How it was lost.
        reason: String,
    },
    /// The node has left the graph.
    #[error("node `{node}` is {} and takes nothing any more", .state.name())]
    NotRunning {
        /// Id of the node.
        node: String,
        /// Where it is.
        state: NodeState,
    },
    /// Nothing was done: the node was busy all the time, or many others ask it too.
    #[error("node `{node}` was busy for {waited_ms} ms and did not look at the new params; the old ones hold")]
    Busy {
        /// Id of the node.
        node: String,
        /// How long the caller waited.
        waited_ms: u128,
    },
    /// The hint is not one, or the node has no such output.
    #[error("hint for node `{node}`: {error}")]
    Hint {
        /// Id of the node.
        node: String,
        /// What is wrong.
        #[source]
        error: HintError,
    },
}

impl SessionHandle {
    /// Gives a node new params while it runs: `change` is an object whose keys replace those of the params; `null` takes
    /// a key away, so that its default holds again.
    ///
    /// They are checked against the kind first. The instance gets all of its params between two packets and may
    /// refuse; then the old ones hold. What it takes also holds for every later instance of the node, and a node that
    /// just waits for its next instance gets it with the new params.
    ///
    /// Blocks until the node has answered: as long as the call that it is in may take, then at most the deadline
    /// `update_ms`. Whoever waits for a node whose call hangs is told at once.
    ///
    /// # Errors
    /// There is no such node, the params are wrong or refused, or the node did not answer.
    ///
    /// ```no_run
    /// # fn quieter(session: &graphmill::Session) -> Result<(), graphmill::exec::SteerError> {
    /// session.update("gain", &serde_json::json!({ "gain_db": -6.0 }))
    /// # }
    /// ```
    pub fn update(&self, node: &str, change: &Value) -> Result<(), SteerError> {
        let entry = self.entry(node)?;
        let Some(kind) = &entry.kind_info else { return Err(entry.wrong("has no params")) };
        let params = check_params(node, kind, &entry.control.params(), change);
        let change = params.map_err(|error| SteerError::Params { node: node.to_string(), error })?;
        let posted = match entry.control.post_update(change) {
            Ok(posted) => posted,
            Err(NotPosted::Gone) => return Err(entry.not_running()),
            Err(NotPosted::Full) => return Err(SteerError::Busy { node: node.to_string(), waited_ms: 0 }),
        };
        match entry.await_answer(&posted)? {
            Answer::Done => Ok(()),
            Answer::Gone => Err(entry.not_running()),
            Answer::Refused(message) => {
                Err(SteerError::Refused { node: node.to_string(), kind: entry.kind.clone(), message })
            }
            Answer::Lost(reason) => Err(SteerError::Lost { node: node.to_string(), kind: entry.kind.clone(), reason }),
        }
    }

    /// Tells a node something as if a node downstream of its output `output` did, with `content` as JSON.
    ///
    /// Does not wait: the node hears it between two packets, within the deadline `hint_ms`, unless a newer hint of the
    /// same name takes its place. A node that has no use for it passes it on upstream.
    ///
    /// # Errors
    /// There is no such node or output, the name has more than 80 bytes, or the content more than 4 KiB.
    pub fn hint(&self, node: &str, output: &str, name: &str, content: &Value) -> Result<(), SteerError> {
        let entry = self.entry(node)?;
        let hint_error = |error| SteerError::Hint { node: node.to_string(), error };
        let pin = entry.outputs.iter().position(|known| known == output).ok_or_else(|| {
            let error = HintError::NoSuchOutput { output: output.to_string(), known: entry.outputs.clone() };
            hint_error(error)
        })?;
        let content = HintContent::new(name, &content.to_string()).map_err(hint_error)?;
        entry.control.post_hint(Hint { pin, content });
        Ok(())
    }

    /// Lets a source rest: it gets no ticks until [`SessionHandle::resume`]. What it gave already goes on through the graph.
    ///
    /// A call that is under way is finished first. Stopping the session ends a paused source like any other.
    ///
    /// # Errors
    /// There is no such node, or it is no source.
    pub fn pause(&self, node: &str) -> Result<(), SteerError> {
        self.set_paused(node, true)
    }

    /// Lets a paused source go on. Ticks that an interval would have brought meanwhile are not made up for.
    ///
    /// # Errors
    /// As for [`SessionHandle::pause`].
    pub fn resume(&self, node: &str) -> Result<(), SteerError> {
        self.set_paused(node, false)
    }

    /// Lets every source rest.
    pub fn pause_all(&self) {
        self.sources().for_each(|source| source.control.pause(true));
    }

    /// Lets every source go on.
    pub fn resume_all(&self) {
        self.sources().for_each(|source| source.control.pause(false));
    }

    fn set_paused(&self, node: &str, is_paused: bool) -> Result<(), SteerError> {
        let entry = self.entry(node)?;
        if !entry.is_source {
            return Err(entry.wrong("is no source; only a source can be paused"));
        }
        entry.control.pause(is_paused);
        Ok(())
    }

    fn sources(&self) -> impl Iterator<Item = &NodeEntry> {
        self.nodes().iter().filter(|node| node.is_source)
    }

    fn entry(&self, node: &str) -> Result<&NodeEntry, SteerError> {
        let entry = self.nodes().iter().find(|entry| entry.id == node);
        entry.ok_or_else(|| SteerError::UnknownNode { node: node.to_string() })
    }
}

impl NodeEntry {
    /// Waits until the worker is free to look at the update, and then until the instance has answered.
    fn await_answer(&self, posted: &Posted) -> Result<Answer, SteerError> {
        let deadlines = &self.deadlines;
        let busy = deadlines.process.max(deadlines.tick).max(deadlines.flush).max(deadlines.create) + self.send_timeout;
        if let Ok(answer) = posted.answer.recv_timeout(busy) {
            return Ok(answer);
        }
        let is_begun = !self.control.withdraw(posted.id);
        let answer = is_begun.then(|| posted.answer.recv_timeout(deadlines.update + GRACE).ok()).flatten();
        answer.ok_or_else(|| SteerError::Busy { node: self.id.clone(), waited_ms: busy.as_millis() })
    }

    fn wrong(&self, problem: &'static str) -> SteerError {
        SteerError::WrongNode { node: self.id.clone(), kind: self.kind.clone(), problem }
    }

    fn not_running(&self) -> SteerError {
        SteerError::NotRunning { node: self.id.clone(), state: self.counters.state() }
    }
}
