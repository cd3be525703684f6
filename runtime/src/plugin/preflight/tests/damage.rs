//! Good libraries that something happened to: cut anywhere, overwritten anywhere.

use std::fs;
use std::os::unix::fs::FileExt;

use super::lab::{GOOD, Lab};
use super::raw::segments;
use crate::plugin::preflight::preflight;

/// The loader maps the segments only. Debug information, the full symbol table and the section
/// headers come behind the last segment: a file that lost some of those is accepted, and loads.
#[test]
fn library_cut_at_any_512_bytes_is_refused_or_loads() {
    let lab = Lab::new();
    let good = lab.cc("good.so", GOOD, &["-shared", "-fPIC", "-g3"]);
    let content = fs::read(&good).expect("the library is read");
    let mapped_end =
        segments(&content).iter().map(|segment| segment.offset + segment.file_len).max().expect("it has segments");
    let (mut refused, mut accepted) = (0, 0);
    for len in (0..content.len()).step_by(512) {
        let path = lab.file("cut.so", &content[..len]);
        let complete = len as u64 >= mapped_end;
        assert_eq!(preflight(&path).is_ok(), complete, "cut to {len} bytes");
        if complete {
            assert!(lab.loads(&path), "accepted, cut to {len} bytes");
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(refused > 20, "only {refused} cuts were refused");
    assert!(accepted > 20, "only {accepted} cuts were accepted");
}

#[test]
fn library_cut_at_the_edges_of_its_segments_is_refused_or_loads() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let ends: Vec<u64> = segments(&content).iter().map(|segment| segment.offset + segment.file_len).collect();
    let last = *ends.iter().max().expect("it has segments");
    for end in ends.into_iter().filter(|end| *end > 0) {
        for len in [end - 1, end] {
            let cut = usize::try_from(len).expect("a place in the file");
            let path = lab.file("cut.so", &content[..cut]);
            assert_eq!(preflight(&path).is_ok(), len >= last, "{len} of {last}");
            assert!(len < last || lab.loads(&path), "accepted, cut to {len}");
        }
    }
}

#[test]
fn cut_library_is_told_what_is_missing() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let load = segments(&content)
        .into_iter()
        .find(|segment| segment.kind == 1 && segment.offset > 0)
        .expect("a second loadable segment");
    let end = load.offset + load.file_len;
    let program_headers_end = 64 + segments(&content).len() as u64 * 56;
    let cases = [
        (40, "the ELF header", 64),
        (100, "the program header table", program_headers_end),
        (load.offset + 1, "a loadable segment", end),
    ];
    for (size, what, end) in cases {
        let cut = usize::try_from(size).expect("a place in the file");
        let path = lab.file("cut.so", &content[..cut]);
        let error = preflight(&path).expect_err(what);
        let expected = format!(
            "plugin file {path:?} is cut short: {what} ends at byte {end} and the file at {size}; \
             copy or build it again"
        );
        assert_eq!(error.to_string(), expected);
    }
}

/// A small generator (splitmix64), so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("smaller than the limit")
    }
}

/// Overwrites up to eight bytes of a good library again and again, and looks at each result.
fn overwrite(seed: u64, rounds: u32, reach: usize) {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let path = lab.file("hostile.so", &content);
    let file = fs::File::options().write(true).open(&path).expect("opens");
    let mut random = Random(seed);
    let reach = reach.min(content.len());
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..rounds {
        let start = random.below(reach);
        let end = (start + 1 + random.below(8)).min(reach);
        let mut patch = content[start..end].to_vec();
        match random.below(3) {
            0 => patch[0] ^= 1 << random.below(8),
            1 => patch.fill(0xff),
            _ => patch.iter_mut().for_each(|b| *b = random.next().to_le_bytes()[0]),
        }
        file.write_all_at(&patch, start as u64).expect("written");
        let told = std::panic::catch_unwind(|| preflight(&path));
        let told = told.unwrap_or_else(|_| panic!("seed {seed} round {round}: {start} {patch:?}"));
        match told {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert!(error.to_string().contains("hostile.so"), "{error}");
                refused += 1;
            }
        }
        file.write_all_at(&content[start..end], start as u64).expect("restored");
    }
    assert!(preflight(&path).is_ok(), "seed {seed}: not restored");
    assert!(accepted > 100 && refused > 100, "seed {seed}: {accepted} {refused}");
}

#[test]
fn overwritten_bytes_in_the_first_four_kibibytes_never_panic() {
    overwrite(0x6772_6170_686d, 20_000, 4096);
}

#[test]
fn overwritten_bytes_anywhere_never_panic() {
    overwrite(0x696c_6c21, 20_000, usize::MAX);
}
