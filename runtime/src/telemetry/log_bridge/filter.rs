//! Notices that the application's filter changed: a callsite that writes nothing and is told like every other.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use tracing::Metadata;
use tracing::field::FieldSet;
use tracing::subscriber::Interest;
use tracing_core::callsite::{Callsite, Identifier, register};
use tracing_core::metadata::Kind;

/// Counts how often the filter may have changed. Not a type without size, whose address would not be its own.
struct Canary(AtomicU32);

static CANARY: Canary = Canary(AtomicU32::new(0));
static CANARY_METADATA: Metadata<'static> = Metadata::new(
    "event graphmill::filter",
    "graphmill::filter",
    tracing::Level::ERROR,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&CANARY)),
    Kind::EVENT,
);

/// Metadata of a callsite that never writes anything.
pub(super) const METADATA: &Metadata<'static> = &CANARY_METADATA;

impl Callsite for Canary {
    fn set_interest(&self, _: Interest) {
        self.0.fetch_add(1, Ordering::Release);
    }

    fn metadata(&self) -> &Metadata<'_> {
        &CANARY_METADATA
    }
}

/// A number that changes when the application installs a subscriber or reloads a filter; never 0 the first time.
pub(super) fn generation() -> u32 {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| register(&CANARY));
    CANARY.0.load(Ordering::Acquire)
}
