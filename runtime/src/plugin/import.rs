//! Copies what a plugin offers out of its memory, and checks the copy.
//!
//! Nothing here trusts the plugin: a pointer is compared with null and its alignment before it is followed, the
//! header is read before anything else, and no more is copied than the plugin says that it has. What comes out has
//! no pointer into the plugin but those of its functions, which stay valid because no library is ever unloaded.

mod class;
mod fault;

pub(super) use class::{Functions, ImportedClass, PinsFn};
pub use fault::ModuleFault;

use super::text::read_str;
use crate::graph::Manifest;
use graphmill_abi::layout::{GM_ABI_MAJOR, GM_MAGIC, gm_header, gm_module, gm_node_class};
use std::collections::BTreeSet;
use std::mem::{MaybeUninit, offset_of};

/// Most classes of one module; as many as kinds in a manifest.
const CLASSES_MAX: usize = 64;
/// Largest manifest that is copied.
const MANIFEST_LEN_MAX: usize = 256 * 1024;
/// A table beyond this is damage, not a later version.
const TABLE_LEN_MAX: usize = 64 * 1024;
/// What every module has since version 1.0.
const MODULE_LEN_MIN: usize = offset_of!(gm_module, get_extension) + size_of::<usize>();

/// What a plugin offers, owned by the host.
#[derive(Debug)]
pub(super) struct ImportedModule {
    /// The manifest, checked.
    pub(super) manifest: Manifest,
    /// Its text as the plugin gave it.
    pub(super) manifest_json: String,
    /// The functions of each kind.
    pub(super) classes: Vec<ImportedClass>,
}

/// Imports a module.
///
/// # Errors
/// Says what of the module breaks the contract of the ABI.
///
/// # Safety
/// Pointers that are neither null nor misaligned point at what the ABI says, as long as the sizes in it tell, and the
/// functions in the tables keep the contract of their types.
pub(super) unsafe fn import(raw: *const gm_module) -> Result<ImportedModule, ModuleFault> {
    check_pointer(raw, || "module".to_owned())?;
    // SAFETY: not null and aligned; a header stands first in every table of every version.
    let header = unsafe { raw.cast::<gm_header>().read() };
    check_header(header)?;
    // SAFETY: the plugin says that it filled `struct_size` bytes, which were just compared with the limits.
    let module = unsafe { copy_prefix(raw, header.struct_size as usize) };
    // SAFETY: passed on from the caller.
    let manifest_json = unsafe { read_str(module.manifest_json, MANIFEST_LEN_MAX) }
        .map_err(|fault| ModuleFault::Text { what: "manifest".to_owned(), fault })?
        .to_owned();
    if manifest_json.is_empty() {
        return Err(ModuleFault::NoManifest);
    }
    let manifest = Manifest::parse(&manifest_json).map_err(ModuleFault::Manifest)?;
    if manifest.plugin.panic.as_deref() == Some("abort") {
        return Err(ModuleFault::PanicAbort);
    }
    // SAFETY: passed on from the caller.
    let classes = unsafe { import_classes(&module) }?;
    check_against_manifest(&classes, &manifest)?;
    Ok(ImportedModule { manifest, manifest_json, classes })
}

/// Imports a module and drops what came out of it.
///
/// # Errors
/// As for [`import`].
///
/// # Safety
/// As for [`import`].
#[cfg(feature = "fuzzing")]
pub unsafe fn fuzzed_import(raw: *const gm_module) -> Result<(), ModuleFault> {
    // SAFETY: passed on from the caller.
    unsafe { import(raw) }.map(drop)
}

fn check_pointer<T>(raw: *const T, what: impl Fn() -> String) -> Result<(), ModuleFault> {
    if raw.is_null() {
        return Err(ModuleFault::Null { what: what() });
    }
    if !raw.is_aligned() {
        return Err(ModuleFault::Misaligned { what: what() });
    }
    Ok(())
}

