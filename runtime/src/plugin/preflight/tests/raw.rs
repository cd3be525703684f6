//! The fields of a library, found without the code under test; the places are those of the 64-bit format.

use std::path::Path;

use crate::plugin::preflight::PreflightError;

/// A segment as the header of the file tells it, read without the code under test.
pub(super) struct RawSegment {
    pub(super) at: usize,
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) file_len: u64,
    pub(super) memory_len: u64,
    pub(super) address: u64,
}

pub(super) fn word(content: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(content[at..at + 8].try_into().expect("eight bytes"))
}

pub(super) fn half(content: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(content[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn segments(content: &[u8]) -> Vec<RawSegment> {
    let table = usize::try_from(word(content, 32)).expect("a place in the file");
    let count = usize::from(u16::from_ne_bytes([content[56], content[57]]));
    (0..count)
        .map(|number| table + number * 56)
        .map(|at| RawSegment {
            at,
            kind: half(content, at),
            flags: half(content, at + 4),
            offset: word(content, at + 8),
            file_len: word(content, at + 32),
            memory_len: word(content, at + 40),
            address: word(content, at + 16),
        })
        .collect()
}

/// Where in the file the value of a tag of the dynamic table is.
pub(super) fn dynamic_value_at(content: &[u8], tag: u64) -> usize {
    let segments = segments(content);
    let table = segments.iter().find(|s| s.kind == 2).expect("a table");
    let start = usize::try_from(table.offset).expect("a place in the file");
    let mut entries = (start..).step_by(16);
    entries.find(|at| word(content, *at) == tag).expect("the tag is in the table") + 8
}

/// Where in the file the entry's symbol is; the tables of names and symbols are mapped where they lie.
pub(super) fn entry_symbol_at(content: &[u8]) -> usize {
    let place = |tag| usize::try_from(word(content, dynamic_value_at(content, tag)));
    let names = place(5).expect("the table of names");
    let symbols = place(6).expect("the table of symbols");
    let name = |at: usize| &content[names + half(content, at) as usize..];
    let mut all = (symbols..names).step_by(24);
    all.find(|at| name(*at).starts_with(b"gm_plugin_entry_v1\0")).expect("the entry is in the table")
}

pub(super) fn damaged(what: &'static str, path: &Path) -> Result<(), PreflightError> {
    let path = path.to_path_buf();
    Err(PreflightError::Malformed { path, what })
}
