//! What a model takes in memory, as far as that can be told from outside the engine.

use std::fs;

/// Bytes of a number as the engine keeps it at most: it widens what is stored in fewer.
const NUMBER_LEN_MAX: u64 = 4;

/// Bytes of this process that are in memory; `None` where the system does not tell.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

/// What a model takes: by how much the process grew while it was loaded, and never less than its file nor more than all of
/// its numbers at full width, because others allocate and free at the same time.
pub(super) fn of_model(file_len: u64, numbers: usize, grown: Option<u64>) -> u64 {
    let widest = u64::try_from(numbers).unwrap_or(u64::MAX).saturating_mul(NUMBER_LEN_MAX).max(file_len);
    grown.unwrap_or(file_len).clamp(file_len, widest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_takes_what_the_process_grew_by_within_what_it_can_be() {
        assert_eq!(of_model(100, 60, Some(200)), 200);
        assert_eq!(of_model(100, 60, Some(20)), 100, "freed memory was used again");
        assert_eq!(of_model(100, 60, Some(9000)), 240, "others allocated meanwhile");
        assert_eq!(of_model(100, 10, Some(9000)), 100);
        assert_eq!(of_model(100, 60, None), 100);
    }

    #[test]
    fn what_is_resident_grows_with_what_is_written_to() {
        let before = resident().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = resident().unwrap();
        assert!(after - before > 32 << 20, "{before} to {after} for {} bytes", block.len());
    }
}
