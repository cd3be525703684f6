//! Takes a packet from a plugin and hands it to the links: whole, or not at all.

use super::{HostContext, Refusal, answer};
use crate::exec::{EmitError, Wait};
use crate::plugin::{reaper, stats};
use graphmill_abi::layout::*;
use graphmill_abi::{Packet, PacketError};

pub(super) unsafe extern "C" fn emit(
    ctx: *mut gm_ctx,
    pin: u32,
    flags: u32,
    packet: *mut gm_packet,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) }.ok_or_else(Refusal::no_context)?;
        let wait = check_call(context, flags)?;
        // SAFETY: passed on from the plugin, which owns the packet and leaves it alone during the call.
        unsafe { hand_over(context, pin, wait, packet) }
    };
    // SAFETY: passed on from the plugin.
    unsafe { answer(err, body) }
}

/// Whether the plugin may emit here and now.
fn check_call(context: &HostContext, flags: u32) -> Result<Wait, Refusal> {
    context.node()?;
    if !context.is_owned_here() {
        return Err(Refusal::new(GM_E_THREAD, "only the thread that runs the node may emit"));
    }
    match flags {
        0 => Ok(Wait::ForRoom),
        GM_EMIT_NONBLOCK => Ok(Wait::Never),
        other => Err(Refusal::new(GM_E_UNSUPPORTED, format!("emit flags {other:#x} are not known"))),
    }
}

/// Moves the packet into the links; puts it back exactly as it was when they do not take it.
///
/// # Safety
/// As for [`Packet::take_raw`].
unsafe fn hand_over(context: &HostContext, pin: u32, wait: Wait, raw: *mut gm_packet) -> Result<(), Refusal> {
    let outcome = context.with_outputs(|outputs, packet| {
        // SAFETY: passed on from the caller; the box is the host's.
        unsafe { Packet::take_raw_into(raw, packet) }.map_err(refuse_packet)?;
        let shielded = reaper::shield(packet);
        // Also a panic in the links puts back what is left of the packet.
        let mut restored = scopeguard::guard(packet, |taken| {
            reaper::unshield(taken, shielded);
            // SAFETY: the plugin leaves its packet alone during the call; what stands there owns nothing any more.
            unsafe { raw.cast::<Packet>().write(taken.take()) };
        });
        outputs.emit(pin as usize, wait, &mut restored).map_err(refuse_emit)?;
        // Taken whole: there is nothing to put back.
        scopeguard::ScopeGuard::into_inner(restored);
        Ok(())
    });
    outcome.unwrap_or_else(|| Err(Refusal::new(GM_E_STATE, "a node may emit inside tick, process and flush only")))
}

fn refuse_packet(error: PacketError) -> Refusal {
    stats::PACKETS_REFUSED.add_one();
    let status = match error {
        PacketError::Kind(_) | PacketError::Flags(_) => GM_E_UNSUPPORTED,
        _ => GM_E_INVALID,
    };
    Refusal::new(status, error.to_string())
}

fn refuse_emit(error: EmitError) -> Refusal {
    match error {
        // The frequent ones have fixed texts: refusing them allocates nothing.
        EmitError::WouldBlock => Refusal::new(GM_E_WOULDBLOCK, "a link of this output is full"),
        EmitError::Cancelled => Refusal::new(GM_E_CANCELLED, "the session is stopping"),
        EmitError::Timeout { .. } | EmitError::Full { .. } | EmitError::Surplus { .. } => {
            Refusal::new(GM_E_TIMEOUT, error.to_string())
        }
        EmitError::Format { .. } => Refusal::new(GM_E_UNSUPPORTED, error.to_string()),
        EmitError::NoSuchPin { .. } => Refusal::invalid(error.to_string()),
    }
}
