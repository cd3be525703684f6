//! What several runs of the same say together.

use std::fmt;

/// The smallest, the middle and the largest of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of some figures; `None` when there are none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().filter(|figure| figure.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let is_even = sorted.len().is_multiple_of(2);
        let lower = if is_even { *sorted.get(middle - 1)? } else { upper };
        Some(Self { min, median: f64::midpoint(lower, upper), max })
    }
}

/// `median (min–max)`, each with three digits that count.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, median, max } = *self;
        write!(f, "{} ({}–{})", three_digits(median), three_digits(min), three_digits(max))
    }
}

/// A figure with about three digits that count, and separators in large ones.
pub(crate) fn three_digits(figure: f64) -> String {
    match figure.abs() {
        size if size < 0.1 => format!("{figure:.3}"),
        size if size < 10.0 => format!("{figure:.2}"),
        size if size < 100.0 => format!("{figure:.1}"),
        _ => separated(&format!("{figure:.0}")),
    }
}

/// A whole number with a comma before each three digits.
fn separated(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = |figures: &[f64]| Spread::of(figures.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0]), Some(Spread { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[f64::NAN, 1.0]).map(|spread| spread.max), Some(1.0), "a run without packets says nothing");
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        let table = [
            (0.012_34, "0.012"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.0, "1,234"),
            (1_234_567.0, "1,234,567"),
        ];
        for (figure, expected) in table {
            assert_eq!(three_digits(figure), expected);
        }
        let spread = Spread { min: 0.5, median: 20.0, max: 3000.0 };
        assert_eq!(spread.to_string(), "20.0 (0.50–3,000)");
    }
}
