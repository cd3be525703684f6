//! Asks a kind which pins a node with certain params has: one call without an instance, with a deadline.
//!
//! The call is made on a thread of its own. One that does not return is left alone there, counted like a hung call, and
//! its answer is dropped should it ever come.

use super::attribution::Attribution;
use super::call::fault_of;
use super::host::HostContext;
use super::import::PinsFn;
use crate::exec::stray::Stray;
use crate::exec::{ABANDONED_MAX, FaultClass, NodeContext, Operation, abandoned_threads, current, sys};
use crate::graph::{PINS_TEXT_LEN_MAX, PinsError};
use crossbeam_channel::{RecvTimeoutError, bounded};
use graphmill_abi::layout::{GM_OK, gm_buffer, gm_str};
use graphmill_abi::{Buffer, ErrorSlot};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// One question, as it goes to its thread.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) function: PinsFn,
    /// The node that is asked about; it has no instance.
    pub(super) context: Arc<NodeContext>,
    pub(super) plugin_file: Option<PathBuf>,
    /// A JSON object.
    pub(super) params: String,
}

/// Asks, and gives the answer as the plugin wrote it.
pub(super) fn ask(question: Question, timeout: Duration) -> Result<String, PinsError> {
    if abandoned_threads() > ABANDONED_MAX {
        let reason = format!("more than {ABANDONED_MAX} threads are lost in plugins that do not return");
        return Err(PinsError::Unasked { reason });
    }
    let (tell, told) = bounded(1);
    let (context, thread) = (Arc::clone(&question.context), Arc::new(Stray::new()));
    let theirs = Arc::clone(&thread);
    let body = move || {
        let thread = scopeguard::guard(theirs, |thread| thread.ends());
        thread.lives_here();
        // Who gave up does not listen.
        let _late = tell.send(call(&question));
    };
    sys::spawn("gm-pins", body).map_err(|error| PinsError::Unasked { reason: error.to_string() })?;
    match told.recv_timeout(timeout) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            context.cancel();
            thread.give_up();
            Err(PinsError::Late { waited_ms: timeout.as_millis() })
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(PinsError::Unasked { reason: "the thread that asked is gone; please report this".to_owned() })
        }
    }
}

/// Makes the call on this thread.
fn call(question: &Question) -> Result<String, PinsError> {
    let Question { function, context, plugin_file, params } = question;
    current::set_running(current::register(Arc::clone(context)));
    let attribution = Attribution::of_node(context.node(), context.kind(), plugin_file.as_deref());
    let host = HostContext::for_question(Arc::clone(context));
    let closed = scopeguard::guard(&host, |host| host.close());
    let raw_host = HostContext::as_host(&host);
    let mut pins: *mut gm_buffer = ptr::null_mut();
    let mut error = ErrorSlot::zeroed();
    let (place, fault, params) = (&raw mut pins, error.as_raw(), gm_str::new(params));
    // SAFETY: every pointer lives as long as the call, and the function is that of the kind's class.
    let ask = || unsafe { function(&raw const raw_host, params, place, fault) };
    let status = attribution.during(Operation::Pins, ask);
    if status != GM_OK {
        let fault = fault_of(status, &mut error, Operation::Pins);
        return Err(match fault.class {
            FaultClass::Panic => PinsError::Failed { message: format!("`pins` panicked: {}", fault.message) },
            FaultClass::Contract => PinsError::Failed { message: fault.message },
            _ => PinsError::Refused { message: fault.message },
        });
    }
    // SAFETY: the ABI has a successful call store null or one reference to a live buffer, which is ours from here on.
    let text = attribution.during(Operation::Pins, || unsafe { read(pins) });
    drop(closed);
    text.map_err(|reason| PinsError::Wrong { reason })
}

/// Copies the text out of the plugin's buffer and gives the reference back.
///
/// # Safety
/// As for [`Buffer::from_raw`], whose reference is given up.
unsafe fn read(pins: *mut gm_buffer) -> Result<String, String> {
    // SAFETY: passed on from the caller.
    let buffer = unsafe { Buffer::from_raw(pins) }.map_err(|error| format!("their buffer is unusable: {error}"))?;
    let bytes = buffer.as_slice();
    if bytes.len() > PINS_TEXT_LEN_MAX {
        return Err(format!("they take {} bytes, at most {PINS_TEXT_LEN_MAX} are read", bytes.len()));
    }
    std::str::from_utf8(bytes).map(ToOwned::to_owned).map_err(|error| format!("their text is no UTF-8: {error}"))
}
