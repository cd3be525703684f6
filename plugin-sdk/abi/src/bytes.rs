//! To and from the `bytes` crate, at the edges of an application.
//!
//! A `Bytes` itself never crosses the boundary: its table of functions belongs to one copy of its crate.

use crate::buffer::Buffer;
use bytes::Bytes;

impl From<Bytes> for Buffer {
    /// Lends the bytes without copying.
    fn from(bytes: Bytes) -> Self {
        Self::from_owner(bytes)
    }
}

impl From<Buffer> for Bytes {
    /// Lends the bytes without copying.
    fn from(buffer: Buffer) -> Self {
        Self::from_owner(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_in_and_out_without_a_copy() {
        let bytes = Bytes::from(std::vec![1_u8, 2, 3]);
        let start = bytes.as_ptr();
        let buffer = Buffer::from(bytes);
        assert_eq!(buffer.as_slice().as_ptr(), start);
        let back = Bytes::from(buffer);
        assert_eq!(back.as_ptr(), start);
        assert_eq!(&back[..], [1, 2, 3]);
    }
}
