//! Conversions between frame counts and nanoseconds, exact to the last unit.

const NS_PER_S: i128 = 1_000_000_000;

/// Converts a number of frames into nanoseconds, rounded to the nearest; a rate of 0 counts as 1 Hz.
pub fn frames_to_ns(frames: u64, rate_hz: u32) -> i64 {
    let rate = i128::from(rate_hz.max(1));
    let ns = (i128::from(frames) * NS_PER_S + rate / 2) / rate;
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// Says how many frames at the rate `to_hz` last as long as `frames` at `from_hz`, rounded to the nearest.
pub fn rescale_frames(frames: u64, from_hz: u32, to_hz: u32) -> u64 {
    let from = u128::from(from_hz.max(1));
    let scaled = (u128::from(frames) * u128::from(to_hz) + from / 2) / from;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_round_to_the_nearest_and_do_not_drift() {
        assert_eq!(frames_to_ns(480, 48_000), 10_000_000);
        assert_eq!(frames_to_ns(1, 44_100), 22_676);
        assert_eq!(frames_to_ns(44_100 * 3600, 44_100), 3_600_000_000_000);
        assert_eq!(rescale_frames(16_000, 16_000, 48_000), 48_000);
        assert_eq!(rescale_frames(147, 44_100, 48_000), 160);
        assert_eq!(rescale_frames(1, 48_000, 16_000), 0);
        assert_eq!(rescale_frames(2, 48_000, 16_000), 1);
    }

    #[test]
    fn absurd_values_saturate_instead_of_panicking() {
        assert_eq!(frames_to_ns(u64::MAX, 1), i64::MAX);
        assert_eq!(rescale_frames(u64::MAX, 1, u32::MAX), u64::MAX);
        assert_eq!(frames_to_ns(5, 0), 5_000_000_000);
        assert_eq!(rescale_frames(5, 0, 0), 0);
    }
}
