//! Places and records that a plugin logs: through the host's own table, into a subscriber that writes everything.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use graphmill::plugin::Plugins;
use graphmill_abi::Module;
use graphmill_abi::layout::*;
use libfuzzer_sys::fuzz_target;
use std::ptr;
use std::sync::{LazyLock, OnceLock};

/// Longest text that the host reads of anything; what claims more has this much memory.
const READ_LEN_MAX: usize = 8192;

/// The host as a plugin sees it; its table lives as long as the process, and the context is retained.
struct Host {
    api: &'static gm_host_api,
    ctx: *mut gm_ctx,
}

// SAFETY: everything of a context that is used here may be used by any thread.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

static ENTERED: OnceLock<Host> = OnceLock::new();
static HOST: LazyLock<&'static Host> = LazyLock::new(|| {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).with_writer(std::io::sink).init();
    // SAFETY: the entry keeps the contract; it refuses, so that nothing but its context stays.
    let module = unsafe { Module::new("fuzz", entry) };
    drop(Plugins::new().link(module).expect_err("the entry refuses"));
    ENTERED.get().expect("the entry was called")
});

unsafe extern "C" fn entry(host: *const gm_host, _: *mut *const gm_module, _: *mut gm_error) -> gm_status {
    // SAFETY: the host passes itself.
    let gm_host { api, ctx } = unsafe { host.read() };
    // SAFETY: the table lives as long as the process.
    let api = unsafe { &*api };
    // SAFETY: the context is borrowed for this call.
    unsafe { (api.ctx_retain.expect("a service"))(ctx) };
    drop(ENTERED.set(Host { api, ctx }));
    GM_E_UNSUPPORTED
}

fuzz_target!(|bytes: &[u8]| {
    let host = *HOST;
    let mut input = Unstructured::new(bytes);
    let mut memory = Memory::default();
    let Ok(site) = site(&mut input, &mut memory) else { return };
    // SAFETY: every pointer is null, misaligned, or points at what it says.
    let handle = unsafe { (host.api.log_site.expect("a service"))(host.ctx, site) };
    assert!(!handle.is_null(), "there is an answer for every place");
    // SAFETY: what the host gives lives as long as the process.
    let number = unsafe { (*handle).number };
    let Ok(record) = record(number, &mut input, &mut memory) else { return };
    // SAFETY: the context is ours.
    let is_enabled = unsafe { (host.api.log_enabled.expect("a service"))(host.ctx, number) };
    assert!(is_enabled <= 1);
    // SAFETY: as for the place.
    unsafe { (host.api.log.expect("a service"))(host.ctx, record) };
});

/// What places and records point at.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "what is pointed at stays where it is while the lists grow")]
struct Memory {
    texts: Vec<Box<[u8]>>,
    names: Vec<Box<[gm_str]>>,
    values: Vec<Box<[gm_log_value]>>,
    sites: Vec<Box<gm_log_site>>,
    records: Vec<Box<gm_log_record>>,
}

impl Memory {
    /// A text that is as long as it says; beyond what the host reads there is no memory.
    fn text(&mut self, input: &mut Unstructured<'_>) -> Result<gm_str> {
        let len = match input.int_in_range(0..=31)? {
            0 => return Ok(gm_str { ptr: ptr::null(), len: usize::arbitrary(input)? }),
            1 => usize::arbitrary(input)?,
            2 => usize::from(u16::arbitrary(input)?),
            _ => input.int_in_range(0..=24)?,
        };
        let mut text: Vec<u8> = input.bytes(len.min(input.len()))?.to_vec();
        text.resize(len.min(READ_LEN_MAX), b'x');
        let text = text.into_boxed_slice();
        let raw = gm_str { ptr: text.as_ptr().cast(), len };
        self.texts.push(text);
        Ok(raw)
    }
}

fn count(input: &mut Unstructured<'_>) -> Result<u32> {
    if input.ratio(15, 16)? { input.int_in_range(0..=4) } else { u32::arbitrary(input) }
}

/// The pointer most of the time, and otherwise null or misaligned.
fn odd_pointer<T>(input: &mut Unstructured<'_>, right: *const T) -> Result<*const T> {
    Ok(match input.int_in_range(0..=31)? {
        0 => ptr::null(),
        1 => right.wrapping_byte_add(input.int_in_range(1..=3)?),
        _ => right,
    })
}

fn size_of_u32<T>(input: &mut Unstructured<'_>) -> Result<u32> {
    let size = u32::try_from(size_of::<T>()).unwrap_or(u32::MAX);
    if input.ratio(15, 16)? { Ok(size) } else { u32::arbitrary(input) }
}

fn site(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<*const gm_log_site> {
    let n_fields = count(input)?;
    let names = (0..n_fields.min(64)).map(|_| memory.text(input)).collect::<Result<Box<[_]>>>()?;
    let site = Box::new(gm_log_site {
        struct_size: size_of_u32::<gm_log_site>(input)?,
        level: input.int_in_range(0..=6)?,
        target: memory.text(input)?,
        file: memory.text(input)?,
        line: u32::arbitrary(input)?,
        n_fields,
        fields: odd_pointer(input, names.as_ptr())?,
    });
    let raw = odd_pointer(input, ptr::from_ref(&*site))?;
    memory.names.push(names);
    memory.sites.push(site);
    Ok(raw)
}

fn record(site: u32, input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<*const gm_log_record> {
    let n_values = count(input)?;
    let values = (0..n_values.min(64)).map(|_| value(input, memory)).collect::<Result<Box<[_]>>>()?;
    let record = Box::new(gm_log_record {
        struct_size: size_of_u32::<gm_log_record>(input)?,
        flags: input.int_in_range(0..=3)?,
        site: if input.ratio(15, 16)? { site } else { u32::arbitrary(input)? },
        line: u32::arbitrary(input)?,
        file: memory.text(input)?,
        target: memory.text(input)?,
        message: memory.text(input)?,
        spans: memory.text(input)?,
        values: odd_pointer(input, values.as_ptr())?,
        n_values,
        reserved: 0,
    });
    let raw = odd_pointer(input, ptr::from_ref(&*record))?;
    memory.values.push(values);
    memory.records.push(record);
    Ok(raw)
}

fn value(input: &mut Unstructured<'_>, memory: &mut Memory) -> Result<gm_log_value> {
    let kind = input.int_in_range(0..=7)?;
    let data = match kind {
        GM_LOG_VALUE_TEXT | GM_LOG_VALUE_SHOWN => gm_log_data { text: memory.text(input)? },
        GM_LOG_VALUE_F64 => gm_log_data { f64_: f64::arbitrary(input)? },
        GM_LOG_VALUE_I64 => gm_log_data { i64_: i64::arbitrary(input)? },
        _ => gm_log_data { u64_: u64::arbitrary(input)? },
    };
    Ok(gm_log_value { kind, reserved: 0, data })
}
