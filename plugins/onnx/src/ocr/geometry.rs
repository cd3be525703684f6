//! Points, rectangles that may be turned, and the smallest such rectangle around points.
//!
//! Coordinates are in pixels from the top left corner; the first pixel covers 0 to 1.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

/// The whole number at or below: 0 for what is negative or no number, the largest for what is beyond.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for; nothing wraps around")]
pub(crate) fn whole(number: f32) -> u32 {
    number as u32
}

/// A place, or a way from one place to another.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

impl Point {
    pub(crate) fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// How long the way is.
    pub(crate) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }

    /// How far this goes in the direction of `other`, times the length of that.
    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Above 0 when `other` lies clockwise of this way, as seen on a screen.
    fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// The way turned by a quarter, clockwise as seen on a screen.
    pub(crate) fn turned(self) -> Self {
        Self::new(-self.y, self.x)
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Point {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// A rectangle, turned by at most an eighth to either side, so that its width runs from left to right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TurnedBox {
    center: Point,
    /// Of length 1, from the left side to the right.
    along: Point,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl TurnedBox {
    /// The smallest rectangle that holds all points, or `None` without points.
    pub(crate) fn around(points: &mut [Point]) -> Option<Self> {
        let hull = hull(points);
        let first = *hull.first()?;
        let ends = hull.iter().skip(1).chain([&first]);
        let ways = hull.iter().zip(ends).map(|(start, end)| *end - *start).filter(|way| way.length() > 0.0);
        // A single point has no sides; a box of no size is upright.
        let fits = ways.chain([Point::new(1.0, 0.0)]).map(|way| Self::fit(&hull, way * way.length().recip()));
        fits.min_by(|a, b| a.area().total_cmp(&b.area())).map(Self::upright)
    }

    /// The rectangle around points of which one side runs in direction `along`.
    fn fit(points: &[Point], along: Point) -> Self {
        let down = along.turned();
        let range = |direction: Point| {
            let places = points.iter().map(|point| point.dot(direction));
            places.fold((f32::MAX, f32::MIN), |(low, high), place| (low.min(place), high.max(place)))
        };
        let ((left, right), (top, bottom)) = (range(along), range(down));
        let center = along * ((left + right) / 2.0) + down * ((top + bottom) / 2.0);
        Self { center, along, width: right - left, height: bottom - top }
    }

    /// The same rectangle with the side that is closest to level as its width.
    fn upright(self) -> Self {
        let Self { center, along, width, height } = self;
        let (along, width, height) =
            if along.x.abs() >= along.y.abs() { (along, width, height) } else { (along.turned(), height, width) };
        Self { center, along: if along.x < 0.0 { along * -1.0 } else { along }, width, height }
    }

    pub(crate) fn area(&self) -> f32 {
        self.width * self.height
    }

    pub(crate) fn shorter_side(&self) -> f32 {
        self.width.min(self.height)
    }

    /// The rectangle with every side moved outwards.
    pub(crate) fn grown(self, distance: f32) -> Self {
        Self { width: self.width + 2.0 * distance, height: self.height + 2.0 * distance, ..self }
    }

    /// Whether a place is inside or on the border.
    pub(crate) fn holds(&self, place: Point) -> bool {
        let way = place - self.center;
        way.dot(self.along).abs() * 2.0 <= self.width && way.dot(self.along.turned()).abs() * 2.0 <= self.height
    }

    /// The corners clockwise from the top left one.
    pub(crate) fn corners(&self) -> Corners {
        let (half, down) = (self.along * (self.width / 2.0), self.along.turned() * (self.height / 2.0));
        let center = self.center;
        Corners([center - half - down, center + half - down, center + half + down, center - half + down])
    }
}

/// Four corners clockwise from the top left one; opposite sides are as long as each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Corners(pub(crate) [Point; 4]);

impl Corners {
    /// The corners of an upright rectangle that starts at the origin.
    pub(crate) fn upright(width: f32, height: f32) -> Self {
        Self([Point::new(0.0, 0.0), Point::new(width, 0.0), Point::new(width, height), Point::new(0.0, height)])
    }

    /// The corners in a picture that is `x` times as wide and `y` times as high.
    pub(crate) fn scaled(self, x: f32, y: f32) -> Self {
        Self(self.0.map(|corner| Point::new(corner.x * x, corner.y * y)))
    }

    /// The corners moved into a picture of this size.
    pub(crate) fn clamped(self, width: f32, height: f32) -> Self {
        Self(self.0.map(|corner| Point::new(corner.x.clamp(0.0, width), corner.y.clamp(0.0, height))))
    }

    /// The corners of what is read with the head laid to the left: what was on top is on the left.
    pub(crate) fn turned_left(self) -> Self {
        let [top_left, top_right, bottom_right, bottom_left] = self.0;
        Self([top_right, bottom_right, bottom_left, top_left])
    }

    /// The way along the upper side, from left to right.
    pub(crate) fn across(&self) -> Point {
        let [top_left, top_right, ..] = self.0;
        top_right - top_left
    }

    pub(crate) fn width(&self) -> f32 {
        self.across().length()
    }

    pub(crate) fn height(&self) -> f32 {
        let [top_left, _, _, bottom_left] = self.0;
        (bottom_left - top_left).length()
    }

    pub(crate) fn center(&self) -> Point {
        let [a, b, c, d] = self.0;
        (a + b + c + d) * 0.25
    }
}

/// The corners of the convex hull, one after the other; sorts the points.
fn hull(points: &mut [Point]) -> Vec<Point> {
    points.sort_unstable_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let mut hull = half_hull(points.iter());
    let back = half_hull(points.iter().rev());
    // The ends of both halves are the same two points.
    hull.pop();
    hull.extend(back.iter().take(back.len().saturating_sub(1)));
    if hull.is_empty() { points.iter().take(1).copied().collect() } else { hull }
}

fn half_hull<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut half: Vec<Point> = Vec::new();
    for &point in points {
        while let [.., before, last] = half.as_slice() {
            let turn = (*last - *before).cross(point - *last).partial_cmp(&0.0);
            if turn == Some(Ordering::Greater) {
                break;
            }
            half.pop();
        }
        half.push(point);
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(places: &[(f32, f32)]) -> Vec<Point> {
        places.iter().map(|(x, y)| Point::new(*x, *y)).collect()
    }

    fn is_near(a: Point, b: Point) -> bool {
        (a - b).length() < 1e-3
    }

    #[test]
    fn box_around_points_is_the_smallest_one() {
        let tilted = [(0.0, 0.0), (8.0, 4.0), (6.0, 8.0), (-2.0, 4.0), (3.0, 4.0)];
        let around = TurnedBox::around(&mut points(&tilted)).unwrap();
        assert!((around.width - 80_f32.sqrt()).abs() < 1e-3 && (around.height - 20_f32.sqrt()).abs() < 1e-3);
        let expected = [(0.0, 0.0), (8.0, 4.0), (6.0, 8.0), (-2.0, 4.0)].map(|(x, y)| Point::new(x, y));
        assert!(around.corners().0.into_iter().zip(expected).all(|(a, b)| is_near(a, b)), "{:?}", around.corners());
    }

    #[test]
    fn points_on_a_line_and_a_single_point_have_a_flat_box() {
        assert_eq!(TurnedBox::around(&mut []), None);
        let single = TurnedBox::around(&mut points(&[(3.0, 4.0)])).unwrap();
        assert_eq!((single.width, single.height, single.corners().center()), (0.0, 0.0, Point::new(3.0, 4.0)));
        let line = TurnedBox::around(&mut points(&[(0.0, 0.0), (5.0, 0.0), (2.0, 0.0)])).unwrap();
        assert_eq!((line.width, line.height), (5.0, 0.0));
        let same = TurnedBox::around(&mut points(&[(1.0, 1.0); 5])).unwrap();
        assert_eq!(same.area(), 0.0);
    }

    #[test]
    fn width_runs_from_left_to_right() {
        let tall = TurnedBox::around(&mut points(&[(0.0, 0.0), (2.0, 0.0), (2.0, 9.0), (0.0, 9.0)])).unwrap();
        assert_eq!((tall.width, tall.height), (2.0, 9.0));
        assert_eq!(tall.corners(), Corners::upright(2.0, 9.0));
        let turned = tall.corners().turned_left();
        assert_eq!((turned.width(), turned.height()), (9.0, 2.0));
        assert_eq!(turned.0[3], Point::new(0.0, 0.0));
    }

    proptest! {
        #[test]
        fn box_holds_its_points_and_is_no_larger_than_the_upright_one(
            places in prop::collection::vec((-500_i16..500, -500_i16..500), 1..60),
        ) {
            let mut points: Vec<_> = places.iter().map(|(x, y)| Point::new(f32::from(*x), f32::from(*y))).collect();
            let upright = TurnedBox::fit(&points, Point::new(1.0, 0.0));
            let smallest = TurnedBox::around(&mut points).unwrap();
            prop_assert!(smallest.area() <= upright.area() * 1.001 + 1e-3);
            prop_assert!(points.iter().all(|point| smallest.grown(0.1).holds(*point)), "{:?}", smallest);
            prop_assert!(smallest.along.x >= smallest.along.y.abs() - 1e-6, "{:?}", smallest);
        }

        #[test]
        fn grown_box_is_larger_by_as_much_on_every_side(width in 1_u16..900, height in 1_u16..900, by in 0_u16..90) {
            let (width, height, by) = (f32::from(width), f32::from(height), f32::from(by));
            let mut corners = Corners::upright(width, height).0.to_vec();
            let grown = TurnedBox::around(&mut corners).unwrap().grown(by);
            prop_assert!((grown.area() - (width + 2.0 * by) * (height + 2.0 * by)).abs() < 1.0);
            prop_assert!(is_near(grown.corners().center(), Point::new(width / 2.0, height / 2.0)));
        }
    }
}
