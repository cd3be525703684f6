//! The ELF header and the program headers: is it for us, is it a library, is all of it there.

use std::fmt;

use object::NativeEndian;
use object::elf;
use object::pod;
use object::read::elf::{FileHeader, ProgramHeader};

use super::PreflightError;
use super::looks::looks_like;
use super::source::{Piece, Source};

#[cfg(target_pointer_width = "64")]
pub(super) type Header = elf::FileHeader64<NativeEndian>;
#[cfg(target_pointer_width = "32")]
pub(super) type Header = elf::FileHeader32<NativeEndian>;

/// Most program headers of one file; linkers write about ten.
const PROGRAM_HEADERS_MAX: u16 = 256;

/// Bytes that are enough to name a file's format, and to hold the ELF header of any class.
const HEAD_BYTES: u64 = 64;

/// The parts of a shared object as the loader will map them: all are inside the file.
#[derive(Debug)]
pub(super) struct Image {
    segments: Vec<Segment>,
}

/// One program header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    kind: elf::ProgramType,
    flags: elf::ProgramFlags,
    offset: u64,
    pub(super) address: u64,
    pub(super) file_len: u64,
    pub(super) memory_len: u64,
}

/// A range of addresses as the library's own tables name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) address: u64,
    pub(super) len: u64,
}

impl Image {
    /// Reads the headers; refuses what is not a complete shared object for this machine.
    pub(super) fn read(source: &Source<'_>) -> Result<Self, PreflightError> {
        let header = read_header(source)?;
        let segments = read_segments(source, &header)?;
        let image = Image { segments };
        if image.first(elf::PT_INTERP).is_some() {
            return Err(not_shared(source, "an executable"));
        }
        image.check(source)?;
        Ok(image)
    }

    /// The first segment of a kind; the loader too looks at one of each only.
    pub(super) fn first(&self, kind: elf::ProgramType) -> Option<Segment> {
        self.segments.iter().find(|s| s.kind == kind).copied()
    }

    /// Where in the file the range lies, if all of it is mapped from the file.
    pub(super) fn offset_of(&self, range: Range) -> Option<u64> {
        self.loads().find_map(|load| {
            let ahead = range.address.checked_sub(load.address)?;
            let end = ahead.checked_add(range.len)?;
            (end <= load.file_len).then(|| load.offset.saturating_add(ahead))
        })
    }

    /// How many bytes that come from the file follow the address.
    pub(super) fn mapped_after(&self, address: u64) -> u64 {
        let covering = self.loads().find_map(|load| {
            let ahead = address.checked_sub(load.address)?;
            load.file_len.checked_sub(ahead)
        });
        covering.unwrap_or(0)
    }

    /// Whether the address is in a part that the loader maps as code.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.loads().any(|load| {
            let ahead = address.checked_sub(load.address);
            load.flags.0 & elf::PF_X.0 != 0 && ahead.is_some_and(|ahead| ahead < load.file_len)
        })
    }

    fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|s| s.kind == elf::PT_LOAD)
    }

    fn check(&self, source: &Source<'_>) -> Result<(), PreflightError> {
        for segment in &self.segments {
            segment.check(source)?;
        }
        let mut mapped_until = 0;
        for load in self.loads() {
            if load.address < mapped_until {
                return Err(source.malformed("its loadable segments overlap or are not in order"));
            }
            mapped_until = load.address.saturating_add(load.memory_len);
        }
        match mapped_until {
            0 => Err(source.malformed("it has no loadable segment")),
            _ => Ok(()),
        }
    }
}

impl Segment {
    fn from_header(header: &<Header as FileHeader>::ProgramHeader) -> Self {
        Segment {
            kind: header.p_type(NativeEndian),
            flags: header.p_flags(NativeEndian),
            offset: wide(header.p_offset(NativeEndian)),
            address: wide(header.p_vaddr(NativeEndian)),
            file_len: wide(header.p_filesz(NativeEndian)),
            memory_len: wide(header.p_memsz(NativeEndian)),
        }
    }

    fn check(&self, source: &Source<'_>) -> Result<(), PreflightError> {
        if self.file_len > 0 {
            source.check(Piece {
                offset: self.offset,
                len: self.file_len,
                what: match self.kind {
                    elf::PT_LOAD => "a loadable segment",
                    elf::PT_DYNAMIC => "the dynamic table",
                    _ => "a segment",
                },
            })?;
        }
        if self.kind != elf::PT_LOAD {
            return Ok(());
        }
        if self.file_len > self.memory_len {
            return Err(source.malformed("a loadable segment is larger in the file than in memory"));
        }
        if self.address.checked_add(self.memory_len).is_none() {
            return Err(source.malformed("a loadable segment is beyond the address space"));
        }
        Ok(())
    }
}

/// A word of the file as 64 bits; on 32-bit targets the fields are half as wide.
pub(super) fn wide(word: impl Into<u64>) -> u64 {
    word.into()
}

fn read_header(source: &Source<'_>) -> Result<Header, PreflightError> {
    let head = source.bytes(Piece { offset: 0, len: HEAD_BYTES.min(source.size()), what: "the ELF header" })?;
    if !head.starts_with(&elf::ELFMAG) {
        return Err(PreflightError::NotElf { path: source.path().to_path_buf(), found: looks_like(&head) });
    }
    source.check(Piece { offset: 0, len: HEAD_BYTES, what: "the ELF header" })?;
    check_target(source, &head)?;
    let (header, _) =
        pod::from_bytes::<Header>(&head).map_err(|()| source.malformed("its ELF header cannot be read"))?;
    check_kind(source, header)?;
    Ok(*header)
}

