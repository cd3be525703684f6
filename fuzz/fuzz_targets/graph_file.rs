//! A graph in every language that a person can write one in: read, checked, drawn or explained.
#![no_main]

use graphmill::graph::{FileType, Graph, GraphError, GraphSpec, KindInfo, Manifest, SourcedSpec};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

/// Kinds of every role, with params, templates and several pins.
static KINDS: LazyLock<Vec<Arc<KindInfo>>> =
    LazyLock::new(|| Manifest::parse(include_str!("kinds.json")).expect("a sound manifest").into_kinds(None));

fn env(name: &str) -> Option<String> {
    (name == "SPEECH").then(|| "speech".to_owned())
}

fuzz_target!(|text: &str| {
    // Two languages each: a text of the other two would only be refused at its first character.
    if text.trim_start().starts_with('{') {
        check(GraphSpec::parse(text, "graph", FileType::Json));
        check(GraphSpec::parse(text, "graph", FileType::Json5));
    } else {
        check(GraphSpec::parse(text, "graph", FileType::Toml));
        check(GraphSpec::parse_launch(text));
    }
});

fn check(read: Result<SourcedSpec, GraphError>) {
    match read.and_then(|sourced| sourced.build_with_env(&*KINDS, &env)) {
        Ok(graph) => check_graph(&graph),
        Err(error) => {
            assert!(!error.render(true).is_empty() && !error.to_json().is_null());
        }
    }
}

/// What the executor relies on: a link leads forward, unless it is feedback that cannot hold up the end.
fn check_graph(graph: &Graph) {
    for link in graph.links() {
        let leads_forward = link.from().node < link.to().node;
        assert!(leads_forward || link.is_feedback(), "{}", graph.link_text(link));
        assert!(!link.is_feedback() || link.when_full().drops() || link.credits().is_some());
    }
    assert!(!graph.to_dot().is_empty() && !graph.to_mermaid().is_empty());
}
