use std::time::Duration;

use serde_json::json;

use super::{accept, build, kinds, order};
use crate::graph::{
    Deadlines, FileType, Graph, GraphSpec, LateTicks, LinkSpec, NodeRole, NodeSpec, TickSpec, WhenFull,
};

const TOML: &str = r#"
name = "clean"
links = ["mic -> wide -> clean.in", { from = "clean", to = "file", capacity = 8, when_full = "drop-oldest" }]

[nodes.mic]
kind = "wav.source"
params = { path = "a.wav", pace = "asap" }

[nodes.wide]
kind = "audio.resample"
params.rate_hz = 48000

[nodes.clean]
kind = "rnnoise"

[nodes.file]
kind = "wav.sink"
params = { path = "b.wav" }
"#;

const JSON5: &str = r#"// The same graph.
{
  name: 'clean',
  nodes: {
    mic: { kind: 'wav.source', params: { path: 'a.wav', pace: "asap" } },
    wide: { kind: 'audio.resample', params: { rate_hz: 0xbb80 } },
    clean: { kind: 'rnnoise' },
    file: { kind: 'wav.sink', params: { path: 'b.wav' } },
  },
  links: [
    'mic -> wide -> clean', /* pins may be left out */
    { from: 'clean.out', to: 'file.in', capacity: 8, when_full: 'drop-oldest', },
  ],
}
"#;

/// Everything that execution looks at.
fn facts(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes().iter().map(|node| {
        format!("{} {} {} {:?} {:?}", node.id(), node.role().label(), node.params(), node.tick(), node.send_timeout())
    });
    let links = graph.links().iter().map(|link| format!("{} {link:?}", graph.link_text(link)));
    nodes.chain(links).collect()
}

#[test]
fn the_same_graph_in_toml_json5_code_and_json_is_the_same() {
    let toml = accept(TOML);
    let json5 = GraphSpec::parse(JSON5, "graph.json5", FileType::Json5).unwrap().build(&kinds()).unwrap();
    let built = Graph::builder()
        .name("clean")
        .node("mic", "wav.source", json!({ "path": "a.wav", "pace": "asap" }))
        .node("wide", "audio.resample", json!({ "rate_hz": 48_000 }))
        .node("clean", "rnnoise", json!({}))
        .node("file", "wav.sink", json!({ "path": "b.wav" }))
        .chain(["mic", "wide", "clean"])
        .link_with(LinkSpec::new("clean", "file").with_capacity(8).with_when_full(WhenFull::DropOldest))
        .build(&kinds())
        .unwrap();
    let json = serde_json::to_string(GraphSpec::parse(TOML, "x", FileType::Toml).unwrap().spec()).unwrap();
    let json = GraphSpec::parse(&json, "graph.json", FileType::Json).unwrap().build(&kinds()).unwrap();
    assert_eq!(order(&toml), ["mic", "wide", "clean", "file"]);
    assert_eq!(facts(&toml), facts(&json5));
    assert_eq!(facts(&toml), facts(&built));
    assert_eq!(facts(&toml), facts(&json));
    assert_eq!(toml.name(), json5.name());
}

#[test]
fn a_launch_line_makes_the_same_graph_as_a_file() {
    let line = "wav.source name=mic path=a.wav pace=asap ! audio.resample name=wide rate_hz=48000 ! rnnoise name=clean ! wav.sink name=file path=b.wav";
    let launched = GraphSpec::parse_launch(line).unwrap().build(&kinds()).unwrap();
    let plain = TOML.replace(", capacity = 8, when_full = \"drop-oldest\"", "");
    assert_eq!(facts(&launched), facts(&accept(&plain)));
}

#[test]
fn a_graph_knows_its_links_by_position_and_by_name() {
    let graph = accept(TOML);
    let texts: Vec<String> = graph.links().iter().map(|link| graph.link_text(link)).collect();
    assert_eq!(texts, ["mic.out -> wide.in", "wide.out -> clean.in", "clean.out -> file.in"]);
    let (position, clean) = graph.find("clean").unwrap();
    assert_eq!(clean.kind().unwrap().id, "rnnoise");
    assert_eq!(graph.links_from(position).map(|(index, _)| index).collect::<Vec<_>>(), [2]);
    assert_eq!(graph.links_to(position).map(|(index, _)| index).collect::<Vec<_>>(), [1]);
    assert_eq!(graph.links()[1].format().to_string(), "audio f32 48000 Hz mono");
    assert_eq!(graph.links()[2].capacity(), 8);
    assert_eq!(graph.links()[2].when_full(), WhenFull::DropOldest);
    assert!(graph.warnings().is_empty());
}

