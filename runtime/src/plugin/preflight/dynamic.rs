//! The dynamic table: what the loader will look for, and where the symbols are.

use object::NativeEndian;
use object::elf::{self, DynamicTag};
use object::read::elf::{Dyn, FileHeader};

use super::PreflightError;
use super::elf::{Header, Image, Range, not_shared};
use super::source::{Piece, Source};

/// Most entries of the table; linkers write about thirty, and one for each needed library.
const ENTRIES_MAX: u64 = 4096;

/// Largest table of symbol names; the biggest C++ libraries have some forty mebibytes.
const NAMES_BYTES_MAX: u64 = 256 << 20;

/// Most symbols of one library; the biggest C++ libraries have some hundred thousand.
const SYMBOLS_MAX: u64 = 1 << 21;

/// Hash chain words that are read at a time.
const CHAIN_WORDS: u64 = 1024;

/// Tables which the loader reads or runs before it returns, each with the entry for its length.
const TABLES: &[(DynamicTag, DynamicTag)] = &[
    (elf::DT_RELA, elf::DT_RELASZ),
    (elf::DT_REL, elf::DT_RELSZ),
    (elf::DT_RELR, elf::DT_RELRSZ),
    (elf::DT_JMPREL, elf::DT_PLTRELSZ),
    (elf::DT_INIT_ARRAY, elf::DT_INIT_ARRAYSZ),
    (elf::DT_FINI_ARRAY, elf::DT_FINI_ARRAYSZ),
];

type RawEntry = <Header as FileHeader>::Dyn;

/// The dynamic table of a library and the names it refers to.
#[derive(Debug)]
pub(super) struct Dynamic {
    entries: Vec<(DynamicTag, u64)>,
    names: Vec<u8>,
    symbols_address: u64,
}

/// Which entries of the symbol table the loader can find by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct SymbolSpan {
    /// Where symbol number 0 is in the file.
    pub(super) offset: u64,
    pub(super) first: u64,
    pub(super) end: u64,
}

impl Dynamic {
    /// Reads the table and checks that all it points at is mapped from the file.
    pub(super) fn read(source: &Source<'_>, image: &Image) -> Result<Self, PreflightError> {
        let Some(entries) = read_entries(source, image)? else {
            return Err(no_symbols(source));
        };
        let mut dynamic = Dynamic { entries, names: Vec::new(), symbols_address: 0 };
        if dynamic.value(elf::DT_FLAGS_1).unwrap_or(0) & elf::DF_1_PIE.0 != 0 {
            return Err(not_shared(source, "an executable"));
        }
        dynamic.symbols_address = dynamic.value(elf::DT_SYMTAB).ok_or_else(|| no_symbols(source))?;
        dynamic.names = dynamic.read_names(source, image)?;
        dynamic.check_tables(source, image)?;
        Ok(dynamic)
    }

    /// The libraries that the loader will have to find.
    pub(super) fn needed(&self, source: &Source<'_>) -> Result<Vec<String>, PreflightError> {
        let offsets = self.entries.iter().filter(|(t, _)| *t == elf::DT_NEEDED);
        offsets
            .map(|(_, offset)| {
                let name = self.name(*offset);
                let name = name.ok_or_else(|| source.malformed("the name of a needed library is outside its table"))?;
                Ok(String::from_utf8_lossy(name).into_owned())
            })
            .collect()
    }

    /// How much static thread-local storage the library asks for.
    pub(super) fn static_tls_bytes(&self, image: &Image) -> u64 {
        let flags = self.value(elf::DT_FLAGS).unwrap_or(0);
        let block = image.first(elf::PT_TLS).map_or(0, |tls| tls.memory_len);
        if flags & elf::DF_STATIC_TLS.0 != 0 { block } else { 0 }
    }

    /// The text at an offset of the name table, without its final zero.
    pub(super) fn name(&self, offset: u64) -> Option<&[u8]> {
        let rest = self.names.get(usize::try_from(offset).ok()?..)?;
        let len = rest.iter().position(|byte| *byte == 0)?;
        rest.get(..len)
    }

    /// The symbols that a lookup by name can reach, told by the hash table that the loader uses.
    pub(super) fn symbols(&self, source: &Source<'_>, image: &Image) -> Result<SymbolSpan, PreflightError> {
        let (first, end) = match (self.value(elf::DT_GNU_HASH), self.value(elf::DT_HASH)) {
            (Some(address), _) => GnuHash { source, image, address }.span()?,
            (None, Some(address)) => (0, sysv_symbol_count(source, image, address)?),
            (None, None) => return Err(no_symbols(source)),
        };
        if end > SYMBOLS_MAX {
            return Err(source.malformed("it has more than two million symbols"));
        }
        let table = Range { address: self.symbols_address, len: end * size_of::<<Header as FileHeader>::Sym>() as u64 };
        let offset =
            image.offset_of(table).ok_or_else(|| source.malformed("its symbol table is outside its segments"))?;
        Ok(SymbolSpan { offset, first, end })
    }

    /// The value of the last entry with this tag, which is the one that the loader keeps.
    fn value(&self, tag: DynamicTag) -> Option<u64> {
        let found = self.entries.iter().rev().find(|(t, _)| *t == tag);
        found.map(|(_, value)| *value)
    }

