//! `replay-dead-letters`: what made a node fail, handed to the same kind again.

use super::run::{attribute_crashes, end};
use crate::arguments::Global;
use crate::console::Console;
use crate::dead_letters;
use crate::failure::Failure;
use crate::source::Loaded;
use crate::units;
use graphmill::exec::supervise::DeadLetter;
use graphmill::graph::Node;
use graphmill::{CallError, InstanceHandle, InstanceOptions, StartError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

/// Replays a file of dead letters on the nodes of a graph file.
pub(crate) fn run(
    console: Console,
    global: &Global,
    (path, graph, node): (&Path, &Path, Option<&str>),
) -> Result<ExitCode, Failure> {
    attribute_crashes();
    let letters = dead_letters::load(path)?;
    let loaded = Loaded::from_file(console, global, graph)?;
    if let Some(id) = node {
        node_of(&loaded, id)?;
    }
    let chosen = choose(&letters, path, node)?;
    let targets = chosen.iter().map(|letter| target_of(&loaded, letter)).collect::<Result<Vec<_>, _>>()?;
    let mut replay = Replay { loaded: &loaded, instances: BTreeMap::new(), is_stuck: false };
    let mut verdicts = Vec::with_capacity(chosen.len());
    for (letter, (node, pin)) in chosen.iter().copied().zip(targets) {
        let verdict = replay.hand_over(letter, node, pin)?;
        if !console.is_json() && !console.is_quiet() {
            console.result(&format!("{}\n", line(letter, &verdict)))?;
        }
        verdicts.push((letter, verdict));
    }
    let is_stuck = replay.end();
    tell(console, &verdicts)?;
    let is_good = !verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::FailedAgain(_)));
    Ok(end(is_good, is_stuck))
}

/// The letters that are wanted; an error when nothing could be sent again.
fn choose<'a>(letters: &'a [DeadLetter], path: &Path, node: Option<&str>) -> Result<Vec<&'a DeadLetter>, Failure> {
    let chosen: Vec<_> = letters.iter().filter(|letter| node.is_none_or(|id| letter.node == id)).collect();
    let path = path.display();
    if chosen.is_empty() {
        let of_node = node.map_or_else(String::new, |id| format!(" of node `{id}`"));
        let failure = Failure::new(format!("there are no dead letters{of_node} in `{path}`"));
        let others: BTreeSet<_> = letters.iter().map(|letter| format!("`{}`", letter.node)).collect();
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        return Err(if others.is_empty() {
            failure
        } else {
            failure.note(format!("note: there are some of {others}"))
        });
    }
    if chosen.iter().all(|letter| letter.packet.is_none()) {
        let help = "help: set `dead_letters = \"payload\"` in the `policy` of the node, and run the graph again";
        return Err(Failure::new(format!("the dead letters in `{path}` have no payload to send again")).note(help));
    }
    Ok(chosen)
}

fn node_of<'a>(loaded: &'a Loaded, id: &str) -> Result<&'a Node, Failure> {
    let node = loaded.graph.find(id).map(|(_, node)| node);
    node.ok_or_else(|| Failure::new(format!("there is no node `{id}` in {}", loaded.spec.source_name())))
}

/// The node and the number of the input that a letter belongs to.
fn target_of<'a>(loaded: &'a Loaded, letter: &DeadLetter) -> Result<(&'a Node, usize), Failure> {
    let DeadLetter { node: id, kind, pin, .. } = letter;
    let node = node_of(loaded, id).map_err(|failure| failure.note("help: choose a node with `--node`"))?;
    let found = node.role().label();
    if found != kind {
        return Err(Failure::new(format!(
            "node `{id}` is `{found}` in {}, but its dead letters are from `{kind}`",
            loaded.spec.source_name()
        )));
    }
    let at = node.inputs().iter().position(|input| input.name() == pin);
    let at = at.ok_or_else(|| Failure::new(format!("`{kind}` has no input `{pin}` any more")))?;
    Ok((node, at))
}

/// What came of a letter.
#[derive(Debug)]
enum Verdict {
    /// Its packet was processed.
    Passed,
    /// Its packet made the node fail.
    FailedAgain(String),
    /// Only its header was kept.
    NoPayload,
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::FailedAgain(_) => "failed",
            Self::NoPayload => "no-payload",
        }
    }
}

