//! Records of the `log` crate, for plugins and their dependencies that use it.

use super::HOST;
use super::scratch::with_scratch;
use super::sites::Table;
use super::spans::{self, Scope};
use crate::export::host::HostRef;
use crate::export::site::{Place, Record, Site};
use crate::logger::Level;
use std::fmt::Write as _;
use std::ptr;

/// Pairs of target and level that are found without a call.
const TARGETS_MAX: usize = 512;
/// Longer targets are asked for every time: those that a program makes up are not worth keeping.
const TARGET_LEN_MAX: usize = 128;

/// The site of a target and a level. A target need not be static, so its text counts; where it is, its address does.
struct ByTarget {
    level: log::Level,
    target: Box<str>,
    /// The target itself, if it is the name of a module, as it is unless a call says otherwise.
    module: Option<&'static str>,
    site: Site,
}

static TARGETS: Table<ByTarget, TARGETS_MAX> = Table::new();

struct Forward;

/// Makes this library's `log` speak to the host, unless its author installed another logger.
pub(super) fn install() {
    if log::set_logger(&Forward).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

fn key_of(metadata: &log::Metadata<'_>) -> usize {
    metadata.target().as_ptr().addr().wrapping_mul(8).wrapping_add(metadata.level() as usize)
}

/// The name of the module of a record, if that is its target: the same text at the same place.
#[inline]
fn module_of(record: &log::Record<'_>) -> Option<&'static str> {
    record.module_path_static().filter(|module| ptr::eq(*module, record.target()))
}

/// The site of a target and a level that were seen before.
#[inline]
fn seen(metadata: &log::Metadata<'_>) -> Option<Site> {
    let target = metadata.target();
    find(metadata, |entry| *entry.target == *target)
}

/// As [`seen`], for the record of a module: compares no text.
#[inline]
fn seen_in(module: &'static str, metadata: &log::Metadata<'_>) -> Option<Site> {
    find(metadata, |entry| entry.module.is_some_and(|known| ptr::eq(known, module)))
}

#[inline(always)]
fn find(metadata: &log::Metadata<'_>, has_target: impl Fn(&ByTarget) -> bool) -> Option<Site> {
    let level = metadata.level();
    let is_it = |entry: &ByTarget| entry.level == level && has_target(entry);
    TARGETS.find(key_of(metadata), is_it).map(|entry| entry.site)
}

/// Whether the host wants a record of a target and a level that it did not switch off, and of which site.
#[inline(never)]
fn wanted(metadata: &log::Metadata<'_>, module: Option<&'static str>) -> Option<(&'static HostRef, Site)> {
    let host = HOST.get()?;
    let site = seen(metadata).unwrap_or_else(|| ask(host, metadata, module));
    host.is_enabled(site).then_some((host, site))
}

fn ask(host: &HostRef, metadata: &log::Metadata<'_>, module: Option<&'static str>) -> Site {
    let (level, target) = (metadata.level(), metadata.target());
    let site = host.site(&Place { level: Level::from(level), target, file: "", line: 0, fields: &[] });
    if target.len() <= TARGET_LEN_MAX {
        TARGETS.insert(key_of(metadata), ByTarget { level, target: target.into(), module, site });
    }
    site
}

impl log::Log for Forward {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !seen(metadata).is_some_and(Site::is_off) && wanted(metadata, None).is_some()
    }

    fn log(&self, record: &log::Record<'_>) {
        let (metadata, module) = (record.metadata(), module_of(record));
        // Whoever asked first may have had no module to tell; then the text is compared from now on.
        let site = module.and_then(|module| seen_in(module, metadata)).or_else(|| seen(metadata));
        if site.is_some_and(Site::is_off) {
            return;
        }
        let Some((host, site)) = wanted(metadata, module) else { return };
        with_scratch(|scratch| {
            // What a failing Display wrote before it failed is kept.
            let _written = scratch.message.write_fmt(*record.args());
            spans::write_path(Scope::Current, &mut scratch.spans);
            host.log(
                site,
                &Record {
                    target: record.target(),
                    file: record.file().unwrap_or_default(),
                    line: record.line().unwrap_or_default(),
                    ..scratch.record()
                },
            );
        });
    }

    fn flush(&self) {}
}
