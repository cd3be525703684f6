//! Which model files Graphmill knows, where they come from, and where they lie on this machine.
//!
//! A [`Manifest`] names models: their files with size and SHA-256, the packages that these come in, the licences. A
//! [`Store`] is the folder that they are kept in, and says where a file is, or which command fetches it.
//! Nothing here reaches for the network, so nothing is ever fetched because a graph runs: `graphmill models pull NAME`
//! does that when somebody asks for it. All that blocks is reading files; nothing here has a thread or a cache.
//!
//! ```no_run
//! use graphmill_models::Store;
//!
//! let store = Store::open()?;
//! let encoder = store.file("moonshine-tiny", "encoder_model.onnx")?;
//! encoder.verify()?;
//! println!("{} is {}", encoder.path.display(), encoder.sha256);
//! # Ok::<(), graphmill_models::ModelError>(())
//! ```
#![forbid(unsafe_code)]

mod manifest;
mod store;

mod digest;
mod error;

pub use digest::{Sha256Digest, Sha256Hasher, sha256_of_file};
pub use error::ModelError;
pub use manifest::{MANIFEST_VARIABLE, Manifest, Model, ModelFile, ModelKind, Origin, Source, Wheel};
pub use store::{FileState, STORE_VARIABLE, Store, StoredFile};
