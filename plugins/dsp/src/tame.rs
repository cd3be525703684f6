//! Samples that no arithmetic can be trusted with.

/// The sample if it is a number within `limit`, the nearest bound if it is beyond it, and silence if it is no number.
///
/// Transforms turn one sample without end into a whole block of samples that are no numbers, and some libraries panic
/// over those.
#[inline]
pub fn tame(sample: f32, limit: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-limit, limit) } else { 0.0 }
}

/// Whether [`tame`] would leave every sample as it is.
#[inline]
pub fn is_tame(samples: &[f32], limit: f32) -> bool {
    // A comparison with something that is no number is false.
    samples.iter().all(|sample| sample.abs() <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tame_samples_stay_and_wild_ones_do_not() {
        let table = [(0.5, 0.5), (-2.0, -2.0), (5.0, 4.0), (-1e38, -4.0), (f32::NAN, 0.0), (f32::NEG_INFINITY, 0.0)];
        for (sample, expected) in table {
            assert_eq!(tame(sample, 4.0), expected, "{sample}");
            assert_eq!(is_tame(&[0.0, sample], 4.0), sample == expected, "{sample}");
        }
    }
}
