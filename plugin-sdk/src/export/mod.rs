//! What [`export!`](crate::export!) expands to: the module table, the entry and the functions behind the table.
//!
//! Everything here is called by the host through the C ABI. Every function catches panics; none lets one out.

mod class;
mod forward;
mod guard;
pub(crate) mod host;
pub(crate) mod resource;
pub(crate) mod site;

pub use class::{Class, ClassOf, ProcessorClass, SinkClass, SourceClass};
pub use graphmill_abi::Module;

use crate::error::{Error, Result};
use crate::export::host::HostRef;
use graphmill_abi::layout::*;
use once_cell::sync::OnceCell;
use serde_json::json;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// How the plugin got into the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
#[expect(clippy::exhaustive_enums, reason = "only the macro of this crate names it")]
pub enum Linkage {
    /// Loaded from a file: it has its own copies of the standard library and of `tracing`.
    Dynamic,
    /// Linked into the application: its panics and events are the application's own.
    Static,
}

/// A plugin as its crate describes it; only the macro makes one.
#[derive(Debug)]
#[doc(hidden)]
pub struct Plugin {
    name: &'static str,
    version: &'static str,
    license: &'static str,
    classes: fn() -> Vec<Class>,
    /// Built by the first entry that succeeds; an error is told and not kept.
    table: OnceCell<AtomicPtr<gm_module>>,
}

impl Plugin {
    /// Describes a plugin by the facts of its crate and its kinds.
    pub const fn new(
        name: &'static str,
        version: &'static str,
        license: &'static str,
        classes: fn() -> Vec<Class>,
    ) -> Self {
        Self { name, version, license, classes, table: OnceCell::new() }
    }

    /// The entry function's body.
    ///
    /// # Safety
    /// The pointers are those that the host passed to the entry function, with its contract.
    pub unsafe fn enter(
        &'static self,
        linkage: Linkage,
        host: *const gm_host,
        out: *mut *const gm_module,
        err: *mut gm_error,
    ) -> gm_status {
        let body = || {
            // SAFETY: passed on from the host.
            let host = unsafe { HostRef::retain(host) }?;
            if linkage == Linkage::Dynamic {
                forward::install(host);
            }
            if out.is_null() {
                return Err(Error::invalid("the host passed no place for the module"));
            }
            let module = self.module()?;
            // SAFETY: not null; the host gives a place for one pointer.
            unsafe { out.write(module) };
            Ok(GM_OK)
        };
        // SAFETY: passed on from the host.
        unsafe { guard::guard(err, body) }
    }

    fn module(&self) -> Result<*const gm_module> {
        let module = self.table.get_or_try_init(|| self.build().map(AtomicPtr::new))?;
        Ok(module.load(Ordering::Relaxed).cast_const())
    }

    /// Builds the table once; it lives as long as the process, as the ABI demands.
    fn build(&self) -> Result<*mut gm_module> {
        let classes = (self.classes)();
        let mut ids = BTreeSet::new();
        if let Some(double) = classes.iter().find(|class| !ids.insert(class.id())) {
            return Err(Error::invalid(format!("plugin `{}` exports the kind `{}` twice", self.name, double.id())));
        }
        let manifest = json!({
            "plugin": {
                "id": self.name,
                "version": self.version,
                "license": self.license,
                "sdk": env!("CARGO_PKG_VERSION"),
                "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
                "panic": "unwind",
            },
            "kinds": classes.iter().map(Class::manifest).collect::<Vec<_>>(),
        });
        let manifest: &'static str = Box::leak(manifest.to_string().into_boxed_str());
        let tables: Vec<*const gm_node_class> =
            classes.iter().map(|class| ptr::from_ref(Box::leak(Box::new(class.table())))).collect();
        let n_classes = u32::try_from(tables.len()).map_err(Error::invalid)?;
        let module = gm_module {
            hdr: gm_header {
                magic: GM_MAGIC,
                struct_size: struct_size::<gm_module>(),
                abi_major: GM_ABI_MAJOR,
                abi_minor: GM_ABI_MINOR,
            },
            manifest_json: gm_str::new(manifest),
            classes: Box::leak(tables.into_boxed_slice()).as_ptr(),
            n_classes,
            flags: 0,
            get_extension: None,
        };
        Ok(ptr::from_mut(Box::leak(Box::new(module))))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no struct of the ABI comes near 4 GiB")]
pub(crate) const fn struct_size<T>() -> u32 {
    size_of::<T>() as u32
}

/// Makes a plugin of the given kinds: the exported entry function, the manifest and `module()` for static linking.
///
/// Every type implements [`Node`](crate::Node) and exactly one of [`Source`](crate::Source),
/// [`Processor`](crate::Processor) and [`Sink`](crate::Sink). Call it once, in the root of the crate.
#[macro_export]
macro_rules! export {
    ($($ty:ty),+ $(,)?) => {
        /// This plugin for linking into an application without a file.
        pub fn module() -> $crate::Module {
            __graphmill_plugin::module()
        }

        #[doc(hidden)]
        mod __graphmill_plugin {
            #[allow(unused_imports, reason = "some kinds may be named by full path")]
            use super::*;
            use $crate::abi::layout::{gm_error, gm_host, gm_module, gm_status};
            use $crate::export::{Class, ClassOf, Linkage, Plugin, ProcessorClass as _, SinkClass as _, SourceClass as _};

            fn classes() -> ::std::vec::Vec<Class> {
                ::std::vec![$((&&&ClassOf::<$ty>::new()).class()),+]
            }

            static PLUGIN: Plugin = Plugin::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_PKG_LICENSE"),
                classes,
            );

            pub(super) fn module() -> $crate::Module {
                // SAFETY: the function is the entry of the SDK, which keeps the contract.
                #[allow(unsafe_code, reason = "the entry of a plugin is a C function")]
                unsafe { $crate::Module::new(env!("CARGO_PKG_NAME"), static_entry) }
            }

            #[allow(unsafe_code, reason = "the entry of a plugin is a C function")]
            unsafe extern "C" fn static_entry(
                host: *const gm_host,
                out: *mut *const gm_module,
                err: *mut gm_error,
            ) -> gm_status {
                // SAFETY: passed on from the host.
                unsafe { PLUGIN.enter(Linkage::Static, host, out, err) }
            }

            // The crate's name keeps several plugins apart that are linked into one program.
            #[allow(unsafe_code, reason = "the entry of a plugin is a C function")]
            #[unsafe(export_name = concat!("gm_plugin_entry_v1_", env!("CARGO_CRATE_NAME")))]
            unsafe extern "C" fn dynamic_entry(
                host: *const gm_host,
                out: *mut *const gm_module,
                err: *mut gm_error,
            ) -> gm_status {
                // SAFETY: passed on from the host.
                unsafe { PLUGIN.enter(Linkage::Dynamic, host, out, err) }
            }
        }
    };
}
