//! What the answer of a plugin means.

use crate::exec::{Fault, FaultClass, Operation};
use crate::plugin::status::status_name;
use graphmill_abi::ErrorSlot;
use graphmill_abi::layout::*;

/// Longest message that is kept: a sentence with a few paths and names in it, and the way out.
const MESSAGE_LEN_MAX: usize = 4096;
/// Longest detail that is kept: a backtrace fits.
const DETAIL_LEN_MAX: usize = 64 * 1024;

/// Whether a status above 0 is one that this operation may answer with.
pub(super) fn check_flow(operation: Operation, status: gm_status) -> bool {
    match operation {
        Operation::Tick => matches!(status, GM_AGAIN | GM_EOS),
        Operation::Hint => status == GM_PASS,
        _ => false,
    }
}

/// The fault behind a status that is not success, with the text that the plugin left.
pub(in crate::plugin) fn fault_of(status: gm_status, error: &mut ErrorSlot, operation: Operation) -> Fault {
    let name = operation.name();
    if status > 0 {
        let message = format!("`{name}` answers with the status {status}, which it may not");
        return Fault::new(FaultClass::Contract, message).with_status(status);
    }
    let class = match status {
        GM_E_PANIC => FaultClass::Panic,
        GM_E_CANCELLED | GM_E_SHUTDOWN => FaultClass::Cancelled,
        _ => FaultClass::Error,
    };
    let message = match message_of(status, error) {
        text if text.is_empty() => format!("`{name}` fails with {} and says no more", status_name(status)),
        text => text,
    };
    Fault::new(class, message).with_detail(detail_of(error)).with_status(status)
}

/// What the plugin says, whole where it left a text that it had to cut; the detail of a panic is its backtrace.
pub(in crate::plugin) fn message_of(status: gm_status, error: &mut ErrorSlot) -> String {
    if status == GM_E_PANIC { error.message().into_owned() } else { error.take_message(MESSAGE_LEN_MAX) }
}

fn detail_of(error: &mut ErrorSlot) -> Option<String> {
    let buffer = error.take_detail()?;
    let bytes = buffer.as_slice();
    let bytes = bytes.get(..DETAIL_LEN_MAX).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}
