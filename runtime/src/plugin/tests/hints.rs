//! Hints in both directions: to an instance, and from one to whoever is upstream.

use super::bench::{Bench, Kept, create};
use super::services::{later_work, raw_node};
use crate::exec::{FaultClass, Hint, HintAnswer, HintContent};
use graphmill_abi::layout::*;
use graphmill_abi::{AudioHeader, Buffer, Packet};

fn hint(pin: usize, name: &str, json: &str) -> Hint {
    Hint { pin, content: HintContent::new(name, json).unwrap() }
}

#[test]
fn instance_takes_a_hint_refuses_it_or_lets_it_pass() {
    let (_bench, mut gain) = create("sample.gain", r#"{"factor": 2.0}"#).unwrap();
    assert_eq!(gain.hint(&hint(0, "gain.factor", "0.5")), Ok(HintAnswer::Taken));
    assert_eq!(gain.hint(&hint(1, "gain.factor", "9.0")), Ok(HintAnswer::Pass), "the output is told too");
    assert_eq!(gain.hint(&hint(0, "gain.other", "9.0")), Ok(HintAnswer::Pass));
    let fault = gain.hint(&hint(0, "gain.factor", "\"much\"")).unwrap_err();
    assert_eq!(fault.class, FaultClass::Error);
    let mut packet = Packet::from_audio(AudioHeader::f32(48_000, 1, 1), Buffer::zeroed(4)).unwrap();
    packet.samples_mut::<f32>().unwrap()[0] = 4.0;
    let mut kept = Kept::default();
    gain.process(0, &mut packet, &mut kept).unwrap();
    assert_eq!(kept.packets[0].2.samples::<f32>().unwrap(), [2.0], "the last hint that was taken holds");
}

#[test]
fn kind_that_has_no_use_for_hints_lets_them_pass() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "nothing"}"#).unwrap();
    assert_eq!(node.hint(&hint(0, "gain.factor", "1")), Ok(HintAnswer::Pass));
}

#[test]
fn node_tells_those_upstream_and_is_refused_once_it_is_gone() {
    let bench = Bench::new("sample.scripted");
    let mut node = bench.create(r#"{"act": "hint"}"#).unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    let Some(hint) = bench.heard() else { panic!("the hint arrives upstream") };
    assert_eq!((hint.pin, hint.content.name(), hint.content.json()), (3, "gain.factor", "0.5"));
    assert!(bench.heard().is_none());
    let mut node = bench.create(r#"{"act": "hint_later"}"#).unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    drop(node);
    later_work().into_iter().for_each(|work| work());
    assert!(bench.heard().is_none());
}

#[test]
fn h32_bad_hints_are_refused_with_a_reason_and_leave_nothing() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    let long = "x".repeat(5_000);
    let text = |text: &'static str| gm_str::new(text);
    let bad_utf8 = gm_str { ptr: [0xff_u8].as_ptr().cast(), len: 1 };
    let null = gm_str { ptr: std::ptr::null(), len: 3 };
    let cases = [
        (1, text("a"), text("1"), "there is no input with number 1; the node has 1"),
        (u32::MAX, text("a"), text("1"), "there is no input with number 4294967295"),
        (0, text(""), text("1"), "the name of a hint has 0 bytes"),
        (0, gm_str::new(&long), text("1"), "80"),
        (0, bad_utf8, text("1"), "UTF-8"),
        (0, null, text("1"), "null"),
        (0, text("a"), gm_str::new(&long), "4096"),
        (0, text("a"), text("{"), "the content of a hint is not JSON"),
        (0, text("a"), bad_utf8, "UTF-8"),
    ];
    for (pin, name, content, want) in cases {
        let (status, message) = raw.hint(pin, name, content);
        assert_eq!(status, GM_E_INVALID, "{message}");
        assert!(message.contains(want), "{message} instead of {want}");
    }
    assert!(bench.heard().is_none());
    assert_eq!(raw.hint(0, text("a"), gm_str::EMPTY).0, GM_OK);
    assert_eq!(bench.heard().unwrap().content.json(), "null");
}
