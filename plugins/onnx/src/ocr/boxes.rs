//! Makes boxes around lines of text from what a detection model says about each pixel.
//!
//! The model (differentiable binarization) is trained to answer a little less than the whole line, so that lines close to
//! each other do not touch; the boxes are grown again.

use super::geometry::{Corners, Point, TurnedBox, whole};
use super::regions::{BitMap, regions};

/// Most lines of a picture; the largest are kept.
pub(crate) const LINES_MAX: usize = 1_000;
/// Shortest side of a region, in pixels of the map, that can be text.
const REGION_SIDE_MIN: f32 = 3.0;
/// Shortest side of a line after it was grown, in pixels of the map.
const LINE_SIDE_MIN: f32 = 5.0;

/// How likely each pixel belongs to text, line by line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextMap<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) probabilities: &'a [f32],
}

/// What makes a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BoxRules {
    /// From this probability on a pixel is text.
    pub(crate) pixel_min: f32,
    /// From this mean probability on a box is a line.
    pub(crate) score_min: f32,
    /// How far a box is grown: this times its area, divided by its circumference.
    pub(crate) grow: f32,
}

/// A line of text in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FoundLine {
    pub(crate) corners: Corners,
    /// Mean probability inside the box before it was grown, 0 to 1.
    pub(crate) score: f32,
}

/// The lines of a picture, in pixels of the map. Empty when the map is not as long as it says.
pub(crate) fn find_lines(map: TextMap<'_>, rules: BoxRules) -> Vec<FoundLine> {
    if map.width.checked_mul(map.height) != Some(map.probabilities.len()) {
        return Vec::new();
    }
    let bits: Vec<bool> = map.probabilities.iter().map(|probability| *probability >= rules.pixel_min).collect();
    let area_min = whole(REGION_SIDE_MIN * REGION_SIDE_MIN) as usize;
    let found = regions(&BitMap { width: map.width, bits: &bits }, area_min, LINES_MAX);
    found.into_iter().filter_map(|mut region| line(map, rules, &mut region.outline)).collect()
}

fn line(map: TextMap<'_>, rules: BoxRules, outline: &mut [Point]) -> Option<FoundLine> {
    let tight = TurnedBox::around(outline)?;
    if tight.shorter_side() < REGION_SIDE_MIN {
        return None;
    }
    let score = mean_inside(map, &tight)?;
    if score < rules.score_min || score.is_nan() {
        return None;
    }
    let grown = tight.grown(rules.grow * tight.area() / (2.0 * (tight.width + tight.height)));
    (grown.shorter_side() >= LINE_SIDE_MIN).then(|| FoundLine { corners: grown.corners(), score })
}

