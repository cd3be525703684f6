//! Errors across the boundary: the caller brings the memory, the callee writes into it.

use crate::buffer::Buffer;
use crate::layout::{GM_ERROR_TRUNCATED, GM_OK, gm_error, gm_status};
use core::mem::MaybeUninit;
use core::ptr;

/// Bytes of the message that stand in the struct itself.
const MESSAGE_LEN_MAX: usize = 224;

/// Memory for one error of a callee.
pub struct ErrorSlot(MaybeUninit<gm_error>);

impl ErrorSlot {
    /// An empty slot for a callee that keeps the contract; making one costs five stores.
    ///
    /// The place of the message stays uninitialised, so a callee that claims a message must have written it. For a
    /// callee that is not trusted with that there is [`ErrorSlot::zeroed`].
    #[inline]
    pub fn new() -> Self {
        let mut slot = Self(MaybeUninit::uninit());
        slot.prepare();
        slot
    }

    /// Lends an empty slot as of [`ErrorSlot::new`], which stays where it is made: on a path where moving it would cost
    /// more than the call.
    #[inline]
    pub fn with<R>(body: impl FnOnce(&mut Self) -> R) -> R {
        let mut slot = Self(MaybeUninit::uninit());
        slot.prepare();
        body(&mut slot)
    }

    /// An empty slot for a callee that may claim a message and not write it: every byte is initialised.
    pub fn zeroed() -> Self {
        let mut slot = Self(MaybeUninit::zeroed());
        slot.prepare();
        slot
    }

    /// Makes the slot ready for another call. What a callee left of an earlier message stays behind, unclaimed.
    #[inline]
    pub fn reset(&mut self) {
        drop(self.take_detail());
        self.prepare();
    }

    #[inline]
    fn prepare(&mut self) {
        let raw = self.0.as_mut_ptr();
        // SAFETY: the field lies inside the slot, and writing plain numbers drops nothing.
        unsafe { (*raw).struct_size = size_of::<gm_error>() as u32 };
        // SAFETY: as above.
        unsafe { (*raw).code = GM_OK };
        // SAFETY: as above.
        unsafe { (*raw).flags = 0 };
        // SAFETY: as above.
        unsafe { (*raw).message_len = 0 };
        // SAFETY: as above.
        unsafe { (*raw).detail = ptr::null_mut() };
    }

    /// The pointer to hand to the callee.
    #[inline]
    pub fn as_raw(&mut self) -> *mut gm_error {
        self.0.as_mut_ptr()
    }

