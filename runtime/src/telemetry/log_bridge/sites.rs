//! All sites of the process, each once: a bounded number of them, with a bounded amount of text.
//!
//! One lock, held for a look-up or an insertion and never while the application's subscriber runs. Plugins come here
//! once per place; what they do per record finds its site by number, without a lock.

use super::losses::{Loss, count};
use super::site::{Described, Site};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

/// Sites that this process keeps; each takes about half a kilobyte for ever.
const SITES_MAX: usize = 4096;
/// Bytes of text that all of them keep together.
const TEXT_LEN_MAX: usize = 1 << 20;
/// Target of the records whose own place found no room.
pub(super) const FOLDED_TARGET: &str = "graphmill::folded";
/// One for each level.
const FOLDED_SITES: usize = 5;

static SITES: LazyLock<Sites> = LazyLock::new(|| Sites::new(SITES_MAX));

/// The site of a place: always the same one for the same description, one of the folded ones where there is no room.
pub(crate) fn find_or_make(described: &Described<'_>) -> Option<&'static Site> {
    SITES.find_or_make(described)
}

/// The site with a number that a plugin names.
pub(crate) fn numbered(number: u32) -> Option<&'static Site> {
    SITES.numbered(number)
}

struct Sites {
    hasher: RandomState,
    known: Mutex<Known>,
    /// By number; the first place stays empty, because 0 means no site.
    numbered: Box<[OnceLock<&'static Site>]>,
    max: usize,
}

#[derive(Default)]
struct Known {
    by_hash: HashMap<u64, Vec<&'static Site>>,
    count: usize,
    /// Those without a source line: a program can make them up while it runs.
    loose_count: usize,
    folded_count: usize,
    text_len: usize,
}

impl Known {
    fn find(&self, hash: u64, described: &Described<'_>) -> Option<&'static Site> {
        self.by_hash.get(&hash)?.iter().copied().find(|site| site.described() == described)
    }

    fn has_room(&self, max: usize, described: &Described<'_>) -> bool {
        // One plugin that makes up targets leaves half of the room to the places that stand in a source.
        let has_loose_room = !described.file.is_empty() || self.loose_count < max / 2;
        has_loose_room && self.count < max && self.text_len + described.len() <= TEXT_LEN_MAX
    }

    fn insert(&mut self, hash: u64, site: &'static Site, is_folded: bool) {
        self.by_hash.entry(hash).or_default().push(site);
        self.text_len += site.described().len();
        self.loose_count += usize::from(!is_folded && site.described().file.is_empty());
        *if is_folded { &mut self.folded_count } else { &mut self.count } += 1;
    }
}

impl Sites {
    fn new(max: usize) -> Self {
        let numbered = (0..=max + FOLDED_SITES).map(|_| OnceLock::new()).collect();
        Self { hasher: RandomState::new(), known: Mutex::default(), numbered, max }
    }

    fn numbered(&self, number: u32) -> Option<&'static Site> {
        self.numbered.get(number as usize)?.get().copied()
    }

    fn find_or_make(&self, described: &Described<'_>) -> Option<&'static Site> {
        if described.target != FOLDED_TARGET {
            if let Some(site) = self.find_or_insert(described, false) {
                return Some(site);
            }
            count(Loss::Folded);
        }
        let folded = Described { level: described.level, target: FOLDED_TARGET, file: "", line: 0, fields: &[] };
        self.find_or_insert(&folded, true)
    }

    /// `None` when there is no room; there always is for the folded ones, as there are as many as levels.
    fn find_or_insert(&self, described: &Described<'_>, is_folded: bool) -> Option<&'static Site> {
        let hash = self.hasher.hash_one(described);
        let site = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(site) = known.find(hash, described) {
                return Some(site);
            }
            if !is_folded && !known.has_room(self.max, described) {
                return None;
            }
            let number = known.count + known.folded_count + 1;
            let site = Site::leak(u32::try_from(number).ok()?, described, is_folded);
            self.numbered.get(number)?.set(site).ok()?;
            known.insert(hash, site, is_folded);
            site
        };
        // Until this is done the site asks the subscriber every time, which is right as well.
        site.register();
        Some(site)
    }
}

#[cfg(test)]
mod tests;
