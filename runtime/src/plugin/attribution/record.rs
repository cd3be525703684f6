//! Which call this thread is in: written by the thread itself, read by a handler that interrupts it.

use crate::exec::Operation;
use crate::plugin::origin::Origin;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence};

/// Longest part of a label in bytes: the id of a node or kind, or the end of a path.
const PART_LEN_MAX: usize = 200;

/// The number of opening or entering a plugin; operations have numbers above 0.
const LOAD: u8 = 0;

/// A node or plugin as the line about its crash names it; made once per instance or load.
///
/// Aligned so that its address has room for the number of an operation.
#[derive(Debug)]
#[repr(align(16))]
pub(super) struct Culprit {
    label: Box<str>,
}

impl Culprit {
    /// Names a node; `plugin_file` is `None` where the plugin is linked statically.
    pub(super) fn of_node(node: &str, kind: &str, plugin_file: Option<&Path>) -> Self {
        let file = plugin_file.map(|file| format!(" in {}", tail(&file.to_string_lossy()))).unwrap_or_default();
        Self::new(&format!("node `{}` ({}{file})", tail(node), tail(kind)))
    }

    /// Names a plugin that is being loaded.
    pub(super) fn of_load(origin: &Origin) -> Self {
        match origin {
            Origin::File(path) => Self::new(&format!("plugin file {}", tail(&path.to_string_lossy()))),
            Origin::Linked(name) => Self::new(&format!("linked plugin `{}`", tail(name))),
        }
    }

    fn new(label: &str) -> Self {
        let label = label.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
        Self { label: label.into_boxed_str() }
    }

    /// Runs `body`, a call or a batch of calls, as this node's: a crash meanwhile is laid at its door.
    ///
    /// Costs a load and two stores, to memory of the thread. Where calls nest, the innermost counts.
    pub(super) fn during<R>(&self, operation: Operation, body: impl FnOnce() -> R) -> R {
        let _left = enter(self, operation.code());
        body()
    }

    /// Like [`Culprit::during`], where the plugin is opened or entered.
    pub(super) fn during_load<R>(&self, body: impl FnOnce() -> R) -> R {
        let _left = enter(self, LOAD);
        body()
    }
}

/// The end of a text that is too long: of a path, that is the part that tells most.
fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(PART_LEN_MAX);
    let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(start..).unwrap_or_default()
}

thread_local! {
    /// The culprit of the call under way, with the number of the operation in the low bits of its address: one word, so
    /// that a handler that comes in between sees both or neither. Null between calls. Atomic because of that handler;
    /// no other thread ever reads it. Made at compile time and without a destructor, so that it is always there.
    static RECORD: AtomicPtr<Culprit> = const { AtomicPtr::new(ptr::null_mut()) };
}

/// The bits of an address that are free for the operation.
const OPERATION_MASK: usize = align_of::<Culprit>() - 1;

/// What stood in the record before a call; comes back when the call ends, also by a panic.
struct Left(*mut Culprit);

/// Writes the record; gives what stood there.
fn enter(culprit: &Culprit, code: u8) -> Left {
    let tagged = ptr::from_ref(culprit).cast_mut().map_addr(|address| address | (usize::from(code) & OPERATION_MASK));
    RECORD.with(|record| {
        let left = Left(record.load(Ordering::Relaxed));
        record.store(tagged, Ordering::Relaxed);
        // What the call does stays behind the store.
        compiler_fence(Ordering::SeqCst);
        left
    })
}

impl Drop for Left {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        RECORD.with(|record| record.store(self.0, Ordering::Relaxed));
    }
}

/// The call that a thread is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Under<'a> {
    pub(super) label: &'a str,
    pub(super) operation: &'static str,
}

/// Lends the call that this thread is in to `body`; `None` between calls. Safe in a signal handler.
pub(super) fn with_current<R>(body: impl FnOnce(Option<Under<'_>>) -> R) -> R {
    let tagged = RECORD.with(|record| record.load(Ordering::Relaxed));
    let culprit = tagged.map_addr(|address| address & !OPERATION_MASK);
    // SAFETY: what stands in the record of this thread is null or borrowed, with a number in bits that are zero in the
    // address of every culprit, by the call that this thread is in; that call cannot go on before we return.
    let culprit = unsafe { culprit.as_ref() };
    let code = u8::try_from(tagged.addr() & OPERATION_MASK).unwrap_or(LOAD);
    let operation = Operation::from_code(code).map_or("load", Operation::name);
    body(culprit.map(|culprit| Under { label: &culprit.label, operation }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    fn current() -> Option<String> {
        with_current(|under| under.map(|under| format!("{} in {}", under.label, under.operation)))
    }

    #[test]
    fn record_names_the_innermost_call_and_is_empty_between_calls() {
        let (outer, inner) = (Culprit::of_node("a", "k", None), Culprit::of_node("b", "k", Some(Path::new("/p.so"))));
        assert_eq!(current(), None);
        outer.during(Operation::Flush, || {
            assert_eq!(current().unwrap(), "node `a` (k) in flush");
            inner.during(Operation::Tick, || assert_eq!(current().unwrap(), "node `b` (k in /p.so) in tick"));
            assert_eq!(current().unwrap(), "node `a` (k) in flush");
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn panic_leaves_the_record_as_it_was() {
        let culprit = Culprit::of_node("a", "k", None);
        catch_unwind(AssertUnwindSafe(|| culprit.during(Operation::Process, || panic!("on purpose")))).unwrap_err();
        assert_eq!(current(), None);
    }

    #[test]
    fn every_thread_has_a_record_of_its_own() {
        let culprit = Culprit::of_node("a", "k", None);
        culprit.during(Operation::Process, || {
            thread::scope(|scope| scope.spawn(|| assert_eq!(current(), None)).join().unwrap());
            assert!(current().is_some());
        });
    }

    #[test]
    fn every_operation_has_its_name() {
        let culprit = Culprit::of_node("a", "k", None);
        let operations: Vec<_> = (0..=u8::MAX).filter_map(Operation::from_code).collect();
        assert_eq!(operations.len(), 10);
        for operation in operations {
            let expected = format!("node `a` (k) in {}", operation.name());
            culprit.during(operation, || assert_eq!(current().unwrap(), expected));
        }
    }

    #[test]
    fn plugin_that_is_being_loaded_is_named_by_its_origin() {
        let origins = [
            (Origin::File("/opt/libmodel.so".into()), "plugin file /opt/libmodel.so in load"),
            (Origin::Linked("model"), "linked plugin `model` in load"),
        ];
        for (origin, expected) in origins {
            Culprit::of_load(&origin).during_load(|| assert_eq!(current().unwrap(), expected));
        }
    }

    #[test]
    fn label_is_one_line_of_bounded_length_whatever_the_names_are() {
        let long = format!("/{}ä/libmodel.so", "ä\n".repeat(500));
        let culprit = Culprit::of_node("odd\x1b[31m\nname", &"k".repeat(999), Some(Path::new(&long)));
        assert!(culprit.label.len() <= 3 * PART_LEN_MAX + 20, "{}", culprit.label.len());
        assert!(!culprit.label.contains(char::is_control), "{}", culprit.label);
        assert!(culprit.label.starts_with("node `odd?[31m?name` (kkk"), "{}", culprit.label);
        assert!(culprit.label.ends_with("ä/libmodel.so)"), "{}", culprit.label);
        assert_eq!(tail(""), "");
    }
}
