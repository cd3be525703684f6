//! Puts the lines of a picture into the order in which they are read.

use super::boxes::FoundLine;
use super::geometry::Point;

/// Share of the lower of two boxes by which their middles may differ in height in one row.
const ROW_SHIFT_MAX: f32 = 0.5;

/// Sorts lines from top to bottom, and those of one row from left to right, as their page is turned.
///
/// Columns are not known: two columns are read across.
pub(crate) fn in_reading_order(lines: Vec<FoundLine>) -> Vec<FoundLine> {
    let page = Page::of(&lines);
    let mut placed: Vec<(Point, FoundLine)> = lines.into_iter().map(|line| (page.place(&line), line)).collect();
    // What is left of the place decides between equals, so that the order of the input never does.
    placed.sort_by(|(a, _), (b, _)| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    let mut rest = placed.as_mut_slice();
    while let Some(first) = rest.first().copied() {
        let count = rest.iter().take_while(|next| are_in_a_row(&first, next)).count().max(1);
        let (row, below) = rest.split_at_mut(count);
        row.sort_by(|(a, _), (b, _)| a.x.total_cmp(&b.x));
        rest = below;
    }
    placed.into_iter().map(|(_, line)| line).collect()
}

/// How a page lies in its picture.
#[derive(Debug, Clone, Copy)]
struct Page {
    /// Of length 1: where its lines run to.
    along: Point,
}

impl Page {
    /// The mean of all lines, in which long ones count more.
    fn of(lines: &[FoundLine]) -> Self {
        let sum = lines.iter().fold(Point::default(), |sum, line| sum + line.corners.across());
        let length = sum.length();
        Self { along: if length > 0.0 { sum * length.recip() } else { Point::new(1.0, 0.0) } }
    }

    /// The middle of a line, as if the page lay straight.
    fn place(self, line: &FoundLine) -> Point {
        let center = line.corners.center();
        Point::new(center.dot(self.along), center.dot(self.along.turned()))
    }
}

/// Whether a line stands beside the topmost one of a row.
fn are_in_a_row(first: &(Point, FoundLine), line: &(Point, FoundLine)) -> bool {
    let height = first.1.corners.height().min(line.1.corners.height());
    line.0.y - first.0.y <= ROW_SHIFT_MAX * height
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

    #[test]
    fn page_that_is_turned_is_read_as_if_it_lay_straight() {
        // Beginnings and ends of lines differ, so that their middles are far from each other.
        let widths = [300.0, 80.0, 420.0, 40.0, 250.0];
        let straight: Vec<_> =
            (0_u16..5).zip(widths).map(|(row, width)| line(50.0, f32::from(row) * 30.0, width, 12.0)).collect();
        for degrees in [-40.0_f32, -7.0, 3.0, 30.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let turn = |corner: Point| Point::new(corner.x * cos - corner.y * sin, corner.x * sin + corner.y * cos);
            let turned: Vec<_> = straight
                .iter()
                .map(|line| FoundLine { corners: Corners(line.corners.0.map(turn)), score: 1.0 })
                .collect();
            let mixed = [3, 0, 4, 2, 1].map(|at| turned[at]).to_vec();
            assert_eq!(in_reading_order(mixed), turned, "{degrees}");
        }
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
