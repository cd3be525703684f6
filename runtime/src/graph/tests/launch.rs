use serde_json::json;

use super::kinds;
use crate::graph::{GraphSpec, LinkSpec};

fn links(line: &str) -> Vec<String> {
    let sourced = GraphSpec::parse_launch(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let text = |link: &LinkSpec| match link {
        LinkSpec::Chain(chain) => chain.clone(),
        LinkSpec::Detailed { from, to, .. } => format!("{from} -> {to}"),
    };
    sourced.spec().links.iter().map(text).collect()
}

#[test]
fn kinds_make_nodes_and_marks_make_links() {
    let table = [
        (
            "wav.source path=a.wav name=mic ! rnnoise ! wav.sink path=b.wav",
            vec!["mic -> rnnoise", "rnnoise -> wav_sink"],
        ),
        ("a ! b a ! b", vec!["a -> b", "a2 -> b2"]),
        ("a name=a2 ! a ! a", vec!["a2 -> a", "a -> a3"]),
        ("src name=s ! one  s. ! two", vec!["s -> one", "s -> two"]),
        ("x name=mix  y name=mic ! mix.in1  mic.out ! mix.in2", vec!["mic -> mix.in1", "mic.out -> mix.in2"]),
        ("a ! b ! a.", vec!["a -> b", "b -> a"]),
        ("later. ! b   a name=later", vec!["later -> b"]),
        ("wav.source ! wav.sink", vec!["wav_source -> wav_sink"]),
        ("lonely", vec![]),
    ];
    for (line, expected) in table {
        assert_eq!(links(line), expected, "{line}");
    }
}

#[test]
fn values_are_json_when_they_are_json_and_text_otherwise() {
    let line = r#"k a=1 b=-2.5 c=true d=null e=a.wav f="a b" g='a b' h="12" i='[1, 2]' j={"x":[1]} k=a" "b l= m=x=y n='"q"' o=C:\x p="tab\t""#;
    let expected = json!({
        "a": 1, "b": -2.5, "c": true, "d": null, "e": "a.wav", "f": "a b", "g": "a b", "h": "12", "i": [1, 2], "j": { "x": [1] },
        "k": "a b", "l": "", "m": "x=y", "n": "q", "o": "C:\\x", "p": "tab\t"
    });
    let sourced = GraphSpec::parse_launch(line).unwrap();
    assert_eq!(sourced.spec().nodes["k"].params, expected);
}

#[test]
fn a_line_that_cannot_be_read_points_at_the_word() {
    let table = [
        ("! a", 1, "`!` links nothing here"),
        ("a ! ! b", 5, "`!` links nothing here"),
        ("a !", 3, "the line ends with `!`"),
        ("x=1 a", 1, "a param stands before its kind"),
        ("a ! x=1", 5, "a param stands before its kind"),
        ("a x='1", 5, "the quote is not closed"),
        ("a x=1 x=2", 7, "param `x` is given twice"),
        ("a name=b name=c", 10, "`name` is given twice"),
        ("a name=", 3, "`name` is empty"),
        ("a name=x ! b name=x", 12, "the id `x` is used twice"),
        ("a name=x  x. y=1", 14, "`x.` refers to a node and takes no params"),
    ];
    for (line, column, title) in table {
        let error = GraphSpec::parse_launch(line).expect_err(line);
        assert_eq!(error.diagnostics[0].title, title, "{line}");
        assert_eq!(error.diagnostics[0].line_column(), Some((1, column)), "{line}");
    }
}

#[test]
fn what_is_wrong_with_the_graph_points_into_the_line() {
    let line = "tone.source rate=8000 ! rnoise ! wav.sink path=b.wav  nosuch. ! wav_sink.";
    let error = GraphSpec::parse_launch(line).unwrap().build(&kinds()).unwrap_err();
    let expected = "\
error: node `tone_source` (`tone.source`) has no param `rate`
 --> launch line:1:13
  |
1 | tone.source rate=8000 ! rnoise ! wav.sink path=b.wav  nosuch. ! wav_sink.
  |             ^^^^ unknown param
  |
  = help: did you mean `rate_hz`?

error: node `rnoise` is of unknown kind `rnoise`
 --> launch line:1:25
  |
1 | tone.source rate=8000 ! rnoise ! wav.sink path=b.wav  nosuch. ! wav_sink.
  |                         ^^^^^^ no plugin offers this kind
  |
  = help: did you mean `rnnoise`?

error: there is no node `nosuch`
 --> launch line:1:55
  |
1 | tone.source rate=8000 ! rnoise ! wav.sink path=b.wav  nosuch. ! wav_sink.
  |                                                       ^^^^^^^ unknown node
  |
  = help: use `tone_source`, `rnoise` or `wav_sink`";
    assert_eq!(error.to_string(), expected, "got\n{error}\n");
}

#[test]
fn many_nodes_of_one_kind_get_their_ids_quickly() {
    let line = "k ".repeat(9_000);
    let sourced = GraphSpec::parse_launch(&line).unwrap();
    assert_eq!(sourced.spec().nodes.len(), 9_000);
    assert!(sourced.spec().nodes.contains_key("k9000"));
}