/// The instances, one for each node, made when they are needed.
struct Replay<'a> {
    loaded: &'a Loaded,
    instances: BTreeMap<&'a str, InstanceHandle>,
    /// A call did not return.
    is_stuck: bool,
}

impl<'a> Replay<'a> {
    /// Hands the packet of a letter over.
    ///
    /// # Errors
    /// The instance cannot be made.
    fn hand_over(&mut self, letter: &DeadLetter, node: &'a Node, pin: usize) -> Result<Verdict, Failure> {
        let Some(packet) = letter.packet.clone() else { return Ok(Verdict::NoPayload) };
        let mut instance = match self.instances.remove(node.id()) {
            Some(instance) => instance,
            None => self.instance_of(node)?,
        };
        let error = instance.process(pin, packet).err();
        match &error {
            // The instance is fine, and it goes on as it would in a session.
            None | Some(CallError::Refused { .. }) => drop(self.instances.insert(node.id(), instance)),
            Some(CallError::Failed(_)) => self.close(node, instance),
            Some(_) => self.is_stuck = true,
        }
        Ok(error.map_or(Verdict::Passed, |error| Verdict::FailedAgain(text_of(error, node))))
    }

    fn instance_of(&self, node: &Node) -> Result<InstanceHandle, Failure> {
        let deadlines = node.deadlines();
        let mut options = InstanceOptions::default();
        options.create_timeout = deadlines.create.saturating_add(deadlines.start);
        options.reply_timeout = deadlines.process;
        let made = self.loaded.runtime.instance_with(node.role().label(), node.params(), options);
        made.map_err(|error| match error {
            StartError::Node(mut failure) => {
                failure.node = node.id().to_owned();
                Failure::start(StartError::Node(failure), &self.loaded.spec)
            }
            other => Failure::start(other, &self.loaded.spec),
        })
    }

    /// Lets an instance end on its thread.
    fn close(&mut self, node: &Node, instance: InstanceHandle) {
        let deadlines = node.deadlines();
        self.is_stuck |= !instance.close(deadlines.stop.saturating_add(deadlines.destroy));
    }

    /// Ends every instance; whether a thread is left that does not end.
    fn end(mut self) -> bool {
        for (id, instance) in std::mem::take(&mut self.instances) {
            if let Some((_, node)) = self.loaded.graph.find(id) {
                self.close(node, instance);
            }
        }
        self.is_stuck
    }
}

/// Why a call failed, by the name that the node has in its graph.
fn text_of(error: CallError, node: &Node) -> String {
    match error {
        CallError::Failed(mut failure) => {
            failure.node = node.id().to_owned();
            failure.to_string()
        }
        other => other.to_string(),
    }
}

fn line(letter: &DeadLetter, verdict: &Verdict) -> String {
    let DeadLetter { node, pin, header, .. } = letter;
    let what = match verdict {
        Verdict::Passed => "did not fail again".to_owned(),
        Verdict::FailedAgain(message) => format!("failed again: {message}"),
        Verdict::NoPayload => "was not sent again: only its header was kept".to_owned(),
    };
    format!("packet {} at {node}.{pin} {what}", header.seq)
}

/// The sum for people, all of it for programs.
fn tell(console: Console, verdicts: &[(&DeadLetter, Verdict)]) -> Result<(), Failure> {
    let count = |word: &str| verdicts.iter().filter(|(_, verdict)| verdict.word() == word).count();
    let (failed, sent) = (count("failed"), verdicts.len() - count("no-payload"));
    if console.is_json() {
        let letters: Vec<_> = verdicts.iter().map(|(letter, verdict)| to_json(letter, verdict)).collect();
        return console.json(&json!({ "ok": failed == 0, "sent": sent, "failed": failed, "letters": letters }));
    }
    console.note(&format!("{failed} of {} failed again", units::count(sent as u64, "packet")));
    Ok(())
}

fn to_json(letter: &DeadLetter, verdict: &Verdict) -> Value {
    let message = match verdict {
        Verdict::FailedAgain(message) => Some(message),
        Verdict::Passed | Verdict::NoPayload => None,
    };
    json!({
        "node": letter.node,
        "kind": letter.kind,
        "pin": letter.pin,
        "seq": letter.header.seq,
        "attempts": letter.attempts,
        "reason": { "operation": letter.reason.operation, "message": letter.reason.message },
        "result": verdict.word(),
        "message": message,
    })
}