fn check_target(source: &Source<'_>, head: &[u8]) -> Result<(), PreflightError> {
    let Some(found) = Target::of_head(head) else {
        return Err(source.malformed("its ELF header cannot be read"));
    };
    if found == Target::HOST {
        return Ok(());
    }
    Err(PreflightError::WrongTarget {
        path: source.path().to_path_buf(),
        found: found.to_string(),
        host: Target::HOST.to_string(),
    })
}

fn check_kind(source: &Source<'_>, header: &Header) -> Result<(), PreflightError> {
    if header.e_ident().version != elf::EV_CURRENT || header.e_version(NativeEndian) != 1 {
        return Err(source.malformed("its ELF version is not 1"));
    }
    match header.e_type(NativeEndian) {
        elf::ET_DYN => Ok(()),
        elf::ET_EXEC => Err(not_shared(source, "an executable")),
        elf::ET_REL => Err(not_shared(source, "a relocatable object file (`.o`)")),
        elf::ET_CORE => Err(not_shared(source, "a core dump")),
        _ => Err(not_shared(source, "an ELF file of unknown type")),
    }
}

fn read_segments(source: &Source<'_>, header: &Header) -> Result<Vec<Segment>, PreflightError> {
    type Raw = <Header as FileHeader>::ProgramHeader;
    let count = header.e_phnum(NativeEndian);
    if count == 0 {
        return Err(source.malformed("it has no program headers"));
    }
    if count > PROGRAM_HEADERS_MAX {
        return Err(source.malformed("it has more than 256 program headers"));
    }
    if usize::from(header.e_phentsize(NativeEndian)) != size_of::<Raw>() {
        return Err(source.malformed("its program headers have a wrong size"));
    }
    let table = Piece { offset: wide(header.e_phoff(NativeEndian)), len: 0, what: "the program header table" };
    let headers: Vec<Raw> = source.records(table, u64::from(count))?;
    Ok(headers.iter().map(Segment::from_header).collect())
}

pub(super) fn not_shared(source: &Source<'_>, what: &'static str) -> PreflightError {
    PreflightError::NotShared { path: source.path().to_path_buf(), what }
}

/// What code is built for, as the first 20 bytes of an ELF file tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    class: u8,
    encoding: u8,
    machine: u16,
    foreign_system: bool,
}

impl Target {
    const HOST: Target = Target {
        class: if cfg!(target_pointer_width = "64") { 2 } else { 1 },
        encoding: if cfg!(target_endian = "little") { 1 } else { 2 },
        machine: host_machine(),
        foreign_system: false,
    };

    fn of_head(head: &[u8]) -> Option<Self> {
        let encoding = *head.get(5)?;
        let machine = [*head.get(18)?, *head.get(19)?];
        Some(Target {
            class: *head.get(4)?,
            encoding,
            machine: match encoding {
                2 => u16::from_be_bytes(machine),
                _ => u16::from_le_bytes(machine),
            },
            foreign_system: !matches!(*head.get(7)?, 0 | 3),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match machine_name(self.machine) {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "machine {}", self.machine)?,
        }
        let class = match self.class {
            1 => "32-bit",
            2 => "64-bit",
            _ => "unknown class",
        };
        let encoding = match self.encoding {
            1 => "little-endian",
            2 => "big-endian",
            _ => "unknown byte order",
        };
        let system = if self.foreign_system { ", another operating system" } else { "" };
        write!(f, " ({class}, {encoding}{system})")
    }
}

/// The machines that Linux runs on, by their number in ELF.
const MACHINES: &[(u16, &str)] = &[
    (elf::EM_386.0, "x86"),
    (elf::EM_X86_64.0, "x86-64"),
    (elf::EM_ARM.0, "ARM"),
    (elf::EM_AARCH64.0, "AArch64"),
    (elf::EM_RISCV.0, "RISC-V"),
    (elf::EM_PPC64.0, "PowerPC 64"),
    (elf::EM_S390.0, "S/390"),
    (elf::EM_MIPS.0, "MIPS"),
    (elf::EM_LOONGARCH.0, "LoongArch"),
];

fn machine_name(machine: u16) -> Option<&'static str> {
    let known = MACHINES.iter().find(|(number, _)| *number == machine);
    known.map(|(_, name)| *name)
}

const fn host_machine() -> u16 {
    if cfg!(target_arch = "x86_64") {
        elf::EM_X86_64.0
    } else if cfg!(target_arch = "aarch64") {
        elf::EM_AARCH64.0
    } else if cfg!(target_arch = "x86") {
        elf::EM_386.0
    } else if cfg!(target_arch = "arm") {
        elf::EM_ARM.0
    } else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
        elf::EM_RISCV.0
    } else if cfg!(target_arch = "powerpc64") {
        elf::EM_PPC64.0
    } else if cfg!(target_arch = "s390x") {
        elf::EM_S390.0
    } else if cfg!(target_arch = "loongarch64") {
        elf::EM_LOONGARCH.0
    } else {
        elf::EM_NONE.0
    }
}
