//! Threads that run only when nobody else wants to.

use std::io;

/// Has the kernel run a thread only when no other one wants the processor; `thread` is the kernel's number of it.
///
/// # Errors
/// There is no such thread any more, or the process is forbidden to do that.
#[cfg(all(target_os = "linux", not(miri)))]
pub(super) fn run_when_idle(thread: u64) -> io::Result<()> {
    // The number 0 stands for the thread that calls.
    let thread = libc::pid_t::try_from(thread).ok().filter(|thread| *thread > 0).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the struct is made of integers, and in this policy every one of them is 0.
    let params: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: reads the struct, which lives through the call, and changes no memory of ours.
    match unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &raw const params) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Other systems have nothing of that sort.
#[cfg(any(not(target_os = "linux"), miri))]
pub(super) fn run_when_idle(_thread: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
