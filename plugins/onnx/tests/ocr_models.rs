//! The example that reads a picture, with the real models. They have to be on this machine: `cargo xtask test-models`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use graphmill::{GraphSpec, Outcome, Runtime, SessionReport};
use graphmill_models::Store;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(300);
/// Share of letters that may be read wrongly.
const ERRORS_MAX: f64 = 0.02;

/// What stands in the picture; a line below it that the picture cuts through is not found.
const PAGE: [&str; 7] = [
    "Region-based segmentation",
    "Let us first determine markers of the coins and the",
    "background. These markers are pixels that we can label",
    "unambiguously as either object or background. Here,",
    "the markers are found at the two extreme parts of the",
    "histogram of grey values:",
    ">>> markers = np.zeros_like(coins)",
];

/// Runs the example in a folder of its own on a picture; gives the lines that it wrote.
fn read(picture: &Path) -> (Vec<Value>, SessionReport) {
    let folder = tempfile::tempdir().unwrap();
    let example = folder.path().join("ocr.toml");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ocr.toml"), &example).unwrap();
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_image::module()).unwrap();
    runtime.plugins().link(graphmill_onnx::module()).unwrap();
    runtime.plugins().link(graphmill_text::module()).unwrap();
    let env = |name: &str| (name == "PAGE").then(|| picture.to_str().unwrap().to_owned());
    let graph = GraphSpec::load(&example).unwrap().build_with_env(runtime.plugins(), &env).unwrap();
    let report = runtime.start(&graph).unwrap().wait_timeout(LONG).unwrap();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    let lines = fs::read_to_string(folder.path().join("out/ocr.jsonl")).unwrap();
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), report)
}

fn stored(model: &str, file: &str) -> std::path::PathBuf {
    let file = Store::open().and_then(|store| store.file(model, file)).unwrap_or_else(|error| panic!("{error}"));
    file.verify().unwrap_or_else(|error| panic!("{error}"));
    file.path
}

/// Insertions, deletions and changes that make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (done, letter) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], done + 1);
        for at in 0..b.len() {
            let changed = corner + usize::from(b[at] != letter);
            corner = row[at + 1];
            row[at + 1] = changed.min(corner + 1).min(row[at] + 1);
        }
    }
    row[b.len()]
}

#[test]
fn page_is_read_line_by_line_with_few_wrong_letters() {
    let (lines, report) = read(&stored("printed-pages", "page.png"));
    assert_eq!(report.nodes.iter().map(|node| node.errors).sum::<u64>(), 0, "{report:#?}");
    let lines: Vec<_> = lines.iter().map(|line| &line["body"]).collect();
    let texts: Vec<_> = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
    let (found, expected) = (texts.join("\n"), PAGE.join("\n"));
    let (errors, letters) = (distance(&found, &expected), expected.chars().count());
    let said =
        format!("{errors} of {letters} letters are wrong ({:.2} %):\n{found}", 100.0 * errors as f64 / letters as f64);
    println!("{said}");
    assert!(errors as f64 <= ERRORS_MAX * letters as f64, "{said}");
    assert!(lines.iter().all(|line| line["score"].as_f64().unwrap() > 0.5 && line["page"] == 0), "{lines:#?}");
    assert!(lines.iter().all(|line| line["source"].as_str().unwrap().ends_with("page.png")), "{lines:#?}");
}

#[test]
fn distance_counts_the_changes_between_two_texts() {
    let table =
        [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0), ("ab", "ba", 2)];
    for (a, b, expected) in table {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}
