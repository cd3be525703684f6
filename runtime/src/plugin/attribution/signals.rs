//! The handlers of signals and of `exit`.
//!
//! Everything that runs in a handler is listed by POSIX as safe there: `sigaction`, `raise`, `write`, `_exit`, and
//! loads from memory that nobody changes any more.

use super::line::Line;
use super::record::{self, Under};
use super::{EXIT_STATUS, stack};
use libc::{c_int, c_void, siginfo_t};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The signals of a crash.
const SIGNALS: [(c_int, &str); 5] = [
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
];

/// How often a write that was interrupted or cut short is taken up again.
const WRITES_MAX: u32 = 8;

/// Dispositions that were there before ours, in the order of [`SIGNALS`]: complete before the first of ours is set.
static PREVIOUS: [OnceLock<libc::sigaction>; SIGNALS.len()] = [const { OnceLock::new() }; SIGNALS.len()];

static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether the handlers were installed.
pub(super) fn is_installed() -> bool {
    IS_INSTALLED.load(Ordering::Acquire)
}

/// Installs the handlers, once.
pub(super) fn install() -> io::Result<()> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_installed() {
        return Ok(());
    }
    stack::prepare_thread()?;
    for ((signal, _), previous) in SIGNALS.iter().zip(&PREVIOUS) {
        let found = disposition(*signal)?;
        // An attempt before this one that failed has kept the same.
        let _kept = previous.set(found);
    }
    let installed = set_all(&ours()).and_then(|()| guard_exit());
    if let Err(error) = installed {
        restore_all();
        return Err(error);
    }
    IS_INSTALLED.store(true, Ordering::Release);
    Ok(())
}

/// The present disposition of a signal.
fn disposition(signal: c_int) -> io::Result<libc::sigaction> {
    let mut found = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; the answer is written to memory of ours.
    check(unsafe { libc::sigaction(signal, ptr::null(), found.as_mut_ptr()) })?;
    // SAFETY: zero is a valid value of every field, and the call wrote over them.
    Ok(unsafe { found.assume_init() })
}

fn set(signal: c_int, action: &libc::sigaction) -> io::Result<()> {
    // SAFETY: the action was made by `ours` or by the system; nobody asks for the old one.
    check(unsafe { libc::sigaction(signal, action, ptr::null_mut()) })
}

fn check(answer: c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_all(action: &libc::sigaction) -> io::Result<()> {
    SIGNALS.iter().try_for_each(|(signal, _)| set(*signal, action))
}

/// Our disposition: with the cause of the signal, and on the alternate stack where the thread has one.
fn ours() -> libc::sigaction {
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_signal;
    // SAFETY: zero is a valid value of every field: no flags, an empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

fn guard_exit() -> io::Result<()> {
    // SAFETY: the handler may run on any thread at any time: it reads a record of that thread.
    let answer = unsafe { libc::atexit(on_exit) };
    if answer == 0 { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
}

/// Tells whose call it was, if any, and hands the signal on.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let is_in_call = record::with_current(|under| {
        if let Some(under) = &under {
            tell_crash(signal, *under);
        }
        under.is_some()
    });
    if is_in_call {
        // From here on it is as if we had never been there. All of them: the handler of the standard library aborts
        // after an overflow, and a second line about that would only confuse, on a stack that has no room for it.
        restore_all();
        send_again(signal, info);
    } else {
        hand_on(signal, info, context);
    }
}

fn tell_crash(signal: c_int, under: Under<'_>) {
    let name = SIGNALS.iter().find(|(known, _)| *known == signal).map_or("a signal", |(_, name)| name);
    let mut line = Line::new();
    for part in ["graphmill: ", under.label, " crashed in ", under.operation, ": ", name] {
        line.push(part);
    }
    write(line.end());
}

/// Ends a process that a plugin wants to end as if all were well.
extern "C" fn on_exit() {
    record::with_current(|under| {
        let Some(under) = under else { return };
        let mut line = Line::new();
        for part in
            ["graphmill: ", under.label, " called exit in ", under.operation, ": the process ends with status 70"]
        {
            line.push(part);
        }
        write(line.end());
        // SAFETY: ends the process at once; what other exit handlers would have done is lost, as in a crash.
        unsafe { libc::_exit(EXIT_STATUS) };
    });
}

/// Writes to standard error as much as it takes.
fn write(mut bytes: &[u8]) {
    for _ in 0..WRITES_MAX {
        if bytes.is_empty() {
            return;
        }
        // SAFETY: the bytes are ours and live through the call.
        let written = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        // An error is tried again: it may have been an interruption, and there is nobody to tell of any other.
        bytes = bytes.get(usize::try_from(written).unwrap_or(0)..).unwrap_or_default();
    }
}

fn previous(signal: c_int) -> Option<&'static libc::sigaction> {
    let index = SIGNALS.iter().position(|(known, _)| *known == signal)?;
    PREVIOUS.get(index)?.get()
}

/// Puts back the disposition that was there before ours.
fn restore(signal: c_int) {
    if let Some(previous) = previous(signal) {
        // There is nothing to do about a refusal: the system took this very disposition before.
        let _restored = set(signal, previous);
    }
}

fn restore_all() {
    for (signal, _) in SIGNALS {
        restore(signal);
    }
}

/// Has the signal come again once the handler has returned.
fn send_again(signal: c_int, info: *const siginfo_t) {
    // A fault repeats itself with the instruction that made it, and keeps its address; what was sent is sent again.
    if !is_fault(info) {
        // SAFETY: sends a signal to this thread; it is blocked until the handler returns.
        unsafe { libc::raise(signal) };
    }
}

/// Whether the system made the signal because of an instruction of this thread.
fn is_fault(info: *const siginfo_t) -> bool {
    // SAFETY: the system passes a description of the signal that lives as long as the handler runs.
    unsafe { info.as_ref() }.is_some_and(|info| info.si_code > 0)
}

/// A signal outside of every call is none of our business: it goes to whom it went before, and we stay installed.
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    match previous(signal) {
        Some(previous) if previous.sa_sigaction == libc::SIG_IGN && !is_fault(info) => {}
        Some(previous) if ![libc::SIG_DFL, libc::SIG_IGN].contains(&previous.sa_sigaction) => {
            call(previous, signal, info, context);
        }
        _ => {
            restore(signal);
            send_again(signal, info);
        }
    }
}

/// Calls a handler as the system would.
fn call(action: &libc::sigaction, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let address = ptr::with_exposed_provenance::<c_void>(action.sa_sigaction);
    if action.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: the flag says that the address is that of a function with three arguments.
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = unsafe { std::mem::transmute(address) };
        handler(signal, info, context);
    } else {
        // SAFETY: without the flag the address is that of a function with one argument.
        let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(address) };
        handler(signal);
    }
}
