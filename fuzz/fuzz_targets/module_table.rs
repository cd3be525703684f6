//! The tables of a plugin: sizes, pointers, texts and functions that contradict each other in every way.
//!
//! Each table, list and text is an allocation of exactly the length that it claims, so that one byte read too many is
//! found. What claims to be longer than the host reads is not there at all: the host has to refuse it unread.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use graphmill_abi::layout::*;
use libfuzzer_sys::fuzz_target;
use std::ffi::c_void;

/// Longest table, text and list that a host reads; what is longer stays without memory.
const READ_LEN_MAX: usize = 256 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let mut memory = Memory::default();
    // Too few bytes are no plan.
    let Ok(module) = module(&mut Unstructured::new(bytes), &mut memory) else { return };
    // SAFETY: pointers are null, misaligned, or point at as many bytes as the table says.
    if let Err(fault) = unsafe { graphmill::plugin::fuzzing::import(module) } {
        assert!(!fault.to_string().is_empty());
    }
});

/// What the tables point at, as long as the import runs.
#[derive(Default)]
struct Memory(Vec<Box<[u64]>>);

impl Memory {
    /// An allocation, aligned to eight bytes, that ends where `len` rounded up to eight ends.
    fn keep(&mut self, bytes: &[u8], len: usize) -> *mut u8 {
        let mut words = vec![0_u64; len.min(READ_LEN_MAX).div_ceil(8)].into_boxed_slice();
        let start = words.as_mut_ptr().cast::<u8>();
        let count = bytes.len().min(words.len() * 8);
        // SAFETY: both have `count` bytes, and the allocation is fresh.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, count) };
        self.0.push(words);
        start
    }

    /// A table in an allocation of as many bytes as it claims to have.
    fn table<T: Copy>(&mut self, table: &T, claimed: u32, min: usize) -> *mut T {
        // SAFETY: every table has eight-byte alignment and no padding that would be read as anything but bytes.
        let bytes = unsafe { std::slice::from_raw_parts(std::ptr::from_ref(table).cast::<u8>(), size_of::<T>()) };
        self.keep(bytes, (claimed as usize).max(min)).cast()
    }
}

