//! A stack for the handler, for threads that have none or too small a one.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// What the handler itself may use on top of what the system saves there.
const HANDLER_LEN: usize = 4 * 1024;

/// Bytes of a stack that we make, beside what the system saves: room for a handler that ours is handed on to.
const STACK_LEN: usize = 32 * 1024;

/// Bytes below a stack that nobody may touch: the largest page of the systems that we know.
const GUARD_LEN: usize = 64 * 1024;

thread_local! {
    static STACK: RefCell<Option<Stack>> = const { RefCell::new(None) };
}

/// Gives the thread an alternate stack unless it has one that will do.
pub(super) fn prepare_thread() -> io::Result<()> {
    let found = exchange(None)?;
    if found.ss_flags & libc::SS_DISABLE == 0 && found.ss_size >= saved_len() + HANDLER_LEN {
        return Ok(());
    }
    let stack = Stack::new()?;
    exchange(Some(&stack.description()))?;
    // A thread that is ending keeps what it has; it makes no calls any more.
    let _kept = STACK.try_with(|place| place.replace(Some(stack)));
    Ok(())
}

/// What the system saves on the stack of a handler: registers, which grow with every processor.
fn saved_len() -> usize {
    // SAFETY: reads a number that the system gave the process at its start; 0 when it gave none.
    let told = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
    usize::try_from(told).unwrap_or(0).max(libc::MINSIGSTKSZ)
}

/// Asks for the thread's alternate stack, and sets another one.
fn exchange(new: Option<&libc::stack_t>) -> io::Result<libc::stack_t> {
    let mut found = MaybeUninit::<libc::stack_t>::zeroed();
    let new = new.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: a new stack is memory of ours that lives until it is taken away; the answer is written to ours too.
    if unsafe { libc::sigaltstack(new, found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zero is a valid value of every field, and the call wrote over them.
    Ok(unsafe { found.assume_init() })
}

/// Memory for an alternate stack, with a part below it that traps.
struct Stack {
    base: *mut libc::c_void,
    len: usize,
}

impl Stack {
    fn new() -> io::Result<Self> {
        let len = GUARD_LEN + STACK_LEN + saved_len().next_multiple_of(GUARD_LEN);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping; nothing that exists is replaced.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self { base, len };
        let usable = stack.description();
        // SAFETY: this part of the mapping is ours, and nobody uses it yet.
        match unsafe { libc::mprotect(usable.ss_sp, usable.ss_size, libc::PROT_READ | libc::PROT_WRITE) } {
            0 => Ok(stack),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn description(&self) -> libc::stack_t {
        libc::stack_t { ss_sp: self.base.wrapping_byte_add(GUARD_LEN), ss_flags: 0, ss_size: self.len - GUARD_LEN }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let ours = self.description();
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        let is_ours = |found: &libc::stack_t| found.ss_flags & libc::SS_DISABLE == 0 && found.ss_sp == ours.ss_sp;
        let is_free = match exchange(None) {
            Ok(found) if is_ours(&found) => exchange(Some(&none)).is_ok(),
            Ok(_) => true,
            Err(_) => false,
        };
        if is_free {
            // SAFETY: the mapping is ours, and the thread has another stack or none.
            unsafe { libc::munmap(self.base, self.len) };
        }
    }
}

// Miri knows of no alternate stacks.
#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;
    use std::thread;

    fn without_stack() -> libc::stack_t {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        exchange(Some(&none)).unwrap()
    }

    #[test]
    fn thread_without_a_stack_gets_one_and_gives_it_back_at_its_end() {
        let own = thread::spawn(|| {
            let _of_the_library = without_stack();
            prepare_thread().unwrap();
            let found = exchange(None).unwrap();
            assert_eq!(found.ss_flags & libc::SS_DISABLE, 0);
            assert!(found.ss_size >= saved_len() + STACK_LEN, "{}", found.ss_size);
            prepare_thread().unwrap();
            assert_eq!(exchange(None).unwrap().ss_sp, found.ss_sp, "one is enough");
            found.ss_sp.expose_provenance()
        });
        let own = own.join().unwrap();
        let page = ptr::with_exposed_provenance_mut(own);
        // SAFETY: asks whether a page is mapped; nothing is read or written there.
        let answer = unsafe { libc::msync(page, 1, libc::MS_ASYNC) };
        assert_eq!((answer, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ENOMEM)), "it is unmapped");
    }

    #[test]
    fn stack_that_will_do_is_left_alone() {
        thread::spawn(|| {
            let large = Stack::new().unwrap();
            exchange(Some(&large.description())).unwrap();
            prepare_thread().unwrap();
            assert_eq!(exchange(None).unwrap().ss_sp, large.description().ss_sp);
            drop(large);
            assert_ne!(exchange(None).unwrap().ss_flags & libc::SS_DISABLE, 0, "taken away with its memory");
        })
        .join()
        .unwrap();
    }
}
