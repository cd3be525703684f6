//! A plugin that is linked into the application instead of loaded from a file.

use crate::layout::gm_plugin_entry_fn;

/// The entry of a statically linked plugin: what `export!` of the SDK gives, and what the runtime links.
///
/// It goes through the same table of functions as a loaded library.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    name: &'static str,
    entry: gm_plugin_entry_fn,
}

impl Module {
    /// Names an entry function.
    ///
    /// # Safety
    /// `entry` keeps the contract of [`gm_plugin_entry_fn`].
    pub const unsafe fn new(name: &'static str, entry: gm_plugin_entry_fn) -> Self {
        Self { name, entry }
    }

    /// Name for messages: that of the crate.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The entry function.
    pub fn entry(&self) -> gm_plugin_entry_fn {
        self.entry
    }
}
