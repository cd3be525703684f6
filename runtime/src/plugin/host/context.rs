//! The reference-counted context behind every `gm_ctx`.
//!
//! A plugin may keep a context as long as it likes, on any thread. After its instance is destroyed the context is a
//! tombstone: records still arrive, marked as late, and everything else is refused. It holds no plugin code, so the
//! last release may happen anywhere.

use super::thread::ThreadMark;
use super::{Home, Refusal};
use crate::exec::current::with_running;
use crate::exec::{Clock, MonotonicClock, NodeContext, Outputs};
use crate::telemetry::log_bridge::{Said, Speaker};
use graphmill_abi::Packet;
use graphmill_abi::layout::*;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, LazyLock};

/// Stands in every context: a pointer to something else is noticed before it is believed.
const CONTEXT_MAGIC: u64 = 0x6d67_6374_7831_2e30;

/// The clock of modules, which belong to no session.
static MODULE_CLOCK: LazyLock<MonotonicClock> = LazyLock::new(MonotonicClock::new);

/// What stands behind a `gm_ctx`.
#[derive(Debug)]
pub(in crate::plugin) struct HostContext {
    magic: u64,
    owner: Owner,
    thread: ThreadMark,
    /// Where its resources are; a whole plugin and a question have none.
    home: Option<Home>,
    /// Where packets go; null unless a call that may emit is under way. Followed on the owner's thread only.
    outputs: AtomicPtr<OutputsCell<'static>>,
}

/// For whom the host works through a context.
#[derive(Debug)]
enum Owner {
    /// One instance.
    Node(Arc<NodeContext>),
    /// A whole plugin.
    Module(Speaker),
}

/// Makes a thin pointer out of the outputs of a call, and the box for a packet on its way there.
struct OutputsCell<'a>(&'a mut (dyn Outputs + 'a), &'a mut Box<Packet>);

impl HostContext {
    /// The context of an instance that the calling thread owns.
    pub(in crate::plugin) fn for_node(node: Arc<NodeContext>, home: Home) -> Arc<Self> {
        Self::new(Owner::Node(node), Some(home))
    }

    /// The context of a question about a node that has no instance yet: it has no resources and may not emit.
    pub(in crate::plugin) fn for_question(node: Arc<NodeContext>) -> Arc<Self> {
        Self::new(Owner::Node(node), None)
    }

    /// The context of a whole plugin, by its short name.
    pub(in crate::plugin) fn for_module(name: String) -> Arc<Self> {
        Self::new(Owner::Module(Speaker::of_plugin(name)), None)
    }

    fn new(owner: Owner, home: Option<Home>) -> Arc<Self> {
        let outputs = AtomicPtr::new(ptr::null_mut());
        Arc::new(Self { magic: CONTEXT_MAGIC, owner, thread: ThreadMark::here(), home, outputs })
    }

    /// The host as it is handed to the plugin; the plugin borrows the reference of `context`.
    pub(in crate::plugin) fn as_host(context: &Arc<Self>) -> gm_host {
        gm_host { api: super::api(), ctx: Arc::as_ptr(context).cast_mut().cast() }
    }

    /// Whether the calling thread owns the instance.
    pub(in crate::plugin) fn is_owned_here(&self) -> bool {
        self.thread.is_here()
    }

    /// The node of a context that belongs to one.
    pub(super) fn node(&self) -> Result<&Arc<NodeContext>, Refusal> {
        match &self.owner {
            Owner::Node(node) if node.is_closed() => Err(Refusal::new(GM_E_SHUTDOWN, "the instance is gone")),
            Owner::Node(node) => Ok(node),
            Owner::Module(_) => Err(Refusal::new(
                GM_E_STATE,
                "this context belongs to the whole plugin; use the one that `create` was given",
            )),
        }
    }

    /// Where the resources of the node are.
    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// Whether whoever holds the context should stop.
    pub(super) fn is_cancelled(&self) -> bool {
        match &self.owner {
            Owner::Node(node) => node.is_cancelled(),
            Owner::Module(_) => false,
        }
    }

    /// A clock reading, `GM_TIME_UNKNOWN` for a clock that is not known or that a module does not have.
    pub(super) fn clock_ns(&self, clock: u32) -> i64 {
        match (&self.owner, clock) {
            (Owner::Node(node), GM_CLOCK_MONOTONIC) => node.now_ns(),
            (Owner::Node(node), GM_CLOCK_SESSION) => node.session_ns(),
            (Owner::Module(_), GM_CLOCK_MONOTONIC) => MODULE_CLOCK.now_ns(),
            _ => GM_TIME_UNKNOWN,
        }
    }

