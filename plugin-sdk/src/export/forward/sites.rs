//! Which place of this library is which site of the host: asked once per place, then found without a lock or a call.

use crate::export::host::HostRef;
use crate::export::site::{Place, Site};
use crate::logger::Level;
use graphmill_abi::layout::GM_LOG_FIELDS_MAX;
use std::ptr;
use std::sync::OnceLock;
use tracing_core::Metadata;

/// Places of `tracing` that are found without a call; a library has a few hundred of them.
const PLACES_MAX: usize = 2048;
/// How far from where it belongs an entry may stand.
const PROBES: usize = 16;

/// Entries that are added and never changed or taken out, so that they are read without a lock.
pub(super) struct Table<E, const N: usize>([OnceLock<E>; N]);

/// The site of the place whose metadata stand at an address. They are static, so the address stays theirs.
struct ByAddress {
    address: usize,
    site: Site,
}

static PLACES: Table<ByAddress, PLACES_MAX> = Table::new();

impl<E, const N: usize> Table<E, N> {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; N])
    }

    /// The entry of a key that `is_it` knows. Part of the few instructions that a record costs that nobody wants.
    #[inline(always)]
    pub(super) fn find(&self, key: usize, is_it: impl Fn(&E) -> bool) -> Option<&E> {
        self.probe(key).map_while(OnceLock::get).find(|entry| is_it(entry))
    }

    /// Adds an entry; one that finds no room is lost, and will have to be asked for.
    pub(super) fn insert(&self, key: usize, mut entry: E) {
        for slot in self.probe(key) {
            match slot.set(entry) {
                Ok(()) => return,
                Err(back) => entry = back,
            }
        }
    }

    #[inline(always)]
    fn probe(&self, key: usize) -> impl Iterator<Item = &OnceLock<E>> {
        // Multiplying spreads keys that differ in a few bits only; the upper half of the product is the spread one.
        let spread = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let start = usize::try_from(spread).unwrap_or(key);
        (start..start + PROBES).filter_map(|at| self.0.get(at % N))
    }
}

/// The site of a place that was registered.
#[inline]
pub(super) fn registered(metadata: &Metadata<'_>) -> Option<Site> {
    let address = ptr::from_ref(metadata).addr();
    PLACES.find(address, |entry| entry.address == address).map(|entry| entry.site)
}

/// Tells the host of a place, once.
pub(super) fn register(host: &HostRef, metadata: &'static Metadata<'static>) {
    if registered(metadata).is_none() {
        let address = ptr::from_ref(metadata).addr();
        PLACES.insert(address, ByAddress { address, site: describe(host, metadata) });
    }
}

/// Asks the host for the site of a place.
#[cold]
pub(super) fn describe(host: &HostRef, metadata: &Metadata<'_>) -> Site {
    let fields: Vec<&str> = field_names(metadata).take(GM_LOG_FIELDS_MAX).collect();
    host.site(&Place {
        level: Level::from(*metadata.level()),
        target: metadata.target(),
        file: metadata.file().unwrap_or_default(),
        line: metadata.line().unwrap_or_default(),
        fields: &fields,
    })
}

fn field_names(metadata: &Metadata<'_>) -> impl Iterator<Item = &'static str> {
    metadata.fields().iter().map(|field| field.name()).filter(|name| *name != super::scratch::MESSAGE)
}
