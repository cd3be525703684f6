//! Errors of a node.

use graphmill_abi::layout::*;
use graphmill_abi::{BufferError, PacketError, TextError};

/// Result of a node's function.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a node cannot do what was asked: a class that the host acts on and a sentence for the reader.
///
/// An error in `process` costs the packet, an error in `create` or `tick` the node. Lower case, no full stop, with
/// what to do about it: the host adds node, kind and operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::error_impl_error, reason = "the one error of the crate, named as everywhere in Rust")]
pub struct Error {
    status: gm_status,
    message: String,
}

impl Error {
    /// Anything that fits no other class.
    pub fn new(message: impl ToString) -> Self {
        Self::with_status(GM_E_INTERNAL, message)
    }

    /// The caller passed something that the node does not accept: a param, a packet, a pin.
    pub fn invalid(message: impl ToString) -> Self {
        Self::with_status(GM_E_INVALID, message)
    }

    /// The node does not know this kind, format or operation.
    pub fn unsupported(message: impl ToString) -> Self {
        Self::with_status(GM_E_UNSUPPORTED, message)
    }

    /// Reading or writing a file, device or socket failed.
    pub fn io(message: impl ToString) -> Self {
        Self::with_status(GM_E_IO, message)
    }

    pub(crate) fn with_status(status: gm_status, message: impl ToString) -> Self {
        Self { status, message: message.to_string() }
    }

    /// The status that crosses the boundary, always below 0.
    pub fn status(&self) -> gm_status {
        self.status
    }

    /// The sentence for the reader.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether a call ended because the session is stopping.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.status, GM_E_CANCELLED | GM_E_SHUTDOWN)
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::io(error)
    }
}

impl From<PacketError> for Error {
    fn from(error: PacketError) -> Self {
        Self::invalid(error)
    }
}

impl From<BufferError> for Error {
    fn from(error: BufferError) -> Self {
        Self::invalid(error)
    }
}

impl From<TextError> for Error {
    fn from(error: TextError) -> Self {
        Self::invalid(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid(error)
    }
}
