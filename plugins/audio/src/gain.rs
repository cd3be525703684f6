//! `audio.gain`: makes sound louder or softer, in place.

use graphmill_plugin_sdk::prelude::*;

/// Gains beyond this (120 dB) are a mistake in the params, not a wish.
const FACTOR_MAX: f32 = 1.0e6;

/// Params of `audio.gain`: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1, "examples" = [{ "db": -6 }, { "factor": 0.5 }]))]
pub(crate) struct GainParams {
    /// Factor for every sample: 1 leaves the sound as it is, a negative one turns its phase.
    factor: Option<f32>,
    /// The same in decibels: 0 leaves the sound as it is, -6 halves it.
    db: Option<f32>,
}

/// Multiplies all samples by one factor.
#[derive(Debug)]
pub(crate) struct Gain {
    factor: f32,
}

impl Node for Gain {
    type Params = GainParams;

    fn kind() -> Kind {
        Kind::new("audio.gain")
            .title("Gain")
            .description("Makes sound louder or softer; works in place where nobody else holds the packet.")
            .input("in", "audio f32")
            .output("out", "audio f32")
            .capability("in_place")
    }

    fn create(params: GainParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self { factor: factor_from(params.factor, params.db).map_err(Error::invalid)? })
    }

    fn update(&mut self, params: GainParams, _cx: &mut Context<'_>) -> Result<()> {
        self.factor = factor_from(params.factor, params.db).map_err(Error::invalid)?;
        Ok(())
    }
}

impl Processor for Gain {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        apply(cx.samples_mut::<f32>(packet)?, self.factor);
        cx.emit(0, packet)
    }
}

/// Works out the factor from the two ways of giving it.
fn factor_from(factor: Option<f32>, db: Option<f32>) -> Result<f32, &'static str> {
    let factor = match (factor, db) {
        (Some(_), Some(_)) => return Err("give `factor` or `db`, not both"),
        (Some(factor), None) => factor,
        (None, Some(db)) => 10.0_f32.powf(db / 20.0),
        (None, None) => return Err("give `factor` (1 leaves the sound as it is) or `db` (0 does)"),
    };
    if factor.is_finite() && factor.abs() <= FACTOR_MAX {
        Ok(factor)
    } else {
        Err("the gain must be a number of at most 120 dB")
    }
}

/// Multiplies every sample.
fn apply(samples: &mut [f32], factor: f32) {
    for sample in samples {
        *sample *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_and_factors_mean_the_same() {
        assert_eq!(factor_from(Some(0.5), None), Ok(0.5));
        assert_eq!(factor_from(Some(-1.0), None), Ok(-1.0));
        assert_eq!(factor_from(None, Some(0.0)), Ok(1.0));
        let half = factor_from(None, Some(-6.0206)).unwrap();
        assert!((half - 0.5).abs() < 1e-5, "{half}");
    }

    #[test]
    fn a_gain_that_is_missing_double_or_absurd_is_refused() {
        for (factor, db) in [
            (None, None),
            (Some(1.0), Some(0.0)),
            (Some(f32::NAN), None),
            (Some(f32::INFINITY), None),
            (None, Some(1000.0)),
        ] {
            assert!(factor_from(factor, db).is_err(), "{factor:?} {db:?}");
        }
    }

    #[test]
    fn every_sample_is_multiplied() {
        let mut samples = [1.0, -0.5, 0.0];
        apply(&mut samples, -2.0);
        assert_eq!(samples, [-2.0, 1.0, 0.0]);
    }
}
