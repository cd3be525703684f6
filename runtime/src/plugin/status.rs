//! Statuses in words.

use graphmill_abi::layout::*;

/// The name of a status for people; the number where there is none.
pub(super) fn status_name(status: gm_status) -> String {
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