/// Mean of the map over the pixels whose middle is inside a box.
fn mean_inside(map: TextMap<'_>, area: &TurnedBox) -> Option<f32> {
    let corners = area.corners().0;
    let low = |of: fn(&Point) -> f32| whole(corners.iter().map(of).fold(f32::MAX, f32::min)) as usize;
    let high = |of: fn(&Point) -> f32| whole(corners.iter().map(of).fold(0.0, f32::max).ceil()) as usize;
    let (left, right) = (low(|corner| corner.x), high(|corner| corner.x).min(map.width));
    let (top, bottom) = (low(|corner| corner.y), high(|corner| corner.y).min(map.height));
    let (mut mean, mut count) = (0.0, 0.0);
    let lines = map.probabilities.chunks(map.width.max(1)).enumerate().take(bottom).skip(top);
    for (y, line) in lines {
        for (x, probability) in line.iter().enumerate().take(right).skip(left) {
            if area.holds(Point::new(x as f32 + 0.5, y as f32 + 0.5)) {
                count += 1.0;
                mean += (probability - mean) / count;
            }
        }
    }
    (count > 0.0).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: BoxRules = BoxRules { pixel_min: 0.3, score_min: 0.5, grow: 1.6 };

    /// A map with rectangles `(left, top, width, height, probability)` on nothing.
    fn map_of(size: (usize, usize), rectangles: &[(usize, usize, usize, usize, f32)]) -> Vec<f32> {
        let mut map = vec![0.01; size.0 * size.1];
        for (left, top, width, height, probability) in rectangles {
            for y in *top..top + height {
                map[y * size.0 + left..][..*width].fill(*probability);
            }
        }
        map
    }

    fn find(size: (usize, usize), probabilities: &[f32]) -> Vec<FoundLine> {
        find_lines(TextMap { width: size.0, height: size.1, probabilities }, RULES)
    }

    #[test]
    fn line_is_found_and_grown_back_to_its_size() {
        let map = map_of((100, 40), &[(20, 10, 40, 10, 0.9)]);
        let found = find((100, 40), &map);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!((found[0].score - 0.9).abs() < 1e-4);
        // 1.6 * 400 / 100 on every side.
        let expected = [(13.6, 3.6), (66.4, 3.6), (66.4, 26.4), (13.6, 26.4)];
        for (corner, (x, y)) in found[0].corners.0.iter().zip(expected) {
            assert!((*corner - Point::new(x, y)).length() < 0.01, "{found:?}");
        }
    }

    #[test]
    fn specks_pale_regions_and_numbers_that_are_none_are_no_lines() {
        let pale = map_of((60, 30), &[(5, 5, 20, 8, 0.4)]);
        assert_eq!(find((60, 30), &pale), []);
        let specks = map_of((60, 30), &[(5, 5, 2, 2, 0.9), (20, 5, 30, 2, 0.9)]);
        assert_eq!(find((60, 30), &specks), []);
        assert_eq!(find((60, 30), &[f32::NAN; 1800]), []);
        let mut mixed = map_of((60, 30), &[(5, 5, 20, 8, 0.9)]);
        mixed[8 * 60 + 10] = f32::NAN;
        assert_eq!(find((60, 30), &mixed), [], "a mean with a hole is none");
        assert_eq!(find((60, 30), &[f32::INFINITY; 1800]), []);
    }

    #[test]
    fn map_of_another_length_than_it_says_holds_nothing() {
        assert_eq!(find((60, 30), &[0.9; 1799]), []);
        assert_eq!(find((usize::MAX, 2), &[0.9; 8]), []);
        assert_eq!(find((0, 0), &[]), []);
    }

    #[test]
    fn picture_full_of_specks_gives_no_more_lines_than_are_kept() {
        let size = (600, 400);
        let rectangles: Vec<_> = (0..60 * 40).map(|i| (i % 60 * 10, i / 60 * 10, 6, 6, 0.9)).collect();
        assert_eq!(find(size, &map_of(size, &rectangles)).len(), LINES_MAX);
    }

    proptest! {
        #[test]
        fn every_line_that_was_drawn_apart_is_found_around_its_middle(
            lines in prop::collection::vec((0_usize..40, 8_usize..60, 4_usize..10), 1..8),
        ) {
            let size = (128, 30 * lines.len());
            let drawn: Vec<_> = lines.iter().enumerate()
                .map(|(row, (left, width, height))| (*left, row * 30 + 10, *width, *height, 0.8)).collect();
            let mut found = find(size, &map_of(size, &drawn));
            found.sort_by(|a, b| a.corners.center().y.total_cmp(&b.corners.center().y));
            prop_assert_eq!(found.len(), drawn.len());
            for (line, (left, top, width, height, _)) in found.iter().zip(drawn) {
                let middle = Point::new((2 * left + width) as f32 / 2.0, (2 * top + height) as f32 / 2.0);
                prop_assert!((line.corners.center() - middle).length() < 0.1, "{:?}", line);
                prop_assert!(line.corners.width() > width as f32 && line.corners.height() > height as f32);
            }
        }
    }
}
