//! Puts the lines of a picture into the order in which they are read.

use super::boxes::FoundLine;

/// Share of the lower of two boxes by which their middles may differ in height in one row.
const ROW_SHIFT_MAX: f32 = 0.5;

/// Sorts lines from top to bottom, and those of one row from left to right.
///
/// Columns are not known: two columns are read across.
pub(crate) fn in_reading_order(mut lines: Vec<FoundLine>) -> Vec<FoundLine> {
    let place = |line: &FoundLine| line.corners.center();
    // What is left of the place decides between equals, so that the order of the input never does.
    lines.sort_by(|a, b| place(a).y.total_cmp(&place(b).y).then(place(a).x.total_cmp(&place(b).x)));
    let mut rest = lines.as_mut_slice();
    while let Some(first) = rest.first().copied() {
        let count = rest.iter().take_while(|line| is_in_row(&first, line)).count().max(1);
        let (row, below) = rest.split_at_mut(count);
        row.sort_by(|a, b| place(a).x.total_cmp(&place(b).x));
        rest = below;
    }
    lines
}

/// Whether a line stands beside the topmost one of a row.
fn is_in_row(first: &FoundLine, line: &FoundLine) -> bool {
    let height = first.corners.height().min(line.corners.height());
    line.corners.center().y - first.corners.center().y <= ROW_SHIFT_MAX * height
}

#[cfg(test)]
mod tests {
    use super::super::geometry::{Corners, Point, whole};
    use super::*;
    use proptest::prelude::*;

    fn line(left: f32, top: f32, width: f32, height: f32) -> FoundLine {
        let corners = Corners::upright(width, height).0.map(|corner| corner + Point::new(left, top));
        FoundLine { corners: Corners(corners), score: 1.0 }
    }

    fn places(lines: Vec<FoundLine>) -> Vec<(u32, u32)> {
        in_reading_order(lines)
            .iter()
            .map(|line| line.corners.0[0])
            .map(|corner| (whole(corner.x), whole(corner.y)))
            .collect()
    }

    #[test]
    fn rows_come_from_top_to_bottom_and_are_read_from_left_to_right() {
        let lines = [(60.0, 2.0), (0.0, 4.0), (0.0, 30.0), (70.0, 27.0), (30.0, 0.0)];
        let lines = lines.map(|(left, top)| line(left, top, 20.0, 12.0)).to_vec();
        assert_eq!(places(lines), [(0, 4), (30, 0), (60, 2), (0, 30), (70, 27)]);
    }

    #[test]
    fn small_line_beside_a_large_one_is_not_pulled_into_a_far_row() {
        let lines = vec![line(0.0, 0.0, 50.0, 60.0), line(60.0, 45.0, 20.0, 10.0), line(60.0, 2.0, 20.0, 10.0)];
        assert_eq!(places(lines), [(60, 2), (0, 0), (60, 45)]);
    }

    proptest! {
        #[test]
        fn order_depends_on_the_places_only(
            (sorted, shuffled) in prop::collection::vec((0_u16..500, 0_u16..500, 5_u16..90, 5_u16..40), 0..30)
                .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        ) {
            let lines = |sizes: Vec<(u16, u16, u16, u16)>| -> Vec<FoundLine> {
                sizes.into_iter().map(|(x, y, w, h)| line(x.into(), y.into(), w.into(), h.into())).collect()
            };
            let (a, b) = (places(lines(sorted.clone())), places(lines(shuffled)));
            prop_assert_eq!(a.len(), sorted.len());
            // Boxes with the same middle may change places; nothing else may.
            let distinct = sorted.iter().map(|(x, y, w, h)| (2 * x + w, 2 * y + h)).collect::<std::collections::HashSet<_>>();
            if distinct.len() == sorted.len() {
                prop_assert_eq!(a, b);
            }
        }
    }
}
