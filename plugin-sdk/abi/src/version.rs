//! Which versions of the ABI exist.

/// Major version of this ABI: a different major never loads.
pub const ABI_MAJOR: u16 = 1;
/// Minor version of this ABI: reported, never a gate, because structs only grow at their end.
pub const ABI_MINOR: u16 = 0;

/// One row of the ABI's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AbiVersion {
    /// Major number, part of the name of the entry function.
    pub major: u16,
    /// Minor number, counts appended fields and functions.
    pub minor: u16,
    /// What came with it.
    pub summary: &'static str,
}

/// Every version that was ever published, oldest first; the last row is this one.
pub const ABI_HISTORY: &[AbiVersion] = &[AbiVersion {
    major: 1,
    minor: 0,
    summary: "module table, node classes, packets of 256 bytes, buffers, log, emit, wake, buffer pool",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_abi_starts_at_one_and_equals_the_last_row_of_its_history() {
        let first = ABI_HISTORY.first().unwrap();
        let last = ABI_HISTORY.last().unwrap();
        assert_eq!((first.major, first.minor), (1, 0));
        assert_eq!((last.major, last.minor), (ABI_MAJOR, ABI_MINOR));
        assert!(ABI_HISTORY.is_sorted_by_key(|row| (row.major, row.minor)));
    }
}