fn check_header(header: gm_header) -> Result<(), ModuleFault> {
    if header.magic != GM_MAGIC {
        return Err(ModuleFault::Magic { found: header.magic });
    }
    if header.abi_major != GM_ABI_MAJOR {
        return Err(ModuleFault::Major { found: header.abi_major });
    }
    check_size(header.struct_size, MODULE_LEN_MIN, || "module".to_owned())
}

fn check_size(found: u32, min: usize, what: impl Fn() -> String) -> Result<(), ModuleFault> {
    if (min..=TABLE_LEN_MAX).contains(&(found as usize)) {
        return Ok(());
    }
    Err(ModuleFault::Size { what: what(), found, min, max: TABLE_LEN_MAX })
}

/// A table that is valid when all of its bytes are zero: numbers, pointers and optional functions.
///
/// # Safety
/// Zero is a valid value of every field.
unsafe trait Table: Copy {}

// SAFETY: numbers, raw pointers, texts of both, and optional functions.
unsafe impl Table for gm_module {}
// SAFETY: as above.
unsafe impl Table for gm_node_class {}

/// Copies as much of a table as both sides know; what the other side does not have stays zero.
///
/// # Safety
/// `raw` points at `published` readable bytes.
unsafe fn copy_prefix<T: Table>(raw: *const T, published: usize) -> T {
    let mut copy = MaybeUninit::<T>::zeroed();
    let len = published.min(size_of::<T>());
    // SAFETY: the other side has `published` bytes and the copy the size of a `T`; `len` is within both.
    unsafe { std::ptr::copy_nonoverlapping(raw.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), len) };
    // SAFETY: zero is valid by the contract of `Table`, and the copied part came from a table of this type.
    unsafe { copy.assume_init() }
}

/// Imports every class of a module.
///
/// # Safety
/// As for [`import`].
unsafe fn import_classes(module: &gm_module) -> Result<Vec<ImportedClass>, ModuleFault> {
    let count = module.n_classes as usize;
    if count > CLASSES_MAX {
        return Err(ModuleFault::TooManyClasses { found: module.n_classes, max: CLASSES_MAX });
    }
    if count == 0 {
        // The manifest will tell which class is missing.
        return Ok(Vec::new());
    }
    check_pointer(module.classes, || "list of classes".to_owned())?;
    let mut classes: Vec<ImportedClass> = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: the list has `n_classes` pointers by the contract of the module.
        let entry = unsafe { module.classes.add(index) };
        // SAFETY: the entry lies in the list, which is aligned.
        let raw = unsafe { entry.read() };
        // SAFETY: passed on from the caller.
        let class = unsafe { ImportedClass::import(raw, index) }?;
        if classes.iter().any(|other| other.id == class.id) {
            return Err(ModuleFault::DuplicateClass { class: class.id });
        }
        classes.push(class);
    }
    Ok(classes)
}

/// The manifest and the classes have to tell the same story: the graph is checked against the one and run by the other.
fn check_against_manifest(classes: &[ImportedClass], manifest: &Manifest) -> Result<(), ModuleFault> {
    for class in classes {
        let Some(kind) = manifest.kinds.iter().find(|kind| kind.id == class.id) else {
            let kinds: Vec<&str> = manifest.kinds.iter().map(|kind| kind.id.as_str()).collect();
            return Err(ModuleFault::NotInManifest { class: class.id.clone(), kinds: kinds.join("`, `") });
        };
        if kind.role != class.role {
            return Err(ModuleFault::RoleDiffers { class: class.id.clone(), table: class.role, manifest: kind.role });
        }
        match (class.functions.pins, kind.has_pins_by_params()) {
            (None, true) => return Err(ModuleFault::PinsUntold { class: class.id.clone() }),
            (Some(_), false) => return Err(ModuleFault::PinsUnasked { class: class.id.clone() }),
            (Some(_), true) | (None, false) => {}
        }
    }
    let offered: BTreeSet<&str> = classes.iter().map(|class| class.id.as_str()).collect();
    match manifest.kinds.iter().find(|kind| !offered.contains(kind.id.as_str())) {
        Some(kind) => Err(ModuleFault::WithoutClass { kind: kind.id.clone() }),
        None if classes.is_empty() => Err(ModuleFault::NoKinds),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
