//! The functions of one kind, copied out of the plugin's table.

use super::{ModuleFault, check_pointer, check_size, copy_prefix};
use crate::graph::Role;
use crate::plugin::text::read_str;
use graphmill_abi::layout::*;
use std::mem::offset_of;

/// Longest id of a class that is read; the manifest allows no longer one.
const ID_LEN_MAX: usize = 64;
/// What every class has since version 1.0.
const CLASS_LEN_MIN: usize = offset_of!(gm_node_class, get_extension) + size_of::<usize>();

/// One kind of a plugin, ready to be called.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct ImportedClass {
    /// Id of the kind.
    pub(in crate::plugin) id: String,
    /// Its role, with the functions that the role needs.
    pub(in crate::plugin) role: Role,
    /// Its functions.
    pub(in crate::plugin) functions: Functions,
}

/// Tells the pins of a node with params.
pub(in crate::plugin) type PinsFn =
    unsafe extern "C" fn(*const gm_host, gm_str, *mut *mut gm_buffer, *mut gm_error) -> gm_status;

type StepFn = unsafe extern "C" fn(*mut gm_node, *mut gm_error) -> gm_status;

/// The functions of a class; those that every role needs are there.
#[derive(Debug, Clone, Copy)]
pub(in crate::plugin) struct Functions {
    pub(in crate::plugin) create:
        unsafe extern "C" fn(*const gm_host, *const gm_create_info, *mut *mut gm_node, *mut gm_error) -> gm_status,
    pub(in crate::plugin) destroy: unsafe extern "C" fn(*mut gm_node),
    pub(in crate::plugin) start: Option<StepFn>,
    pub(in crate::plugin) stop: Option<StepFn>,
    pub(in crate::plugin) tick:
        Option<unsafe extern "C" fn(*mut gm_node, *mut gm_tick_info, *mut gm_error) -> gm_status>,
    pub(in crate::plugin) process:
        Option<unsafe extern "C" fn(*mut gm_node, u32, *mut gm_packet, *mut gm_error) -> gm_status>,
    pub(in crate::plugin) flush: Option<unsafe extern "C" fn(*mut gm_node, u32, u32, *mut gm_error) -> gm_status>,
    pub(in crate::plugin) update: Option<unsafe extern "C" fn(*mut gm_node, gm_str, *mut gm_error) -> gm_status>,
    pub(in crate::plugin) hint:
        Option<unsafe extern "C" fn(*mut gm_node, u32, gm_str, gm_str, *mut gm_error) -> gm_status>,
    pub(in crate::plugin) pins: Option<PinsFn>,
}

impl ImportedClass {
    /// Imports the class that stands at `index` of its module.
    ///
    /// # Safety
    /// As for [`super::import`].
    pub(super) unsafe fn import(raw: *const gm_node_class, index: usize) -> Result<Self, ModuleFault> {
        let what = || format!("class {index}");
        check_pointer(raw, what)?;
        // SAFETY: not null and aligned; a class begins with its size.
        let published = unsafe { raw.cast::<u32>().read() };
        check_size(published, CLASS_LEN_MIN, what)?;
        // SAFETY: the plugin says that it filled that many bytes, which were just compared with the limits.
        let table = unsafe { copy_prefix(raw, published as usize) };
        // SAFETY: passed on from the caller.
        let id = unsafe { read_str(table.id, ID_LEN_MAX) }
            .map_err(|fault| ModuleFault::Text { what: format!("id of class {index}"), fault })?
            .to_owned();
        let role = match table.role {
            GM_ROLE_SOURCE => Role::Source,
            GM_ROLE_PROCESSOR => Role::Processor,
            GM_ROLE_SINK => Role::Sink,
            role => return Err(ModuleFault::UnknownRole { class: id, role }),
        };
        match Functions::check(&table, role) {
            Ok(functions) => Ok(Self { id, role, functions }),
            Err(function) => Err(ModuleFault::MissingFunction { class: id, role, function }),
        }
    }
}

impl Functions {
    /// Keeps the functions that the role uses; the error is the name of one that is missing.
    fn check(table: &gm_node_class, role: Role) -> Result<Self, &'static str> {
        let is_source = role == Role::Source;
        if is_source && table.tick.is_none() {
            return Err("tick");
        }
        if !is_source && table.process.is_none() {
            return Err("process");
        }
        Ok(Self {
            create: table.create.ok_or("create")?,
            destroy: table.destroy.ok_or("destroy")?,
            start: table.start,
            stop: table.stop,
            tick: table.tick.filter(|_| role != Role::Sink),
            process: table.process.filter(|_| !is_source),
            flush: table.flush.filter(|_| !is_source),
            update: table.update,
            hint: table.hint,
            pins: table.pins,
        })
    }
}
