use proptest::prelude::*;
use serde_json::json;

use crate::graph::{
    AudioFormat, AudioLayout, BytesFormat, DType, EventFormat, Format, FormatSet, FormatTemplate, PixelFormat,
    SampleType, TensorFormat, VideoFormat,
};

fn set(text: &str) -> FormatSet {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_spelling_of_a_format_is_read_and_written_in_one_way() {
    let table = [
        ("any", "any"),
        (" any ", "any"),
        ("audio", "audio"),
        ("audio ? ? Hz ? ch ?", "audio"),
        ("audio f32 48000 Hz mono interleaved", "audio f32 48000 Hz mono interleaved"),
        ("audio planar 1 ch i16", "audio i16 mono planar"),
        ("audio 2 ch", "audio stereo"),
        ("audio 6 ch", "audio 6 ch"),
        ("video", "video"),
        ("video ? ?x?", "video"),
        ("video rgb8 640x480", "video rgb8 640x480"),
        ("video 640x?", "video 640x?"),
        ("tensor", "tensor"),
        ("tensor ? [ 1, 3,? , ?]", "tensor [1,3,?,?]"),
        ("tensor bf16 []", "tensor bf16 []"),
        ("text", "text"),
        ("event", "event"),
        ("event speech.segment/1", "event speech.segment/1"),
        ("event speech.*", "event speech.*"),
        ("event ?/2", "event ?/2"),
        ("bytes", "bytes"),
        ("bytes Image/PNG", "bytes image/png"),
        ("text|event speech.*  |  bytes", "text | event speech.* | bytes"),
    ];
    for (text, written) in table {
        assert_eq!(set(text).to_string(), written, "{text}");
    }
}

#[test]
fn a_text_that_is_no_format_is_refused_with_the_reason() {
    let table = [
        ("", "the format is empty; write `any` to leave it open"),
        ("text |", "the format is empty; write `any` to leave it open"),
        (
            "sound",
            "unknown format `sound`; a format starts with audio, video, tensor, text, event or bytes, or is `any`",
        ),
        (
            "any | text",
            "unknown format `any`; a format starts with audio, video, tensor, text, event or bytes, or is `any`",
        ),
        (
            "audio 48000Hz",
            "`48000Hz` is no part of an audio format; write `audio [f32|f64|i16|i32|u8] [48000 Hz] [mono|stereo|6 ch] [interleaved|planar]`",
        ),
        ("audio 0 Hz", "`0` is no valid sample rate; write a whole number from 1 to 4294967295, or `?`"),
        (
            "audio 4294967296 Hz",
            "`4294967296` is no valid sample rate; write a whole number from 1 to 4294967295, or `?`",
        ),
        ("audio +1 ch", "`+1` is no valid number of channels; write a whole number from 1 to 4294967295, or `?`"),
        ("audio f32 i16", "the sample type is given twice"),
        ("audio mono 2 ch", "the number of channels is given twice"),
        ("tensor [1,2", "`[1,2` is no part of a tensor format; write `tensor [f32] [[1,3,?,?]]`"),
        ("tensor [1,1,1,1,1,1,1,1,1]", "a tensor with 9 dimensions cannot be sent, at most 8 are allowed"),
        ("text utf8", "`utf8` is no part of a text format; write `text` alone"),
        ("event *", "`*` is no part of an event format; write `event [speech.segment[/1]]` or `event speech.*`"),
        ("event a..b", "`a..b` is no part of an event format; write `event [speech.segment[/1]]` or `event speech.*`"),
        ("bytes png", "`png` is no part of a bytes format; write `bytes [image/png]`"),
        (
            "text|text|text|text|text|text|text|text|text",
            "the format lists 9 alternatives, at most 8 are allowed; use `any` or fewer of them",
        ),
    ];
    for (text, reason) in table {
        let error = text.parse::<FormatSet>().map(|set| set.to_string()).expect_err(text);
        assert_eq!(error.to_string(), reason, "{text}");
    }
}

#[test]
fn formats_meet_where_neither_contradicts_the_other() {
    let table = [
        ("any", "audio f32", Some("audio f32")),
        ("audio f32 mono", "audio 48000 Hz", Some("audio f32 48000 Hz mono")),
        ("audio f32", "audio i16", None),
        ("audio", "video", None),
        ("audio f32 | audio i16", "audio mono", Some("audio f32 mono | audio i16 mono")),
        ("text | event speech.*", "event", Some("event speech.*")),
        ("event speech.*", "event speech.word.*", Some("event speech.word.*")),
        ("event speech.*", "event speech", None),
        ("event speech.*", "event speechless.a", None),
        ("event speech.segment", "event speech.segment/2", Some("event speech.segment/2")),
        ("tensor [1,?]", "tensor [?,3]", Some("tensor [1,3]")),
        ("tensor [1]", "tensor [1,?]", None),
        ("audio | audio f32", "audio f32", Some("audio f32")),
        ("bytes image/png", "bytes", Some("bytes image/png")),
    ];
    for (a, b, common) in table {
        let found = set(a).intersect(&set(b)).map(|set| set.to_string());
        assert_eq!(found.as_deref(), common, "{a} with {b}");
    }
}

#[test]
fn a_set_accepts_a_format_only_when_every_such_packet_fits() {
    let table = [
        ("any", "audio f32", true),
        ("audio f32", "audio f32 48000 Hz mono", true),
        ("audio f32 48000 Hz", "audio f32", false),
        ("text | audio", "text", true),
        ("event speech.*", "event speech.segment/1", true),
        ("tensor [1,?]", "tensor [?,2]", false),
    ];
    for (pin, packet, fits) in table {
        assert_eq!(set(pin).accepts(&packet.parse().unwrap()), fits, "{pin} for {packet}");
    }
}

#[test]
fn a_set_is_fixed_when_it_is_one_format_without_wildcards() {
    let fixed = ["text", "audio f32 1 Hz mono planar", "video i420 2x2", "tensor f16 []", "event a.b/1", "bytes a/b"];
    let open = ["any", "text | text", "audio", "video 2x2", "tensor f16 [?]", "event a.*/1", "event a.b", "bytes"];
    assert!(fixed.iter().all(|text| set(text).is_fixed()));
    assert!(!open.iter().any(|text| set(text).is_fixed()));
}

#[test]
fn a_set_made_in_code_must_have_a_text_form() {
    let event = |name: &str| Format::Event(EventFormat { name: Some(name.to_owned()), version: None });
    assert_eq!(FormatSet::new([event("speech.segment")]).unwrap(), set("event speech.segment"));
    assert!(FormatSet::new([event("speech segment")]).is_err());
    assert!(FormatSet::new([event("a/1")]).is_err(), "the text would mean another format");
    assert!(FormatSet::new([]).is_err());
    assert!(FormatSet::new(vec![Format::Text; 9]).is_err());
    assert!(FormatSet::new([Format::Audio(AudioFormat { channels: Some(0), ..AudioFormat::default() })]).is_err());
}

#[test]
fn a_template_takes_its_parts_from_params() {
    let table = [
        ("audio f32 {rate} Hz {channels} ch", json!({ "rate": 16000, "channels": 1 }), Ok("audio f32 16000 Hz mono")),
        ("audio f32 {rate} Hz {channels} ch", json!({ "rate": null }), Ok("audio f32")),
        ("tensor {dtype} {shape}", json!({ "dtype": "f16", "shape": [1, null, 3] }), Ok("tensor f16 [1,?,3]")),
        ("tensor {dtype} {shape}", json!({}), Ok("tensor")),
        ("{format}", json!({ "format": "text | bytes" }), Ok("text | bytes")),
        ("{format}", json!({}), Ok("any")),
        (
            "audio {rate} Hz {channels} ch",
            json!({ "rate": 0, "channels": 1 }),
            Err(
                "the value of param `rate` cannot be part of a format: `0` is no valid sample rate; write a whole number from 1 to 4294967295, or `?`",
            ),
        ),
        (
            "audio {rate} Hz",
            json!({ "rate": true }),
            Err("the value of param `rate` cannot be part of a format: write a text, a number or a list of numbers"),
        ),
    ];
    for (template, params, expected) in table {
        let template = FormatTemplate::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
        let found = template.resolve(&params).map(|set| set.to_string()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{template} with {params}");
    }
}

#[test]
fn a_template_with_broken_braces_is_refused() {
    for text in [
        "audio {rate Hz",
        "audio rate} Hz",
        "audio {} Hz",
        "audio {a b} Hz",
        "audio {{rate}} Hz",
        "audio {x} {y} km",
        "text | {format}",
    ] {
        assert!(FormatTemplate::parse(text).is_err(), "{text}");
    }
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Option<T>> + use<T> {
    prop::option::of(prop::sample::select(values.to_vec()))
}

fn any_format() -> impl Strategy<Value = Format> {
    let small = || prop::option::of(1_u32..4);
    let audio = (maybe(SampleType::ALL), small(), small(), maybe(AudioLayout::ALL)).prop_map(
        |(sample, rate_hz, channels, layout)| Format::Audio(AudioFormat { sample, rate_hz, channels, layout }),
    );
    let video = (maybe(PixelFormat::ALL), small(), small())
        .prop_map(|(pixel, width, height)| Format::Video(VideoFormat { pixel, width, height }));
    let shape = prop::option::of(prop::collection::vec(small(), 0..4));
    let tensor = (maybe(DType::ALL), shape).prop_map(|(dtype, shape)| Format::Tensor(TensorFormat { dtype, shape }));
    let name = prop::option::of(prop::sample::select(vec!["a", "a.b", "a.*", "a.b.*", "b.c"]).prop_map(str::to_owned));
    let event = (name, small()).prop_map(|(name, version)| Format::Event(EventFormat { name, version }));
    let media_type = prop::option::of(prop::sample::select(vec!["a/b", "a/c"]).prop_map(str::to_owned));
    let bytes = media_type.prop_map(|media_type| Format::Bytes(BytesFormat { media_type }));
    prop_oneof![audio, video, tensor, Just(Format::Text), event, bytes]
}

fn any_set() -> impl Strategy<Value = FormatSet> {
    let some = prop::collection::vec(any_format(), 1..4).prop_map(|formats| FormatSet::new(formats).unwrap());
    prop_oneof![1 => Just(FormatSet::any()), 9 => some]
}

/// Whether two sets accept the same formats, which is what counts; their order does not.
fn same(a: &Option<FormatSet>, b: &Option<FormatSet>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let inside = |a: &FormatSet, b: &FormatSet| {
                a.is_any() == b.is_any() && a.alternatives().iter().all(|format| b.accepts(format))
            };
            inside(a, b) && inside(b, a)
        }
        (None, None) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_text_of_a_set_is_read_back_as_the_same_set(set in any_set()) {
        prop_assert_eq!(set.to_string().parse::<FormatSet>(), Ok(set.clone()));
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<FormatSet>(&json).unwrap(), set);
    }

    #[test]
    fn what_two_sets_share_does_not_depend_on_their_order(a in any_set(), b in any_set()) {
        prop_assert!(same(&a.intersect(&b), &b.intersect(&a)));
    }

    #[test]
    fn what_three_sets_share_does_not_depend_on_grouping(a in any_set(), b in any_set(), c in any_set()) {
        let left = a.intersect(&b).and_then(|both| both.intersect(&c));
        let right = b.intersect(&c).and_then(|both| a.intersect(&both));
        prop_assert!(same(&left, &right), "{left:?} and {right:?}");
    }

    #[test]
    fn a_set_shares_all_of_itself_with_itself_and_with_any(a in any_set()) {
        prop_assert!(same(&a.intersect(&a), &Some(a.clone())));
        prop_assert_eq!(a.intersect(&FormatSet::any()), Some(a));
    }

    #[test]
    fn a_format_is_accepted_by_two_sets_exactly_when_by_what_they_share(a in any_set(), b in any_set(), format in any_format()) {
        let shared = a.intersect(&b).is_some_and(|both| both.accepts(&format));
        prop_assert_eq!(shared, a.accepts(&format) && b.accepts(&format));
    }

    #[test]
    fn reading_any_text_as_a_format_never_panics(text in ".{0,80}") {
        let _ = text.parse::<FormatSet>();
        let _ = FormatTemplate::parse(&text);
    }
}