#[test]
fn defaults_of_the_graph_hold_for_links_and_nodes_that_do_not_say_otherwise() {
    let graph = accept(
        r#"
        links = ["mic -> gain", { from = "gain", to = "out", capacity = 2, when_full = "block" }]
        description = "what it is for"
        defaults = { capacity = 7, when_full = "fail", send_timeout_ms = 20, deadlines = { process_ms = 40, stop_ms = 50 } }
        inlets.mic = { format = "audio f32 16000 Hz" }
        outlets.out = {}
        nodes.gain = { kind = "audio.gain", send_timeout_ms = 30, deadlines = { process_ms = 60 }, worker = "dsp" }
        "#,
    );
    assert_eq!(graph.description(), Some("what it is for"));
    let [first, second] = graph.links() else { panic!("two links") };
    assert_eq!((first.capacity(), first.when_full()), (7, WhenFull::Fail));
    assert_eq!((second.capacity(), second.when_full()), (2, WhenFull::Block));
    let [mic, gain, out] = graph.nodes() else { panic!("three nodes") };
    assert_eq!(mic.send_timeout(), Duration::from_millis(20));
    assert_eq!(gain.send_timeout(), Duration::from_millis(30));
    let deadlines = gain.deadlines();
    assert_eq!([deadlines.process, deadlines.stop].map(|deadline| deadline.as_millis()), [60, 50]);
    assert_eq!(deadlines.create, Deadlines::default().create, "what nobody sets has its default");
    assert_eq!(gain.worker(), Some("dsp"));
    assert!(matches!((mic.role(), out.role()), (NodeRole::Inlet, NodeRole::Outlet)));
    assert_eq!(first.format().to_string(), "audio f32 16000 Hz");
    assert_eq!(second.format().to_string(), "audio f32");
}

#[test]
fn without_defaults_a_link_blocks_at_64_packets_for_one_second_and_a_source_times_itself() {
    let graph = accept("links = [\"a -> b\"]\nnodes.a = { kind = \"tone.source\" }\noutlets.b = {}\n");
    assert_eq!((graph.links()[0].capacity(), graph.links()[0].when_full()), (64, WhenFull::Block));
    assert_eq!(graph.nodes()[0].send_timeout(), Duration::from_secs(1));
    assert_eq!(graph.nodes()[0].tick(), TickSpec::SelfTimed);
    assert!(graph.nodes()[0].is_source());
}

#[test]
fn a_source_ticks_as_it_is_told() {
    let table = [
        ("\"asap\"", TickSpec::Asap),
        ("\"self\"", TickSpec::SelfTimed),
        ("{ interval_ms = 10 }", TickSpec::Interval { interval_ms: 10.0, late: LateTicks::Skip }),
        ("{ interval_ms = 0.5, late = \"burst\" }", TickSpec::Interval { interval_ms: 0.5, late: LateTicks::Burst }),
    ];
    for (text, tick) in table {
        let graph = accept(&format!(
            "links = [\"a -> b\"]\nnodes.a = {{ kind = \"tone.source\", tick = {text} }}\noutlets.b = {{}}\n"
        ));
        assert_eq!(graph.nodes()[0].tick(), tick, "{text}");
    }
}

#[test]
fn a_pin_format_follows_the_params_and_their_defaults() {
    for (params, format) in [("{}", "audio f32 48000 Hz mono"), ("{ rate_hz = 8000 }", "audio f32 8000 Hz mono")] {
        let text = format!(
            "links = [\"a -> b\"]\nnodes.a = {{ kind = \"tone.source\", params = {params} }}\noutlets.b = {{}}\n"
        );
        let graph = accept(&text);
        assert_eq!(graph.nodes()[0].outputs()[0].format().to_string(), format);
        assert_eq!(
            graph.nodes()[0].params().as_object().unwrap().len(),
            usize::from(params != "{}"),
            "defaults are left to the node"
        );
    }
}

#[test]
fn an_output_without_link_is_a_warning_and_no_error() {
    let graph = accept(
        "links = [\"in -> vad\", \"vad.events -> out\"]\nnodes.vad.kind = \"vad\"\ninlets.in = {}\noutlets.out = {}\n",
    );
    let [warning] = graph.warnings() else { panic!("one warning: {:?}", graph.warnings()) };
    let expected = "\
warning: nothing is linked to the output `vad.frames`; what it gives is dropped
 --> graph.toml:2:7
  |
2 | nodes.vad.kind = \"vad\"
  |       ^^^";
    assert_eq!(warning.to_string(), expected);
}

#[test]
fn a_pin_name_in_the_middle_of_a_chain_may_be_of_either_side() {
    let graph = accept(
        "links = [\"a -> mix.in1 -> out\", \"b -> mix.in2\", \"c -> vad.events -> text\"]\n[inlets]\na = {}\nb = {}\nc = {}\n[outlets]\nout = {}\ntext = {}\n[nodes]\nmix.kind = \"audio.mix\"\nvad.kind = \"vad\"\n",
    );
    let texts: Vec<String> = graph.links().iter().map(|link| graph.link_text(link)).collect();
    assert_eq!(
        texts,
        ["a.out -> mix.in1", "mix.out -> out.in", "b.out -> mix.in2", "c.out -> vad.in", "vad.events -> text.in"]
    );
}

/// A graph of gains `a`, `b`, ... with an inlet `src` and an outlet `dst`, from the links alone.
fn gains(links: &str) -> String {
    let words: Vec<&str> = links.split(|letter: char| !letter.is_alphanumeric()).collect();
    let names = ["a", "b", "c", "d"].into_iter().filter(|name| words.contains(name));
    let nodes: String = names.map(|name| format!("nodes.{name}.kind = \"audio.gain\"\n")).collect();
    format!("links = [{links}]\ninlets.src = {{}}\noutlets.dst = {{}}\n{nodes}")
}

