//! The panic guard around every function that the host calls.

use crate::error::{Error, Result};
use graphmill_abi::ErrorSlot;
use graphmill_abi::layout::{GM_E_PANIC, gm_error, gm_status};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

/// What the panic hook saw on this thread: location and backtrace.
#[derive(Debug)]
struct Seen {
    location: String,
    backtrace: String,
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Runs `body`; turns its error or panic into a status and fills the caller's error.
///
/// # Safety
/// `err` is null or points at an error that the caller prepared.
pub(crate) unsafe fn guard(err: *mut gm_error, body: impl FnOnce() -> Result<gm_status>) -> gm_status {
    let body = || match body() {
        Ok(status) => status,
        Err(error) => {
            // SAFETY: passed on from the caller.
            unsafe { ErrorSlot::fill_with_detail(err, error.status(), error.message(), None) };
            error.status()
        }
    };
    // Out of the inner side comes one word, so that nothing large is moved for a call that goes well.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(status) => status,
        Err(payload) => {
            let (message, backtrace) = describe(payload);
            // SAFETY: passed on from the caller.
            unsafe { ErrorSlot::fill_with_detail(err, GM_E_PANIC, &message, backtrace.as_deref()) };
            GM_E_PANIC
        }
    }
}

/// Runs `body` where no error can be told; a panic is only logged.
pub(crate) fn contain(what: &str, body: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(body)) {
        let (message, _) = describe(payload);
        tracing::error!(target: "graphmill::plugin", "panic in {what}: {message}");
    }
}

/// The message with location, and the backtrace. Dropping the payload may panic too: that is contained as well.
fn describe(payload: Box<dyn Any + Send>) -> (String, Option<String>) {
    let text = text_of(&*payload).to_string();
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A payload that panics on drop may do so again: its memory is given up.
        let _given_up = std::mem::ManuallyDrop::new(second);
    }
    match SEEN.with(|seen| seen.try_borrow_mut().ok().and_then(|mut seen| seen.take())) {
        Some(seen) => (
            format!("{text} (at {})", seen.location),
            Some(format!("{text}\nat {}\n{}", seen.location, seen.backtrace)),
        ),
        None => (text, None),
    }
}

/// Keeps location and backtrace for the guard and tells the host's log; nothing goes to standard error.
pub(crate) fn hook(info: &PanicHookInfo<'_>) {
    let location = info.location().map_or_else(|| "unknown place".to_string(), ToString::to_string);
    let text = info.payload_as_str().unwrap_or("payload is not text");
    tracing::error!(target: "graphmill::plugin", location, "panic: {text}");
    let backtrace = std::backtrace::Backtrace::force_capture().to_string();
    SEEN.with(|seen| {
        if let Ok(mut seen) = seen.try_borrow_mut() {
            *seen = Some(Seen { location, backtrace });
        }
    });
}

/// The text of a panic, as far as its payload has one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("payload is not text")
}

/// The error of a call into an instance that panicked before.
pub(crate) fn poisoned() -> Error {
    Error::with_status(GM_E_PANIC, "the instance panicked before and can only be destroyed")
}
