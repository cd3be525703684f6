//! What `run` says at the end, as it looks where people read it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use support::screen::Screen;
use support::{Lab, plugin};

/// A name that is as long as names may be, or nearly.
const LONG: &str = "hands-on-with-a-name-that-says-everything-about-what-it-does";

fn graph(names: &[String]) -> String {
    let chain = names.join(" -> ");
    let node = |name: &String| format!("nodes.{name} = {{ kind = \"flow.pass\", params = {{ fail_every = 100 }} }}\n");
    format!(
        "links = [\"count -> {chain} -> check\"]\n\
         nodes.count = {{ kind = \"flow.count\", params = {{ packets = 12345, bytes = 16 }} }}\n{}\
         nodes.check = {{ kind = \"flow.check\", params = {{ gaps = true }} }}\n",
        names.iter().map(node).collect::<String>()
    )
}

fn lab() -> Lab {
    let lab = Lab::new();
    let names: Vec<String> = (0..5).map(|at| format!("p{at}")).chain([LONG.to_owned()]).collect();
    lab.write("graph.toml", &graph(&names));
    lab
}

#[test]
fn report_on_a_narrow_terminal_has_one_line_for_each_node_and_link() {
    let lab = lab();
    let mut command = lab.graphmill();
    command.arg("--plugins").arg(plugin("graphmill-fixture-flow")).args(["run", "graph.toml"]);
    let screen = Screen::with_size(&mut command, (80, 60));
    let (code, text) = screen.end();
    assert_eq!(code, Some(0), "{text}");
    let rows: Vec<&str> = text.lines().map(str::trim_end).skip_while(|line| !line.starts_with("node ")).collect();
    // A line that did not fit would go on in a line of its own.
    let nodes: Vec<&&str> = rows.iter().take_while(|line| !line.is_empty()).collect();
    assert_eq!(nodes.len(), 1 + 8, "{text}");
    assert!(nodes.iter().skip(1).all(|line| line.ends_with(" %")), "{text}");
    assert!(nodes.iter().any(|line| line.starts_with("hands-on-with-a-name-")), "{text}");
    let links: Vec<&&str> =
        rows.iter().skip_while(|line| !line.starts_with("link ")).take_while(|line| !line.is_empty()).collect();
    assert_eq!(links.len(), 1 + 7, "{text}");
    assert!(links.iter().skip(1).all(|line| line.ends_with(" 0")), "{text}");
}

#[test]
fn report_in_a_file_says_everything_and_names_are_whole() {
    let lab = lab();
    let mut command = lab.graphmill();
    command.arg("--plugins").arg(plugin("graphmill-fixture-flow")).args(["run", "graph.toml"]);
    let shown = support::Shown::from(command.output().unwrap()).succeeds();
    let heading = shown.err.lines().find(|line| line.starts_with("node ")).unwrap();
    for column in ["kind", "state", "calls", "in", "out", "errors", "p50", "p99", "max", "in call"] {
        assert!(heading.contains(&format!(" {column}")), "{column}: {}", shown.err);
    }
    assert!(shown.err.contains(&format!("\n{LONG}  flow.pass   stopped ")), "{}", shown.err);
    assert!(shown.err.contains(&format!("\n{LONG}.out -> check.in ")), "{}", shown.err);
}

#[test]
fn workers_are_named_where_nodes_share_one() {
    let lab = Lab::new();
    lab.write("graph.toml", &graph(&["p".to_owned()]).replace("nodes.check = {", "nodes.check = { worker = \"w\","));
    let mut command = lab.graphmill();
    command.arg("--plugins").arg(plugin("graphmill-fixture-flow")).args(["run", "graph.toml"]);
    let shown = support::Shown::from(command.output().unwrap()).succeeds();
    assert!(shown.err.contains("\ncheck  flow.check  w       stopped "), "{}", shown.err);
    assert!(shown.err.contains("\np      flow.pass   own     stopped "), "{}", shown.err);
}