    /// The message that the callee left, with bytes that are not UTF-8 replaced; empty when it left none.
    pub fn message(&self) -> alloc::borrow::Cow<'_, str> {
        let raw = self.0.as_ptr();
        // SAFETY: the field was initialised by `prepare`.
        let len = (unsafe { (*raw).message_len } as usize).min(MESSAGE_LEN_MAX);
        // SAFETY: the field lies inside the slot.
        let start = unsafe { &raw const (*raw).message }.cast::<u8>();
        // SAFETY: no more than the array holds are read. They are initialised: by `zeroed`, or by a callee that is
        // trusted to write what it claims, as `new` demands.
        let bytes = unsafe { core::slice::from_raw_parts(start, len) };
        alloc::string::String::from_utf8_lossy(bytes)
    }

    /// The longer text that the callee left, if any.
    #[inline]
    pub fn take_detail(&mut self) -> Option<Buffer> {
        let raw = self.0.as_mut_ptr();
        // SAFETY: the field was initialised by `prepare`.
        let detail = unsafe { (*raw).detail };
        // SAFETY: as above; the reference is taken, so the slot must not release it again.
        unsafe { (*raw).detail = ptr::null_mut() };
        if detail.is_null() {
            return None;
        }
        // SAFETY: the ABI has the callee leave null or one reference to a live buffer; the header is checked there.
        unsafe { Buffer::from_raw(detail) }.ok()
    }

    /// The message that the callee left, up to so many bytes: whole where it had to cut it and left all of it as detail,
    /// which is taken out then. A detail that is another text stays where it is.
    pub fn take_message(&mut self, len_max: usize) -> alloc::string::String {
        self.take_whole_message(len_max).unwrap_or_else(|| self.message().into_owned())
    }

    /// The detail, where it is what the callee cut its message from.
    fn take_whole_message(&mut self, len_max: usize) -> Option<alloc::string::String> {
        // SAFETY: the field was initialised by `prepare`.
        if unsafe { (*self.0.as_ptr()).flags } & GM_ERROR_TRUNCATED == 0 {
            return None;
        }
        let detail = self.take_detail()?;
        let bytes = detail.as_slice();
        let text = alloc::string::String::from_utf8_lossy(bytes.get(..len_max).unwrap_or(bytes));
        if text.starts_with(&*self.message()) {
            return Some(text.into_owned());
        }
        // SAFETY: the field was initialised by `prepare`, and the reference that stood there was just taken.
        unsafe { (*self.0.as_mut_ptr()).detail = detail.into_raw() };
        None
    }

    /// Writes a status and message into the error of a caller; a null pointer is allowed.
    ///
    /// # Safety
    /// `target` is null or points at a `gm_error` that its owner prepared and that nobody else uses now.
    pub unsafe fn fill(target: *mut gm_error, code: gm_status, message: &str) {
        // SAFETY: passed on from the caller.
        if target.is_null() || (unsafe { (*target).struct_size } as usize) < size_of::<gm_error>() {
            return;
        }
        let len = floor_char_boundary(message, MESSAGE_LEN_MAX);
        // SAFETY: the error is at least as large as ours.
        unsafe { (*target).code = code };
        // SAFETY: as above.
        unsafe { (*target).flags = if len < message.len() { GM_ERROR_TRUNCATED } else { 0 } };
        // SAFETY: as above.
        let start = unsafe { &raw mut (*target).message }.cast::<u8>();
        // SAFETY: `len` is at most the length of the array and of the text, which do not overlap.
        unsafe { ptr::copy_nonoverlapping(message.as_ptr(), start, len) };
        // SAFETY: as above. `len` is at most 224.
        unsafe { (*target).message_len = len as u32 };
    }

    /// Like [`ErrorSlot::fill`], and keeps the whole text as detail when it does not fit or `detail` adds to it.
    ///
    /// # Safety
    /// As for [`ErrorSlot::fill`]; `detail` of the target is null.
    pub unsafe fn fill_with_detail(target: *mut gm_error, code: gm_status, message: &str, detail: Option<&str>) {
        // SAFETY: passed on from the caller.
        unsafe { Self::fill(target, code, message) };
        let text = match detail {
            Some(text) => text,
            None if message.len() > MESSAGE_LEN_MAX => message,
            None => return,
        };
        // SAFETY: passed on from the caller.
        if target.is_null() || (unsafe { (*target).struct_size } as usize) < size_of::<gm_error>() {
            return;
        }
        // SAFETY: the error is at least as large as ours.
        unsafe { (*target).detail = Buffer::copy_from_slice(text.as_bytes()).into_raw() };
    }
}

impl Default for ErrorSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ErrorSlot {
    fn drop(&mut self) {
        drop(self.take_detail());
    }
}

impl core::fmt::Debug for ErrorSlot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ErrorSlot").field(&self.message()).finish()
    }
}

