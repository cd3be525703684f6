//! Enters a plugin once, on a thread of its own, and imports what it offers.
//!
//! What was entered stays for the life of the process, whichever registry asked for it: libraries are never unloaded,
//! and an entry function is called once.

use super::attribution::Attribution;
use super::call::message_of;
use super::error::LoadError;
use super::flight::{Flights, Landing, Progress};
use super::host::HostContext;
use super::import;
use super::origin::Origin;
use super::registry::Plugin;
use graphmill_abi::layout::{GM_OK, gm_module, gm_plugin_entry_fn};
use graphmill_abi::{ErrorSlot, Module};
use std::ptr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Which plugin it is, whatever name it was reached by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// A file.
    #[cfg(feature = "dylib")]
    File(super::preflight::FileIdentity),
    /// Code of the application, by the name of its crate. One program cannot hold two: their entries would have one
    /// symbol. The address of the entry would not do, because a function may have several.
    Linked(&'static str),
}

/// Every plugin of this process.
static PLUGINS: LazyLock<Flights<Identity, Plugin, LoadError>> = LazyLock::new(Flights::new);

/// Enters a linked plugin, unless that was done before.
pub(super) fn link(module: Module, timeout: Duration) -> Result<Arc<Plugin>, LoadError> {
    let entry = module.entry();
    let identity = Identity::Linked(module.name());
    let origin = Origin::Linked(module.name());
    // SAFETY: a `Module` is only made of an entry that keeps the contract.
    once(identity, &origin.clone(), timeout, move |progress| unsafe { enter(entry, origin, progress) })
}

/// Has `load` run on a loader thread unless the plugin is there already, and waits for it.
pub(super) fn once(
    identity: Identity,
    origin: &Origin,
    timeout: Duration,
    load: impl FnOnce(&Progress) -> Result<Plugin, LoadError> + Send + 'static,
) -> Result<Arc<Plugin>, LoadError> {
    let named = origin.clone();
    let load = move |progress: &Progress| Attribution::of_load(&named).during_load(|| load(progress));
    let on_panic = LoadError::Internal { origin: origin.clone() };
    match PLUGINS.join(identity, timeout, on_panic, load) {
        Landing::Over(outcome) => outcome,
        Landing::Late { is_in_entry } => Err(LoadError::Timeout {
            origin: origin.clone(),
            doing: if is_in_entry { "in its entry function" } else { "being opened" },
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        }),
        Landing::NoThread(reason) => Err(LoadError::NoThread { origin: origin.clone(), reason }),
    }
}

/// Calls the entry function and imports the module that it gives.
///
/// # Safety
/// `entry` keeps the contract of [`gm_plugin_entry_fn`].
pub(super) unsafe fn enter(
    entry: gm_plugin_entry_fn,
    origin: Origin,
    progress: &Progress,
) -> Result<Plugin, LoadError> {
    progress.enter();
    let context = HostContext::for_module(origin.short_name());
    let host = HostContext::as_host(&context);
    let mut module: *const gm_module = ptr::null();
    let mut error = ErrorSlot::zeroed();
    // SAFETY: passed on from the caller; the pointers live as long as the call, table and context as the process.
    let status = unsafe { entry(&raw const host, &raw mut module, error.as_raw()) };
    // A plugin may forget to retain the context that its entry borrowed; it costs little to keep it for good.
    let _kept = std::mem::ManuallyDrop::new(context);
    if status != GM_OK {
        let message = match message_of(status, &mut error) {
            text if text.is_empty() => "it gives no reason".to_owned(),
            text => text,
        };
        return Err(LoadError::Entry { origin, status, message });
    }
    // SAFETY: passed on from the caller: what a successful entry gives is a module.
    match unsafe { import::import(module) } {
        Ok(module) => Ok(Plugin::from_imported(origin, module)),
        Err(fault) => Err(LoadError::Module { origin, fault }),
    }
}