    /// Lends the outputs of the call that is under way, and hides them meanwhile: calls do not nest.
    ///
    /// The context has to be owned by the calling thread.
    pub(super) fn with_outputs<R>(&self, body: impl FnOnce(&mut dyn Outputs, &mut Box<Packet>) -> R) -> Option<R> {
        debug_assert!(self.is_owned_here(), "outputs are followed on the owner's thread only");
        let cell = self.outputs.load(Ordering::Relaxed);
        if cell.is_null() {
            return None;
        }
        // Nobody else stores while this thread runs, so a load and a store do; an exchange would cost as much as the rest.
        self.outputs.store(ptr::null_mut(), Ordering::Relaxed);
        let _restored = scopeguard::guard(cell, |cell| self.outputs.store(cell, Ordering::Relaxed));
        // SAFETY: not null only while `during_emitting_call` runs on this thread, which leaves the cell alone; and
        // nobody else uses it meanwhile, because the pointer was just taken out.
        let OutputsCell(outputs, packet) = unsafe { &mut *cell };
        Some(body(&mut **outputs, packet))
    }

    /// Hides the outputs of the call that is under way: what runs meanwhile may not emit.
    ///
    /// The context has to be owned by the calling thread.
    pub(super) fn without_outputs<R>(&self, body: impl FnOnce() -> R) -> R {
        let cell = self.outputs.swap(ptr::null_mut(), Ordering::Relaxed);
        let _restored = scopeguard::guard(cell, |cell| self.outputs.store(cell, Ordering::Relaxed));
        body()
    }

    /// Who speaks through this context. Records of a module belong to the instance that runs on this thread, if any.
    pub(super) fn with_speaker<R>(&self, body: impl FnOnce(&Speaker, Moment<'_>) -> R) -> R {
        match &self.owner {
            Owner::Node(node) => body(node.speaker(), Moment(Some(node))),
            Owner::Module(plugin) => {
                with_running(|node| body(node.map_or(plugin, |node| node.speaker()), Moment(node)))
            }
        }
    }

    /// Turns the context into a tombstone.
    pub(in crate::plugin) fn close(&self) {
        if let Owner::Node(node) = &self.owner {
            node.close();
        }
    }

    /// The context behind a pointer that a plugin passed.
    ///
    /// # Safety
    /// A pointer that is neither null nor misaligned points at a context that lives for `'a`, or at readable memory.
    pub(super) unsafe fn borrow<'a>(ctx: *mut gm_ctx) -> Option<&'a Self> {
        let context = ctx.cast::<Self>().cast_const();
        if context.is_null() || !context.is_aligned() {
            return None;
        }
        // SAFETY: not null and aligned; the caller promises readable memory.
        let magic = unsafe { (*context).magic };
        // SAFETY: only our own contexts begin like this; the plugin owns or borrows a reference.
        (magic == CONTEXT_MAGIC).then(|| unsafe { &*context })
    }

    /// Adds a reference on behalf of the plugin.
    ///
    /// # Safety
    /// `context` is the pointer that [`HostContext::as_host`] gave out, and the context is alive.
    pub(super) unsafe fn retain(context: *const Self) {
        // SAFETY: passed on from the caller.
        unsafe { Arc::increment_strong_count(context) };
    }

    /// Gives back a reference of the plugin.
    ///
    /// # Safety
    /// As for [`HostContext::retain`]; the plugin owns that reference, gives it up and uses `context` no more.
    pub(super) unsafe fn release(context: *const Self) {
        // SAFETY: passed on from the caller.
        unsafe { Arc::decrement_strong_count(context) };
    }
}

/// Runs `body` as a call that may emit into `outputs`, each packet by way of `packet`.
pub(in crate::plugin) fn during_emitting_call<R>(
    context: &HostContext,
    (outputs, packet): (&mut dyn Outputs, &mut Box<Packet>),
    body: impl FnOnce() -> R,
) -> R {
    let mut cell = OutputsCell(outputs, packet);
    // The cell is followed on this thread only, so the order of other threads does not matter.
    context.outputs.store((&raw mut cell).cast(), Ordering::Relaxed);
    let _hidden = scopeguard::guard((), |()| context.outputs.store(ptr::null_mut(), Ordering::Relaxed));
    body()
}

/// When somebody speaks: in the life of a node, or outside of every node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a>(Option<&'a NodeContext>);

impl Moment<'_> {
    /// What is to be known of it for a record; reads the clock.
    pub(super) fn said(self) -> Said {
        match self.0 {
            Some(node) => Said { is_late: node.is_closed(), now_ns: node.now_ns() },
            None => Said { is_late: false, now_ns: MODULE_CLOCK.now_ns() },
        }
    }
}
