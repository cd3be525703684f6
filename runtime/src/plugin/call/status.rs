//! What the answer of a plugin means.

use crate::exec::{Fault, FaultClass};
use graphmill_abi::ErrorSlot;
use graphmill_abi::layout::*;

/// Longest detail that is kept: a backtrace fits.
const DETAIL_LEN_MAX: usize = 64 * 1024;

/// Whether a status above 0 is one that this operation may answer with.
pub(super) fn check_flow(operation: &'static str, status: gm_status) -> bool {
    operation == "tick" && matches!(status, GM_AGAIN | GM_EOS)
}

/// The fault behind a status that is not success, with the text that the plugin left.
pub(super) fn fault_of(status: gm_status, error: &mut ErrorSlot, operation: &'static str) -> Fault {
    if status > 0 {
        let message = format!("`{operation}` answers with the status {status}, which it may not");
        return Fault::new(FaultClass::Contract, message);
    }
    let class = match status {
        GM_E_PANIC => FaultClass::Panic,
        GM_E_CANCELLED | GM_E_SHUTDOWN => FaultClass::Cancelled,
        _ => FaultClass::Error,
    };
    let message = match error.message() {
        text if text.is_empty() => format!("`{operation}` fails with {} and says no more", status_name(status)),
        text => text.into_owned(),
    };
    Fault::new(class, message).with_detail(detail_of(error))
}

fn detail_of(error: &mut ErrorSlot) -> Option<String> {
    let buffer = error.take_detail()?;
    let bytes = buffer.as_slice();
    let bytes = bytes.get(..DETAIL_LEN_MAX).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// The name of a status for people; the number where there is none.
pub(in crate::plugin) fn status_name(status: gm_status) -> String {
    let name = match status {
        GM_E_INVALID => "`invalid argument`",
        GM_E_UNSUPPORTED => "`unsupported`",
        GM_E_VERSION => "`version mismatch`",
        GM_E_PANIC => "`panic`",
        GM_E_CANCELLED => "`cancelled`",
        GM_E_SHUTDOWN => "`shut down`",
        GM_E_NOMEM => "`out of memory`",
        GM_E_WOULDBLOCK => "`would block`",
        GM_E_STATE => "`wrong state`",
        GM_E_THREAD => "`wrong thread`",
        GM_E_NOTFOUND => "`not found`",
        GM_E_IO => "`input or output failed`",
        GM_E_INTERNAL => "`internal error`",
        GM_E_TIMEOUT => "`timed out`",
        other => return format!("status {other}"),
    };
    name.to_owned()
}
