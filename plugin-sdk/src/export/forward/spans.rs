//! The spans of this library: what they are called and which one a thread is in.
//!
//! One lock, held to look a span up by its number and never while a field is made into text. A number is used once, so
//! one that is made up, or of a span that was closed, is found to be nobody's. A plugin that never closes its spans
//! keeps them in its own memory.

use super::scratch::Text;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use tracing_core::field::{Field, Visit};
use tracing_core::{Metadata, span};

/// Spans that a path names at most; further out they are left out.
const PATH_LEN_MAX: usize = 32;

/// In which span something happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    /// In the one that the thread is in.
    Current,
    /// In none.
    Root,
    /// In the one with this number.
    In(u64),
}

/// What a span says of itself; its children keep it.
#[derive(Debug)]
struct Named {
    metadata: &'static Metadata<'static>,
    fields: Mutex<Text>,
    parent: Option<Arc<Named>>,
}

struct Open {
    named: Arc<Named>,
    handles: usize,
}

#[derive(Default)]
struct Spans {
    open: HashMap<u64, Open>,
    last: u64,
}

static SPANS: LazyLock<Mutex<Spans>> = LazyLock::new(Mutex::default);

thread_local! {
    /// The spans that the thread is in, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn spans() -> MutexGuard<'static, Spans> {
    SPANS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(number: u64) -> Option<Arc<Named>> {
    spans().open.get(&number).map(|open| open.named.clone())
}

fn with_entered<R>(body: impl FnOnce(&mut Vec<u64>) -> R) -> Option<R> {
    ENTERED.try_with(|entered| entered.try_borrow_mut().ok().map(|mut entered| body(&mut entered))).ok().flatten()
}

fn innermost() -> Option<u64> {
    with_entered(|entered| entered.last().copied()).flatten()
}

fn span_of(scope: Scope) -> Option<Arc<Named>> {
    match scope {
        Scope::Current => innermost().and_then(find),
        Scope::Root => None,
        Scope::In(number) => find(number),
    }
}

/// Makes a span.
pub(super) fn open(attributes: &span::Attributes<'_>) -> span::Id {
    let scope = match attributes.parent() {
        Some(parent) => Scope::In(parent.into_u64()),
        None if attributes.is_root() => Scope::Root,
        None => Scope::Current,
    };
    let mut fields = Text::default();
    attributes.record(&mut Fields(&mut fields));
    let named = Named { metadata: attributes.metadata(), fields: Mutex::new(fields), parent: span_of(scope) };
    let mut spans = spans();
    spans.last += 1;
    let number = spans.last;
    spans.open.insert(number, Open { named: Arc::new(named), handles: 1 });
    // Numbers begin at 1 and would take centuries to come round.
    span::Id::from_non_zero_u64(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
}

/// Adds fields to a span.
pub(super) fn record(span: &span::Id, values: &span::Record<'_>) {
    let Some(named) = find(span.into_u64()) else { return };
    let mut fields = Text::default();
    values.record(&mut Fields(&mut fields));
    let mut known = named.fields.lock().unwrap_or_else(PoisonError::into_inner);
    let separator = if known.as_str().is_empty() { "" } else { " " };
    // What has no room is left out.
    let _written = write!(known, "{separator}{}", fields.as_str());
}

/// The thread is in the span from now on.
pub(super) fn enter(span: &span::Id) {
    with_entered(|entered| entered.push(span.into_u64()));
}

/// The thread has left the span.
pub(super) fn exit(span: &span::Id) {
    with_entered(|entered| {
        if let Some(at) = entered.iter().rposition(|number| *number == span.into_u64()) {
            entered.remove(at);
        }
    });
}

/// Somebody else holds the span too.
pub(super) fn keep(span: &span::Id) {
    if let Some(open) = spans().open.get_mut(&span.into_u64()) {
        open.handles += 1;
    }
}

/// Somebody holds the span no more; tells whether it was the last one.
pub(super) fn close(span: &span::Id) -> bool {
    let mut spans = spans();
    let Some(open) = spans.open.get_mut(&span.into_u64()) else { return false };
    open.handles -= 1;
    if open.handles > 0 {
        return false;
    }
    let closed = spans.open.remove(&span.into_u64());
    drop(spans);
    // Its parents may go with it: not under the lock.
    drop(closed);
    true
}

/// The span that the thread is in, for `Span::current()`.
pub(super) fn current() -> span::Current {
    let found = innermost().and_then(|number| Some((NonZeroU64::new(number)?, find(number)?)));
    found.map_or_else(span::Current::none, |(number, named)| {
        span::Current::new(span::Id::from_non_zero_u64(number), named.metadata)
    })
}

/// Writes the way from the outermost span to the one of the scope: `load{model=tiny}:decode`.
pub(super) fn write_path(scope: Scope, out: &mut Text) {
    let mut path = Vec::new();
    let mut next = span_of(scope);
    while let Some(named) = next.filter(|_| path.len() < PATH_LEN_MAX) {
        next = named.parent.clone();
        path.push(named);
    }
    for (at, named) in path.iter().rev().enumerate() {
        let separator = if at == 0 { "" } else { ":" };
        let fields = named.fields.lock().unwrap_or_else(PoisonError::into_inner);
        let name = named.metadata.name();
        // A path that is too long is cut, and says so.
        let _written = match fields.as_str() {
            "" => write!(out, "{separator}{name}"),
            fields => write!(out, "{separator}{name}{{{fields}}}"),
        };
    }
}

/// Writes the fields of a span as `key=value key=value`.
struct Fields<'a>(&'a mut Text);

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let separator = if self.0.as_str().is_empty() { "" } else { " " };
        let _written = write!(self.0, "{separator}{}={value}", field.name());
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}
