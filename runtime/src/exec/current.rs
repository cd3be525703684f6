//! Which node is running on this thread: a worker says so once per batch, so that a record that comes without a
//! context can still be given to its node.

use crate::exec::context::NodeContext;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

thread_local! {
    static NODES: RefCell<Vec<Arc<NodeContext>>> = const { RefCell::new(Vec::new()) };
    static RUNNING: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Tells this thread a node of which it will make calls; returns the number to be used with [`set_running`].
pub(crate) fn register(context: Arc<NodeContext>) -> usize {
    NODES.with_borrow_mut(|nodes| {
        nodes.push(context);
        nodes.len() - 1
    })
}

/// Gives a node of this thread the context of its next instance.
pub(crate) fn renew(number: usize, context: Arc<NodeContext>) {
    NODES.with_borrow_mut(|nodes| {
        if let Some(node) = nodes.get_mut(number) {
            *node = context;
        }
    });
}

/// Says which node this thread calls from now on.
pub(crate) fn set_running(number: usize) {
    RUNNING.set(number);
}

/// Lends the node that this thread is calling, if any. Works on every thread, at any time.
pub(crate) fn with_running<T>(body: impl FnOnce(Option<&NodeContext>) -> T) -> T {
    let node = RUNNING.try_with(Cell::get).ok().and_then(|number| {
        NODES.try_with(|nodes| nodes.try_borrow().ok().and_then(|nodes| nodes.get(number).cloned())).ok().flatten()
    });
    body(node.as_deref())
}
