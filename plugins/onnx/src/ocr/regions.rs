//! Finds what hangs together in a map of yes and no.

use super::geometry::Point;

/// A map of one bit per pixel, line by line.
#[derive(Debug)]
pub(crate) struct BitMap<'a> {
    pub(crate) width: usize,
    pub(crate) bits: &'a [bool],
}

/// A group of pixels that touch each other, by a side or by a corner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Region {
    /// Pixels in it.
    pub(crate) area: usize,
    /// Corners of its outermost pixels in each line: enough to know how far it reaches in any direction.
    pub(crate) outline: Vec<Point>,
}

/// Neighbouring pixels of one line that are set.
#[derive(Debug, Clone, Copy)]
struct Run {
    line: usize,
    start: usize,
    end: usize,
}

/// The largest regions, at most `count_max` of them, none smaller than `area_min` pixels; the largest comes first.
///
/// Takes time and memory in proportion to the map, whatever is in it.
pub(crate) fn regions(map: &BitMap<'_>, area_min: usize, count_max: usize) -> Vec<Region> {
    let runs = runs(map);
    let mut groups = Groups::new(runs.len());
    join_neighbours(&runs, &mut groups);
    let mut areas = vec![0; runs.len()];
    for (number, run) in runs.iter().enumerate() {
        if let Some(area) = areas.get_mut(groups.of(number)) {
            *area += run.end - run.start;
        }
    }
    let mut large: Vec<(usize, usize)> =
        areas.into_iter().enumerate().filter(|(_, area)| *area >= area_min.max(1)).collect();
    large.sort_by_key(|(group, area)| (std::cmp::Reverse(*area), *group));
    large.truncate(count_max);
    outlines(&runs, &mut groups, &large)
}

fn outlines(runs: &[Run], groups: &mut Groups, large: &[(usize, usize)]) -> Vec<Region> {
    let mut found: Vec<Region> = large.iter().map(|(_, area)| Region { area: *area, outline: Vec::new() }).collect();
    let mut place_of = vec![usize::MAX; runs.len()];
    for (place, (group, _)) in large.iter().enumerate() {
        if let Some(slot) = place_of.get_mut(*group) {
            *slot = place;
        }
    }
    for (number, run) in runs.iter().enumerate() {
        let place = place_of.get(groups.of(number)).copied().unwrap_or(usize::MAX);
        if let Some(region) = found.get_mut(place) {
            let (top, bottom) = (run.line as f32, (run.line + 1) as f32);
            for x in [run.start as f32, run.end as f32] {
                region.outline.extend([Point::new(x, top), Point::new(x, bottom)]);
            }
        }
    }
    found
}

fn runs(map: &BitMap<'_>) -> Vec<Run> {
    let mut runs = Vec::new();
    for (line, bits) in map.bits.chunks(map.width.max(1)).enumerate() {
        let mut start = None;
        for (x, is_set) in bits.iter().copied().chain([false]).enumerate() {
            match (start, is_set) {
                (None, true) => start = Some(x),
                (Some(first), false) => {
                    runs.push(Run { line, start: first, end: x });
                    start = None;
                }
                _ => {}
            }
        }
    }
    runs
}

/// Joins each run with those of the line above that it touches. Both lines are walked through once.
fn join_neighbours(runs: &[Run], groups: &mut Groups) {
    let mut above = 0;
    for (number, run) in runs.iter().enumerate() {
        // Runs that end before this one starts, even by a corner, touch nothing that comes later.
        while runs
            .get(above)
            .is_some_and(|old| old.line + 1 < run.line || (old.line + 1 == run.line && old.end < run.start))
        {
            above += 1;
        }
        let mut next = above;
        while let Some(old) = runs.get(next).filter(|old| old.line + 1 == run.line && old.start <= run.end) {
            if old.end >= run.start {
                groups.join(next, number);
            }
            next += 1;
        }
    }
}