fn floor_char_boundary(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    (0..=max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::GM_E_IO;
    use alloc::string::String;

    #[test]
    fn message_arrives_and_is_cut_at_a_character() {
        let mut slot = ErrorSlot::new();
        assert_eq!(slot.message(), "");
        // SAFETY: the slot is ours.
        unsafe { ErrorSlot::fill(slot.as_raw(), GM_E_IO, "disk\0full") };
        assert_eq!(slot.message(), "disk\0full");
        let long: String = core::iter::repeat_n('ä', 200).collect();
        // SAFETY: the slot is ours.
        unsafe { ErrorSlot::fill(slot.as_raw(), GM_E_IO, &long) };
        assert_eq!(slot.message().chars().count(), 112);
    }

    #[test]
    fn long_message_is_kept_whole_as_detail() {
        let mut slot = ErrorSlot::new();
        let long: String = core::iter::repeat_n('x', 5000).collect();
        // SAFETY: the slot is ours and its detail is null.
        unsafe { ErrorSlot::fill_with_detail(slot.as_raw(), GM_E_IO, &long, None) };
        assert_eq!(slot.take_detail().unwrap().len(), 5000);
        assert!(slot.take_detail().is_none());
    }

    #[test]
    fn message_that_was_cut_is_read_whole_up_to_a_limit() {
        let mut slot = ErrorSlot::new();
        let long: String = core::iter::repeat_n("way out ", 100).collect();
        // SAFETY: the slot is ours and its detail is null.
        unsafe { ErrorSlot::fill_with_detail(slot.as_raw(), GM_E_IO, &long, None) };
        assert_eq!(slot.take_message(4096), long);
        assert!(slot.take_detail().is_none(), "it was taken out");
        assert!(long.starts_with(&slot.take_message(4096)), "what fitted is still there");
        slot.reset();
        // SAFETY: as above.
        unsafe { ErrorSlot::fill_with_detail(slot.as_raw(), GM_E_IO, &long, None) };
        assert_eq!(slot.take_message(300).len(), 300);
    }

    #[test]
    fn detail_that_is_another_text_stays_where_it_is() {
        let long: String = core::iter::repeat_n('x', 300).collect();
        for message in ["short", long.as_str()] {
            let mut slot = ErrorSlot::new();
            // SAFETY: the slot is ours and its detail is null.
            unsafe { ErrorSlot::fill_with_detail(slot.as_raw(), GM_E_IO, message, Some("a backtrace")) };
            assert!(message.starts_with(&slot.take_message(4096)));
            assert_eq!(slot.take_detail().unwrap().as_slice(), b"a backtrace");
        }
    }

    #[test]
    fn message_that_was_claimed_and_not_written_is_zeros() {
        for (claimed, len) in [(7, 7), (u32::MAX, MESSAGE_LEN_MAX)] {
            let mut slot = ErrorSlot::zeroed();
            // SAFETY: the slot is ours.
            unsafe { (*slot.as_raw()).message_len = claimed };
            assert!(slot.message().chars().eq(core::iter::repeat_n('\0', len)), "{claimed}");
        }
    }

    #[test]
    fn slot_that_was_reset_tells_nothing_of_the_call_before() {
        let mut slot = ErrorSlot::zeroed();
        // SAFETY: the slot is ours and its detail is null.
        unsafe { ErrorSlot::fill_with_detail(slot.as_raw(), GM_E_IO, "disk full", Some("sector 7")) };
        slot.reset();
        assert_eq!(slot.message(), "");
        assert!(slot.take_detail().is_none());
        // SAFETY: the slot is ours.
        unsafe { ErrorSlot::fill(slot.as_raw(), GM_E_IO, "again") };
        assert_eq!(slot.message(), "again");
    }

    #[test]
    fn null_and_short_targets_are_left_alone() {
        // SAFETY: null is allowed.
        unsafe { ErrorSlot::fill(ptr::null_mut(), GM_E_IO, "x") };
        let mut slot = ErrorSlot::new();
        // SAFETY: the slot is ours.
        unsafe { (*slot.as_raw()).struct_size = 8 };
        // SAFETY: the slot is ours.
        unsafe { ErrorSlot::fill(slot.as_raw(), GM_E_IO, "x") };
        assert_eq!(slot.message(), "");
    }
}
