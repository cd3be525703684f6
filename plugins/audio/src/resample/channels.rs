//! Brings interleaved sound from one number of channels to another.

/// How the channels of the input become those of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelMap {
    /// As many as before.
    Keep,
    /// The mean of all channels, so that nothing can clip.
    ToMono {
        /// Channels of the input.
        from: usize,
    },
    /// The single channel on each of the output's channels.
    FromMono {
        /// Channels of the output.
        to: usize,
    },
}

impl ChannelMap {
    /// Chooses the map; `None` where neither side is mono and the two differ.
    pub(crate) fn between(from: usize, to: usize) -> Option<Self> {
        match (from, to) {
            (0, _) | (_, 0) => None,
            (from, to) if from == to => Some(Self::Keep),
            (from, 1) => Some(Self::ToMono { from }),
            (1, to) => Some(Self::FromMono { to }),
            _ => None,
        }
    }

    /// The mapped samples: those given, or new ones in `scratch`, whose memory is used again and again.
    pub(crate) fn apply<'a>(self, samples: &'a [f32], scratch: &'a mut Vec<f32>) -> &'a [f32] {
        scratch.clear();
        match self {
            Self::Keep => return samples,
            Self::ToMono { from } => {
                let share = 1.0 / from as f32;
                let means = samples.chunks_exact(from).map(|frame| frame.iter().sum::<f32>() * share);
                scratch.extend(means);
            }
            Self::FromMono { to } => {
                let copies = samples.iter().flat_map(|sample| std::iter::repeat_n(*sample, to));
                scratch.extend(copies);
            }
        }
        scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(from: usize, to: usize, samples: &[f32]) -> Option<Vec<f32>> {
        let mut scratch = vec![9.0];
        Some(ChannelMap::between(from, to)?.apply(samples, &mut scratch).to_vec())
    }

    #[test]
    fn channels_are_averaged_copied_or_kept() {
        let table: [(usize, usize, &[f32], &[f32]); 4] = [
            (2, 2, &[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]),
            (2, 1, &[1.0, 2.0, 3.0, 5.0], &[1.5, 4.0]),
            (4, 1, &[1.0, 1.0, 1.0, 1.0], &[1.0]),
            (1, 2, &[1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]),
        ];
        for (from, to, samples, expected) in table {
            assert_eq!(map(from, to, samples).as_deref(), Some(expected), "{from} to {to}");
        }
    }

    #[test]
    fn maps_without_a_mono_side_are_refused() {
        for (from, to) in [(2, 6), (6, 2), (0, 1), (1, 0)] {
            assert_eq!(ChannelMap::between(from, to), None, "{from} to {to}");
        }
    }
}