fn module(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<*const gm_module> {
    let claimed = claimed_len(input, size_of::<gm_module>())?;
    let n_classes = if input.ratio(9, 10)? { input.int_in_range(0..=3)? } else { u32::arbitrary(input)? };
    let classes = (0..n_classes.min(64)).map(|_| class(input, memory)).collect::<Result<Vec<_>>>()?;
    let module = gm_module {
        hdr: gm_header {
            magic: usually(input, GM_MAGIC)?,
            struct_size: claimed,
            abi_major: usually(input, GM_ABI_MAJOR)?,
            abi_minor: u16::arbitrary(input)?,
        },
        classes: odd_pointer(input, list(&classes, memory))?,
        n_classes,
        flags: 0,
        get_extension: None,
        // The rest of the input, so that a manifest can be written by hand.
        manifest_json: manifest(input, memory)?,
    };
    let table = memory.table(&module, claimed, size_of::<gm_header>());
    odd_pointer(input, table.cast_const())
}

fn list(classes: &[*const gm_node_class], memory: &mut Memory) -> *const *const gm_node_class {
    let bytes: Vec<u8> = classes.iter().flat_map(|class| class.addr().to_ne_bytes()).collect();
    let start = memory.keep(&bytes, bytes.len()).cast::<*const gm_node_class>();
    for (at, class) in classes.iter().enumerate() {
        // SAFETY: the list has one place for every class. Written again as pointers, which bytes are not.
        unsafe { start.add(at).write(*class) };
    }
    start
}

fn class(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<*const gm_node_class> {
    let claimed = claimed_len(input, size_of::<gm_node_class>())?;
    let has = u16::arbitrary(input)?;
    let has = |bit: u32| has & (1 << bit) == 0;
    let class = gm_node_class {
        struct_size: claimed,
        role: input.int_in_range(0..=4)?,
        id: id(input, memory)?,
        create: has(0).then_some(create),
        destroy: has(1).then_some(destroy),
        start: has(2).then_some(step),
        stop: has(3).then_some(step),
        tick: has(4).then_some(tick),
        process: has(5).then_some(process),
        flush: has(6).then_some(flush),
        update: has(7).then_some(update),
        hint: has(8).then_some(hint),
        get_extension: has(9).then_some(get_extension),
        pins: has(10).then_some(pins),
    };
    let table = memory.table(&class, claimed, size_of::<u64>());
    odd_pointer(input, table.cast_const())
}

/// The right length most of the time, and otherwise any.
fn claimed_len(input: &mut Unstructured<'_>, right: usize) -> Result<u32> {
    let right = u32::try_from(right).unwrap_or(u32::MAX);
    Ok(match input.int_in_range(0..=9)? {
        0 => u32::arbitrary(input)?,
        1 => input.int_in_range(0..=right)?,
        2 => right.saturating_add(input.int_in_range(0..=64)?),
        _ => right,
    })
}

fn usually<'a, T: Arbitrary<'a>>(input: &mut Unstructured<'a>, right: T) -> Result<T> {
    if input.ratio(9, 10)? { Ok(right) } else { T::arbitrary(input) }
}

/// The pointer most of the time, and otherwise null or one that is misaligned.
fn odd_pointer<T>(input: &mut Unstructured<'_>, right: *const T) -> Result<*const T> {
    Ok(match input.int_in_range(0..=19)? {
        0 => std::ptr::null(),
        1 => right.wrapping_byte_add(input.int_in_range(1..=7)?),
        _ => right,
    })
}

fn id(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<gm_str> {
    match input.int_in_range(0..=3)? {
        0 => text(&Vec::arbitrary(input)?, input, memory),
        1 => text(b"b", input, memory),
        _ => text(b"a", input, memory),
    }
}

fn manifest(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<gm_str> {
    let roles = [["source", "processor"], ["processor", "sink"], ["sink", "source"]];
    let [first, second] = *input.choose(&roles)?;
    let kind = |id: &str, role: &str| {
        let pin = r#"{"name":"pin","format":"any"}"#;
        let [inputs, outputs] = [if role == "source" { "" } else { pin }, if role == "sink" { "" } else { pin }];
        format!(
            r#"{{"id":"{id}","role":"{role}","title":"","description":"","inputs":[{inputs}],"outputs":[{outputs}],"params_schema":{{}}}}"#
        )
    };
    let kinds = [kind("a", first), kind("b", second)];
    let kinds = if input.ratio(1, 2)? { kinds.join(",") } else { kinds[0].clone() };
    let sound = format!(r#"{{"plugin":{{"id":"p","version":"1.0.0"}},"kinds":[{kinds}]}}"#);
    let is_by_hand = input.ratio(1, 4)?;
    let rest = input.len() / 2;
    let by_hand = input.bytes(rest)?.to_vec();
    text(if is_by_hand { &by_hand } else { sound.as_bytes() }, input, memory)
}

/// A text that is there, null, or claims to be much longer than any text that is read.
fn text(bytes: &[u8], input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<gm_str> {
    let start = memory.keep(bytes, bytes.len());
    Ok(match input.int_in_range(0..=19)? {
        0 => gm_str { ptr: std::ptr::null(), len: bytes.len() },
        1 => gm_str { ptr: start.cast(), len: READ_LEN_MAX + 1 + usize::from(u16::arbitrary(input)?) },
        2 => gm_str { ptr: start.cast(), len: usize::MAX },
        _ => gm_str { ptr: start.cast(), len: bytes.len() },
    })
}

// None of these is called: an import looks at functions and leaves them alone.
unsafe extern "C" fn create(
    _: *const gm_host,
    _: *const gm_create_info,
    _: *mut *mut gm_node,
    _: *mut gm_error,
) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn destroy(_: *mut gm_node) {}
unsafe extern "C" fn step(_: *mut gm_node, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn tick(_: *mut gm_node, _: *mut gm_tick_info, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn process(_: *mut gm_node, _: u32, _: *mut gm_packet, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn flush(_: *mut gm_node, _: u32, _: u32, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn update(_: *mut gm_node, _: gm_str, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn hint(_: *mut gm_node, _: u32, _: gm_str, _: gm_str, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn get_extension(_: *mut gm_node, _: gm_str) -> *const c_void {
    unreachable!("an import calls nothing")
}
unsafe extern "C" fn pins(_: *const gm_host, _: gm_str, _: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    unreachable!("an import calls nothing")
}
