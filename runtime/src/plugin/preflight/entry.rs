//! The plugin's entry among the exported symbols: exactly one function of our major.
//!
//! An entry is named `gm_plugin_entry_v1`, or `gm_plugin_entry_v1_` and the name of the plugin's
//! crate: with the longer form several plugins can be linked into one program.

use std::ffi::CString;

use object::NativeEndian;
use object::elf;
use object::read::elf::{FileHeader, Sym};

use super::PreflightError;
use super::dynamic::{Dynamic, SymbolSpan};
use super::elf::{Header, Image, wide};
use super::source::{Piece, Source};

/// The major version of the plugin ABI that this program offers.
pub const ABI_MAJOR: u32 = 1;

/// How the symbol of every plugin entry begins; the major follows.
pub const ENTRY_PREFIX: &str = "gm_plugin_entry_v";

/// Longest symbol that counts as an entry; the crate's name is at most 64 characters of it.
const ENTRY_LEN_MAX: usize = 256;

/// Most entries that are kept and named in an error.
const ENTRIES_MAX: usize = 16;

/// Symbols that are read at a time.
const SYMBOLS_AT_ONCE: u64 = 4096;

type RawSymbol = <Header as FileHeader>::Sym;

/// Names the one entry function of the library.
pub(super) fn find(source: &Source<'_>, image: &Image, dynamic: &Dynamic) -> Result<CString, PreflightError> {
    let span = dynamic.symbols(source, image)?;
    let mut found = exported_entries(source, dynamic, span)?;
    found.sort_by(|a, b| (a.major, &a.symbol).cmp(&(b.major, &b.symbol)));
    found.dedup_by(|a, b| a.symbol == b.symbol);
    let ours: Vec<&Entry> = found.iter().filter(|e| e.major == ABI_MAJOR).collect();
    match ours.as_slice() {
        [entry] => entry.check(source, image),
        [] => Err(none_of_ours(source, &found)),
        _ => Err(PreflightError::SeveralEntries {
            path: source.path().to_path_buf(),
            symbols: ours.iter().map(|e| e.symbol.clone()).collect(),
        }),
    }
}

/// An exported symbol with the name of a plugin entry.
#[derive(Debug)]
struct Entry {
    symbol: String,
    major: u32,
    kind: elf::SymbolType,
    address: u64,
}

impl Entry {
    fn check(&self, source: &Source<'_>, image: &Image) -> Result<CString, PreflightError> {
        let what = match self.kind {
            elf::STT_FUNC if image.is_code(self.address) => {
                return CString::new(self.symbol.as_str())
                    .map_err(|_| source.malformed("the name of its entry holds a zero byte"));
            }
            elf::STT_FUNC => return Err(source.malformed("its entry is outside its code")),
            elf::STT_OBJECT => "data",
            elf::STT_TLS => "thread-local data",
            elf::STT_NOTYPE => "a symbol without a type",
            _ => "something else than a function",
        };
        Err(PreflightError::EntryNotFunction { path: source.path().to_path_buf(), symbol: self.symbol.clone(), what })
    }
}

fn none_of_ours(source: &Source<'_>, found: &[Entry]) -> PreflightError {
    let path = source.path().to_path_buf();
    let mut majors: Vec<u32> = found.iter().map(|entry| entry.major).collect();
    majors.dedup();
    if majors.is_empty() {
        return PreflightError::NoEntry { path };
    }
    PreflightError::UnsupportedMajor { path, found: majors, supported: ABI_MAJOR }
}

/// Walks the symbol table in pieces and keeps what is named like an entry.
fn exported_entries(source: &Source<'_>, dynamic: &Dynamic, span: SymbolSpan) -> Result<Vec<Entry>, PreflightError> {
    let mut entries = Vec::new();
    let mut next = span.first;
    while next < span.end && entries.len() < ENTRIES_MAX {
        let count = (span.end - next).min(SYMBOLS_AT_ONCE);
        let piece =
            Piece { offset: span.offset + next * size_of::<RawSymbol>() as u64, len: 0, what: "the symbol table" };
        let symbols: Vec<RawSymbol> = source.records(piece, count)?;
        for symbol in &symbols {
            entries.extend(entry_of(source, dynamic, symbol)?);
        }
        next += count;
    }
    entries.truncate(ENTRIES_MAX);
    Ok(entries)
}

fn entry_of(source: &Source<'_>, dynamic: &Dynamic, symbol: &RawSymbol) -> Result<Option<Entry>, PreflightError> {
    let name = dynamic
        .name(u64::from(symbol.st_name(NativeEndian)))
        .ok_or_else(|| source.malformed("the name of a symbol is outside its table"))?;
    let Some((text, major)) = parse_entry(name) else {
        return Ok(None);
    };
    if !is_exported(symbol) {
        return Ok(None);
    }
    Ok(Some(Entry {
        symbol: text.to_owned(),
        major,
        kind: symbol.st_type(),
        address: wide(symbol.st_value(NativeEndian)),
    }))
}

/// Whether another library can find the symbol: defined here, not local, not hidden.
fn is_exported(symbol: &RawSymbol) -> bool {
    let visible = matches!(symbol.st_visibility(), elf::STV_DEFAULT | elf::STV_PROTECTED);
    visible && !symbol.is_undefined(NativeEndian) && !symbol.is_local()
}

/// Splits the symbol of an entry into its text and its major; other symbols give nothing.
fn parse_entry(name: &[u8]) -> Option<(&str, u32)> {
    let after_prefix = name.strip_prefix(ENTRY_PREFIX.as_bytes())?;
    if name.len() > ENTRY_LEN_MAX {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    let rest = std::str::from_utf8(after_prefix).ok()?;
    let (digits, suffix) = match rest.split_once('_') {
        Some((digits, suffix)) => (digits, Some(suffix)),
        None => (rest, None),
    };
    let is_name = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if suffix.is_some_and(|suffix| !is_name(suffix)) {
        return None;
    }
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((text, digits.parse().ok()?))
}
