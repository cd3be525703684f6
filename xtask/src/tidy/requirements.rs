//! Every requirement that holds today has a test that carries its name.
//!
//! Code that must not compile cannot be a test function. It is an example in the docs that is marked `compile_fail`,
//! under a sentence with the requirement in brackets.

use super::Source;

/// The rows that have to be shown by now.
const ROWS: [&str; 29] = [
    "f1", "f2", "f3", "f6", "f7", "f8", "f10", "f11", "f12", "f14", "f17", "f18", "f19", "f20", "f22", "f23", "f24",
    "f26", "f27", "f28", "r2", "r3", "r6", "r7", "r8", "r9", "r10", "r11", "r1",
];

/// Lines between the sentence and its example.
const LINES_BETWEEN_MAX: usize = 3;

/// Rows without a test.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let is_shown = |row: &str| sources.iter().any(|source| has_test_of(source, row) || has_example_of(source, row));
    let missing = ROWS.iter().filter(|row| !is_shown(row));
    missing
        .map(|row| format!("requirement {}: no test has a name that starts with `{row}_`", row.to_uppercase()))
        .collect()
}

/// Whether a file has a test whose name starts with the row.
fn has_test_of(source: &Source, row: &str) -> bool {
    let start = format!("{row}_");
    source.tests().iter().any(|name| name.starts_with(&start))
}

/// Whether a file has an example for the row that must not compile.
fn has_example_of(source: &Source, row: &str) -> bool {
    let sentence = format!("(requirement {})", row.to_uppercase());
    let docs: Vec<&str> = source.text.lines().map(str::trim_start).collect();
    docs.windows(LINES_BETWEEN_MAX).any(|lines| {
        let (first, rest) = (lines.first(), lines.get(1..).unwrap_or_default());
        let is_named = first.is_some_and(|line| line.starts_with("///") && line.contains(&sentence));
        is_named && rest.iter().any(|line| line.starts_with("/// ```compile_fail"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_test_counts_for_its_row() {
        let table = [
            ("#[test]\nfn f1_x() {}", true),
            ("#[test]\n#[cfg(unix)]\nfn f1_x() {}", true),
            ("fn f1_x() {}", false),
            ("#[test]\nfn other() {}\nfn f1_x() {}", false),
            ("#[test]\nfn f14_x() {}", false),
            ("// #[test]\n// fn f1_x() {}", false),
        ];
        for (text, expected) in table {
            assert_eq!(has_test_of(&Source::new("a.rs", text), "f1"), expected, "{text}");
        }
    }

    #[test]
    fn example_that_must_not_compile_counts_for_the_row_above_it() {
        let table = [
            ("/// No (requirement F2):\n///\n/// ```compile_fail,E0616\n/// x", true),
            ("/// No (requirement F28):\n///\n/// ```compile_fail\n/// x", false),
            ("/// Yes (requirement F2):\n///\n/// ```\n/// x", false),
            ("// (requirement F2):\n//\n// ```compile_fail\n// x", false),
        ];
        for (text, expected) in table {
            assert_eq!(has_example_of(&Source::new("a.rs", text), "f2"), expected, "{text}");
        }
    }

    #[test]
    fn a_row_without_a_test_is_named() {
        let broken = check(&[Source::new("a.rs", "#[test]\nfn f1_x() {}")]);
        assert_eq!(broken.len(), ROWS.len() - 1);
        assert!(broken.iter().any(|broken| broken.starts_with("requirement R11:")));
    }
}
