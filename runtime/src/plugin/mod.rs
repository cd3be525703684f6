//! Plugins: looking at a file, loading it, the services of the host and the calls into it.
//!
//! The only unsafe code of the runtime is here. Everything that comes from a plugin is copied, checked and then
//! used; every function that a plugin can call contains its own panics; every call into a plugin happens on the
//! thread that owns the instance. Libraries are loaded once per process and never unloaded.
#![expect(unsafe_code, reason = "this module is the host's side of the C ABI")]

mod registry;

mod error;
mod origin;

#[cfg(feature = "dylib")]
mod load;
#[cfg(feature = "dylib")]
pub mod preflight;

mod entry;
mod flight;
mod import;
mod status;
mod text;

mod attribution;
mod call;
mod host;
mod idle;
mod pins;

mod pool;
mod reaper;
mod stats;
pub mod surroundings;

#[cfg(test)]
mod tests;

/// What fuzzing reaches of this module, in builds for it alone: a plugin that is linked stays for ever.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use super::import::fuzzed_import as import;
}

pub use attribution::install_crash_attribution;
pub use error::LoadError;
pub use import::ModuleFault;
pub use origin::Origin;
pub use pool::{BufferStats, buffer_stats, pooled_buffer, set_buffer_budget, trim_buffers};
pub use registry::{Plugin, Plugins};
pub use stats::{HostStats, host_stats};
pub use text::TextFault;
