//! Takes a hint from a plugin and leaves it with the nodes upstream.

use super::{HostContext, Refusal, answer};
use crate::exec::{HintContent, HintError};
use crate::plugin::text::read_str;
use graphmill_abi::layout::*;

pub(super) unsafe extern "C" fn hint(
    ctx: *mut gm_ctx,
    pin: u32,
    name: gm_str,
    content: gm_str,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) }.ok_or_else(Refusal::no_context)?;
        let node = context.node()?;
        // SAFETY: the texts are the plugin's for the call.
        let read = |text, max| unsafe { read_str(text, max) }.map_err(|fault| Refusal::invalid(fault.to_string()));
        let name = read(name, HintContent::NAME_LEN_MAX)?;
        let json = read(content, HintContent::JSON_LEN_MAX)?;
        let content = HintContent::new(name, json).map_err(refuse_hint)?;
        node.hint_upstream(pin as usize, &content).map_err(refuse_hint)
    };
    // SAFETY: passed on from the plugin.
    unsafe { answer(err, body) }
}

fn refuse_hint(error: HintError) -> Refusal {
    Refusal::invalid(error.to_string())
}
