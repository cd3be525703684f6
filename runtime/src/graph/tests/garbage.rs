//! Whatever the input is, there is an answer and no panic.

use proptest::prelude::*;
use serde_json::json;

use super::{env, kinds};
use crate::graph::{FileType, Graph, GraphSpec, LinkSpec, WhenFull};

const TYPES: [FileType; 3] = [FileType::Toml, FileType::Json, FileType::Json5];

/// Reads, builds and renders; the result does not matter.
fn try_text(text: &str) {
    for file_type in TYPES {
        let built =
            GraphSpec::parse(text, "garbage", file_type).and_then(|sourced| sourced.build_with_env(&kinds(), &env));
        match built {
            Ok(graph) => {
                let _ = (graph.to_dot(), graph.to_mermaid());
            }
            Err(error) => {
                let _ = (error.render(true), error.render(false), error.to_json());
            }
        }
    }
    if let Err(error) = GraphSpec::parse_launch(text).and_then(|sourced| sourced.build_with_env(&kinds(), &env)) {
        let _ = (error.render(false), error.to_json());
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    for depth in [60, 65, 100, 600, 100_000] {
        for (open, close) in [("[", "]"), ("{a:", "}"), ("{a=", "}"), ("{\"a\":", "}")] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            try_text(&value);
            try_text(&format!("nodes.a.params.x = {value}"));
            try_text(&format!("k x={value}"));
            try_text(&format!("{{ nodes: {{ a: {{ kind: 'k', params: {{ x: {value} }} }} }} }}"));
        }
        try_text(&format!("{}a = 1", "a.".repeat(depth)));
        try_text(&format!("[{}a]", "a.".repeat(depth)));
    }
}

#[test]
fn nesting_just_below_the_limit_is_read() {
    let value = format!("{}1{}", "[".repeat(59), "]".repeat(59));
    let toml = format!("nodes.a = {{ kind = \"k\", params = {{ x = {value} }} }}");
    GraphSpec::parse(&toml, "g", FileType::Toml).unwrap();
    let json5 = format!("{{ nodes: {{ a: {{ kind: 'k', params: {{ x: {value} }} }} }} }}");
    GraphSpec::parse(&json5, "g", FileType::Json5).unwrap();
}

/// Pieces of graph files, so that garbage gets past the first checks.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "links",
        "nodes",
        "inlets",
        "defaults",
        "kind",
        "params",
        "tick",
        "a",
        "b",
        "mic",
        "=",
        ":",
        ".",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\n",
        " ",
        "->",
        "!",
        "wav.source",
        "audio.gain",
        "rnnoise",
        "\"a -> b\"",
        "from",
        "to",
        "credits",
        "when_full",
        "\"drop-oldest\"",
        "1",
        "-1",
        "1e400",
        "0x",
        "é",
        "\u{0}",
        "\u{feff}",
        "//",
        "/*",
        "#",
        "path=",
        "${X}",
        "name=a",
        "\\",
        "any",
        "\"audio f32\"",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A graph of gains with random links; cycles, self-links and options included.
fn tangles() -> impl Strategy<Value = Vec<(usize, usize, bool, Option<u32>)>> {
    prop::collection::vec((0..6_usize, 0..6_usize, any::<bool>(), prop::option::weighted(0.2, 0..70_u32)), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_characters_never_panic(text in "\\PC{0,200}") {
        try_text(&text);
    }

    #[test]
    fn random_pieces_of_graph_files_never_panic(text in pieces()) {
        try_text(&text);
    }

    #[test]
    fn a_valid_file_with_one_change_never_panics(at in 0_usize..400, piece in pieces()) {
        let mut text = include_str!("refused/wrong_params_are_all_reported_at_their_places.toml").to_owned();
        let at = at.min(text.len());
        text.insert_str(at, &piece);
        try_text(&text);
    }

    #[test]
    fn a_tangle_is_either_refused_or_in_order(links in tangles()) {
        let mut builder = Graph::builder().inlet("src", "any");
        for node in 0..6 {
            builder = builder.node(format!("n{node}"), "audio.gain", json!({})).link("src", format!("n{node}"));
        }
        for (from, to, drops, credits) in &links {
            let mut link = LinkSpec::new(format!("n{from}"), format!("n{to}"));
            if *drops {
                link = link.with_when_full(WhenFull::DropOldest);
            }
            if let Some(credits) = credits {
                link = link.with_credits(*credits);
            }
            builder = builder.link_with(link);
        }
        if let Ok(graph) = builder.build(&kinds()) {
            prop_assert_eq!(graph.nodes().len(), 7);
            for link in graph.links() {
                if link.is_feedback() {
                    prop_assert!(link.when_full().drops() || link.credits().is_some());
                } else {
                    prop_assert!(link.from().node < link.to().node, "{}", graph.link_text(link));
                }
            }
        }
    }
}
