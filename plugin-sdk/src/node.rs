//! What a plugin author implements.

use crate::context::{Context, CreateContext};
use crate::error::{Error, Result};
use crate::hint::{Hint, HintAnswer};
use crate::kind::{Kind, Pins};
use graphmill_abi::Packet;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// A kind of node: its description, its params and how an instance is made.
///
/// Implement one of [`Source`], [`Processor`] and [`Sink`] beside it. The instance is dropped on the thread that
/// created it; what it started (threads, files) has to be finished in `Drop`.
pub trait Node: Sized + 'static {
    /// Params as they stand in the graph file. Use `#[serde(deny_unknown_fields)]`, and doc comments for the fields:
    /// they become the description that users see. `()` for none is not an object; use an empty struct.
    type Params: DeserializeOwned + JsonSchema;

    /// Describes the kind; called once per process, without an instance.
    fn kind() -> Kind;

    /// The pins of a node with these params, for a kind with [`Kind::pins_by_params`]; others are not asked.
    ///
    /// Asked when a graph is checked, so it comes before `create`, without an instance and on any thread. It has to be
    /// quick: read the head of a model and none of its weights. The same params have to give the same pins.
    ///
    /// # Errors
    /// The pins cannot be told; the graph is refused and shows the message at the node.
    fn pins(_params: &Self::Params) -> Result<Pins> {
        Ok(Self::kind().pins().clone())
    }

    /// Makes an instance; may be slow (load a model) within the host's create deadline.
    ///
    /// # Errors
    /// The node cannot be made; the session does not start and shows the message.
    fn create(params: Self::Params, cx: &mut CreateContext<'_>) -> Result<Self>;

    /// The session starts to run. Must not emit.
    ///
    /// # Errors
    /// The session does not start and shows the message.
    fn start(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// The node has ended or the session stops; nothing but drop comes after it.
    ///
    /// # Errors
    /// Fails the node: what it had to finish is not finished.
    fn stop(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// New params while the session runs, between two packets. The pins of a node stay as they are: a kind with
    /// [`Kind::pins_by_params`] refuses params that mean other ones.
    ///
    /// # Errors
    /// The old params have to stay in force.
    fn update(&mut self, _params: Self::Params, _cx: &mut Context<'_>) -> Result<()> {
        Err(Error::unsupported("params of this kind cannot change while it runs"))
    }

    /// A node downstream tells something: that it lost a picture, that it cannot keep up. Must not emit.
    ///
    /// Comes between two packets. What is not for this node is passed on to the nodes upstream of it.
    ///
    /// # Errors
    /// Counted, and the hint goes no further; the node goes on.
    fn hint(&mut self, _hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
        Ok(HintAnswer::Pass)
    }
}

/// When a source, or a processor, wants to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tick {
    /// As soon as the links have room.
    Again,
    /// At this time of [`Context::now_ns`].
    At(i64),
    /// When [`crate::Waker::wake`] is called.
    OnWake,
    /// Never: the source has ended.
    End,
}

/// A node without inputs.
pub trait Source: Node {
    /// Makes packets and emits them; a few at most, so that the node stays responsive.
    ///
    /// # Errors
    /// Ends the source: what it gave so far is finished, and the session fails with the message.
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick>;
}

/// A node with inputs and outputs.
pub trait Processor: Node {
    /// Takes a packet that came in on the input with number `pin`. Emit it, take it, or leave it: what is left is dropped.
    ///
    /// # Errors
    /// Costs this packet, with a counter; the node goes on.
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()>;

    /// Called once after [`crate::Waker::wake`], and then when the answer says: for what has to happen although no packet
    /// comes. May emit. [`Tick::End`] means the same as [`Tick::OnWake`] here: a node ends with its inputs.
    ///
    /// # Errors
    /// Counted; the node goes on, and is not ticked again before it wakes itself.
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        Ok(Tick::OnWake)
    }

    /// The input with number `pin` has ended; give out what is still inside. Called once for every input that is linked.
    ///
    /// # Errors
    /// Fails the node: what it still had inside is lost.
    fn flush(&mut self, _pin: usize, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}

/// A node without outputs.
pub trait Sink: Node {
    /// Takes a packet that came in on the input with number `pin`.
    ///
    /// # Errors
    /// Costs this packet, with a counter; the node goes on.
    fn consume(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()>;

    /// The input with number `pin` has ended; finish what was begun. Called once for every input that is linked.
    ///
    /// # Errors
    /// Fails the node: what it still had inside is lost.
    fn flush(&mut self, _pin: usize, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}