/// Which things belong together (a disjoint-set forest).
#[derive(Debug)]
struct Groups(Vec<usize>);

impl Groups {
    fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    /// The thing that stands for the group of `thing`; shortens the way there.
    fn of(&mut self, thing: usize) -> usize {
        let mut thing = thing;
        loop {
            let parent = self.0.get(thing).copied().unwrap_or(thing);
            if parent == thing {
                return thing;
            }
            let grandparent = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(thing) {
                *slot = grandparent;
            }
            thing = grandparent;
        }
    }

    /// The lower number stands for both, so numbers never point upwards.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A map from lines of `#` and anything else.
    fn find(lines: &[&str], area_min: usize, count_max: usize) -> Vec<usize> {
        let bits: Vec<bool> = lines.iter().flat_map(|line| line.chars().map(|c| c == '#')).collect();
        let map = BitMap { width: lines[0].len(), bits: &bits };
        regions(&map, area_min, count_max).iter().map(|region| region.area).collect()
    }

    #[test]
    fn pixels_that_touch_by_a_corner_hang_together() {
        assert_eq!(find(&["#..", ".#.", "..#"], 1, 9), [3]);
        assert_eq!(find(&["#.#", "...", "#.#"], 1, 9), [1, 1, 1, 1]);
        assert_eq!(find(&["#..#", "#..#", "####"], 1, 9), [8], "branches that meet later are one");
        assert_eq!(find(&["##.#", "...#", "##.#"], 2, 9), [3, 2, 2]);
        assert_eq!(find(&["...", "..."], 1, 9), [0; 0]);
        assert_eq!(find(&[""], 1, 9), [0; 0]);
    }

    #[test]
    fn only_the_largest_are_kept_when_there_are_too_many() {
        assert_eq!(find(&["#.##.###.##.#"], 1, 2), [3, 2]);
        assert_eq!(find(&["#.##.###.##.#"], 2, 9), [3, 2, 2]);
        assert_eq!(find(&["###"], 1, 0), [0; 0]);
    }

    #[test]
    fn outline_reaches_to_the_far_corners_of_the_pixels() {
        let bits = [false, true, true, false, true, false];
        let found = regions(&BitMap { width: 3, bits: &bits }, 1, 9);
        let expected = [(1.0, 0.0), (1.0, 1.0), (3.0, 0.0), (3.0, 1.0), (1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (2.0, 2.0)];
        assert_eq!(found, [Region { area: 3, outline: expected.map(|(x, y)| Point::new(x, y)).to_vec() }]);
    }

    /// Areas of the regions by painting each from its first pixel on.
    fn by_painting(width: usize, bits: &[bool]) -> Vec<usize> {
        let mut left = bits.to_vec();
        let mut areas = Vec::new();
        for start in 0..bits.len() {
            let (mut waiting, mut area) = (vec![start], 0);
            while let Some(at) = waiting.pop() {
                if !std::mem::take(&mut left[at]) {
                    continue;
                }
                area += 1;
                let (x, y) = ((at % width) as isize, (at / width) as isize);
                for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
                    let (x, y) = (x + dx, y + dy);
                    let inside = (0..width as isize).contains(&x) && (0..(bits.len() / width) as isize).contains(&y);
                    if inside {
                        waiting.push(y as usize * width + x as usize);
                    }
                }
            }
            areas.extend((area > 0).then_some(area));
        }
        areas.sort_unstable_by(|a, b| b.cmp(a));
        areas
    }

    proptest! {
        #[test]
        fn regions_are_those_that_painting_finds(
            width in 1_usize..14,
            bits in prop::collection::vec(prop::bool::weighted(0.45), 0..200),
        ) {
            let whole = bits.len() / width * width;
            let map = BitMap { width, bits: &bits[..whole] };
            let areas: Vec<_> = regions(&map, 1, usize::MAX).iter().map(|region| region.area).collect();
            prop_assert_eq!(areas, by_painting(width, &bits[..whole]));
        }
    }
}