    fn read_names(&self, source: &Source<'_>, image: &Image) -> Result<Vec<u8>, PreflightError> {
        let (Some(address), Some(len)) = (self.value(elf::DT_STRTAB), self.value(elf::DT_STRSZ)) else {
            return Err(no_symbols(source));
        };
        if len > NAMES_BYTES_MAX {
            return Err(source.malformed("its table of names is larger than 256 MiB"));
        }
        let offset = image
            .offset_of(Range { address, len })
            .ok_or_else(|| source.malformed("its table of names is outside its segments"))?;
        source.bytes(Piece { offset, len, what: "the table of names" })
    }

    fn check_tables(&self, source: &Source<'_>, image: &Image) -> Result<(), PreflightError> {
        for (table, size) in TABLES {
            let (Some(address), Some(len)) = (self.value(*table), self.value(*size)) else {
                continue;
            };
            if len > 0 && image.offset_of(Range { address, len }).is_none() {
                return Err(source.malformed("a table that the loader needs is outside its segments"));
            }
        }
        Ok(())
    }
}

/// The entries in front of the one that ends the table; none if the library has no table.
fn read_entries(source: &Source<'_>, image: &Image) -> Result<Option<Vec<(DynamicTag, u64)>>, PreflightError> {
    let Some(segment) = image.first(elf::PT_DYNAMIC) else {
        return Ok(None);
    };
    let entry_bytes = size_of::<RawEntry>() as u64;
    let count = (segment.memory_len / entry_bytes).min(ENTRIES_MAX);
    let range = Range { address: segment.address, len: count * entry_bytes };
    let offset = image.offset_of(range).ok_or_else(|| source.malformed("its dynamic table is outside its segments"))?;
    let piece = Piece { offset, len: range.len, what: "the dynamic table" };
    let raw: Vec<RawEntry> = source.records(piece, count)?;
    let entries: Vec<(DynamicTag, u64)> = raw
        .iter()
        .map(|entry| (entry.tag(NativeEndian), entry.val(NativeEndian)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect();
    if entries.len() == raw.len() {
        return Err(source.malformed("its dynamic table has no end"));
    }
    Ok(Some(entries))
}

fn no_symbols(source: &Source<'_>) -> PreflightError {
    PreflightError::NoDynamicSymbols { path: source.path().to_path_buf() }
}

const HASH_OUTSIDE: &str = "its hash table of symbols is outside its segments";

/// The second word of a System V hash table is the number of symbols.
fn sysv_symbol_count(source: &Source<'_>, image: &Image, address: u64) -> Result<u64, PreflightError> {
    let words = read_words(source, image, Range { address, len: 8 })?;
    match words.as_slice() {
        [_, chains] => Ok(u64::from(*chains)),
        _ => Err(source.malformed(HASH_OUTSIDE)),
    }
}

/// Reads the 32-bit words of a range of addresses.
fn read_words(source: &Source<'_>, image: &Image, range: Range) -> Result<Vec<u32>, PreflightError> {
    let offset = image.offset_of(range).ok_or_else(|| source.malformed(HASH_OUTSIDE))?;
    let bytes = source.bytes(Piece { offset, len: range.len, what: "the hash table of symbols" })?;
    let (words, _) = bytes.as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_ne_bytes(*word)).collect())
}

/// A GNU hash table. It does not say how many symbols there are: the last chain's end does.
struct GnuHash<'a> {
    source: &'a Source<'a>,
    image: &'a Image,
    address: u64,
}

impl GnuHash<'_> {
    /// The first symbol that is in the table, and the one behind the last.
    fn span(&self) -> Result<(u64, u64), PreflightError> {
        let words = self.words(0, 4)?;
        let [buckets, first, bloom_words, _] = words.as_slice() else {
            return Err(self.source.malformed(HASH_OUTSIDE));
        };
        let first = u64::from(*first);
        let bloom_len = u64::from(*bloom_words) * size_of::<usize>() as u64;
        let buckets_at = 16 + bloom_len;
        let buckets = u64::from(*buckets);
        if buckets > SYMBOLS_MAX {
            return Err(self.source.malformed("it has more than two million symbols"));
        }
        let highest = self.words(buckets_at, buckets)?.into_iter().max();
        match highest.map_or(0, u64::from) {
            0 => Ok((first, first)),
            start if start < first => Err(self.source.malformed("its hash table of symbols contradicts itself")),
            start => Ok((first, self.chain_end(start, buckets_at + buckets * 4, first)?)),
        }
    }

    /// Follows the last chain to the word that is marked as its end.
    fn chain_end(&self, start: u64, chains_at: u64, first: u64) -> Result<u64, PreflightError> {
        let mut symbol = start;
        while symbol < SYMBOLS_MAX {
            let at = chains_at + (symbol - first) * 4;
            let left = self.image.mapped_after(self.address.saturating_add(at)) / 4;
            let words = self.words(at, left.clamp(1, CHAIN_WORDS))?;
            for word in words {
                symbol += 1;
                if word & 1 != 0 {
                    return Ok(symbol);
                }
            }
        }
        Err(self.source.malformed("it has more than two million symbols"))
    }

    fn words(&self, at: u64, count: u64) -> Result<Vec<u32>, PreflightError> {
        let range = Range { address: self.address.saturating_add(at), len: count * 4 };
        read_words(self.source, self.image, range)
    }
}