#[test]
fn a_cycle_that_gives_way_is_permitted_and_its_closing_link_is_feedback() {
    let table = [
        (r#""src -> a -> b -> dst", { from = "b", to = "a", when_full = "drop-oldest" }"#, vec!["b.out -> a.in"]),
        (r#""src -> b -> a -> dst", { from = "a", to = "b", when_full = "drop-newest" }"#, vec!["a.out -> b.in"]),
        (r#""src -> a -> b -> dst", { from = "b", to = "a", credits = 64 }"#, vec!["b.out -> a.in"]),
        (r#""src -> a -> dst", { from = "a", to = "a", credits = 1 }"#, vec!["a.out -> a.in"]),
        // Only the link that runs back is feedback, although both drop.
        (
            r#""src -> b", "b -> dst", { from = "b", to = "a", when_full = "drop-oldest" }, { from = "a", to = "b", when_full = "drop-oldest" }"#,
            vec!["a.out -> b.in"],
        ),
        // Credits close the cycle, so the link that drops is an ordinary one.
        (
            r#""src -> a", { from = "a", to = "b", when_full = "drop-oldest" }, "b -> dst", { from = "b", to = "a", credits = 4 }"#,
            vec!["b.out -> a.in"],
        ),
        // A link that drops on no cycle is never feedback.
        (
            r#"{ from = "src", to = "a", when_full = "drop-oldest" }, { from = "a", to = "dst", when_full = "drop-oldest" }"#,
            vec![],
        ),
        // Two cycles through one node.
        (
            r#""src -> a -> b -> c -> dst", { from = "b", to = "a", credits = 1 }, { from = "c", to = "a", when_full = "drop-oldest" }"#,
            vec!["b.out -> a.in", "c.out -> a.in"],
        ),
    ];
    for (links, feedback) in table {
        let graph = accept(&gains(links));
        let found: Vec<String> =
            graph.links().iter().filter(|link| link.is_feedback()).map(|link| graph.link_text(link)).collect();
        assert_eq!(found, feedback, "{links}");
        for link in graph.links().iter().filter(|link| !link.is_feedback()) {
            assert!(link.from().node < link.to().node, "{} runs against the order", graph.link_text(link));
        }
    }
}

#[test]
fn nodes_stand_after_all_that_feed_them_and_else_as_written() {
    let graph = accept(&gains(
        r#""src -> d -> b -> dst", "src -> a -> c -> b", { from = "a", to = "dst", when_full = "drop-oldest" }"#,
    ));
    assert_eq!(order(&graph), ["src", "d", "a", "c", "b", "dst"]);
}

#[test]
fn a_chain_of_ten_thousand_nodes_is_built() {
    let count = 9_998;
    let ids: Vec<String> = (0..count).map(|index| format!("n{index}")).collect();
    let mut builder = Graph::builder().inlet("first", "any").outlet("last", "any");
    for id in ids.iter().rev() {
        builder = builder.node_with(id, NodeSpec::new("audio.gain"));
    }
    let chain = std::iter::once("first").chain(ids.iter().map(String::as_str)).chain(["last"]);
    let graph = builder.chain(chain).build(&kinds()).unwrap();
    assert_eq!(graph.nodes().len(), count + 2);
    assert!(graph.links().iter().all(|link| link.from().node + 1 == link.to().node));
}

#[test]
fn pictures_show_pins_formats_and_unusual_options() {
    let graph = accept(&gains(
        r#""src -> a -> dst", { from = "a", to = "a", credits = 1, capacity = 4, when_full = "drop-oldest" }"#,
    ));
    let dot = r#"digraph {
  rankdir = LR;
  node [shape = box, style = rounded];
  "src" [label = "src\ninlet", shape = cds, style = solid];
  "a" [label = "a\naudio.gain"];
  "dst" [label = "dst\noutlet", shape = cds, style = solid];
  "src" -> "a" [label = "audio f32"];
  "a" -> "dst" [label = "audio f32"];
  "a" -> "a" [label = "audio f32\ncapacity 4, drop-oldest, credits 1", style = dashed, constraint = false];
}
"#;
    assert_eq!(graph.to_dot(), dot);
    let mix = build("links = [\"a -> mix.in1 -> c\", \"b -> mix.in2\"]\n[inlets]\na = {}\nb = {}\n[outlets]\nc = {}\n[nodes]\nmix.kind = \"audio.mix\"\n").unwrap();
    let mermaid = "flowchart LR
  n0([\"a<br/>inlet\"])
  n1([\"b<br/>inlet\"])
  n2(\"mix<br/>audio.mix\")
  n3([\"c<br/>outlet\"])
  n0 -->|\"→ in1<br/>audio f32\"| n2
  n2 -->|\"audio f32\"| n3
  n1 -->|\"→ in2<br/>audio f32\"| n2
";
    assert_eq!(mix.to_mermaid(), mermaid);
}
