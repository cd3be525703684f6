use super::*;
use crate::telemetry::log_bridge::{Level, losses};
use std::ptr;

fn place<'a>(level: Level, target: &'a str, fields: &'a [&'a str]) -> Described<'a> {
    Described { level, target, file: "a.rs", line: 1, fields }
}

#[test]
fn f4_same_place_is_the_same_site_and_every_difference_makes_another() {
    let sites = Sites::new(100);
    let first = place(Level::Info, "whisper", &["n"]);
    let others = [
        place(Level::Debug, "whisper", &["n"]),
        place(Level::Info, "kokoro", &["n"]),
        place(Level::Info, "whisper", &["m"]),
        place(Level::Info, "whisper", &[]),
        Described { file: "b.rs", ..first },
        Described { line: 2, ..first },
    ];
    let site = sites.find_or_make(&first).unwrap();
    assert!(ptr::eq(site, sites.find_or_make(&first).unwrap()));
    for (at, other) in others.iter().enumerate() {
        let other = sites.find_or_make(other).unwrap();
        assert!(!ptr::eq(site, other), "difference {at}");
        let number = u32::try_from(at).unwrap() + 2;
        assert!(ptr::eq(other, sites.numbered(number).unwrap()), "numbers begin at 1");
    }
    assert!(sites.numbered(0).is_none() && sites.numbered(8).is_none() && sites.numbered(u32::MAX).is_none());
}

#[test]
fn f5b_places_beyond_the_limit_share_one_site_per_level_and_are_counted() {
    let sites = Sites::new(3);
    let targets: Vec<String> = (0..10).map(|number| format!("target_{number}")).collect();
    let before = losses().folded;
    let found: Vec<&Site> =
        targets.iter().map(|target| sites.find_or_make(&place(Level::Info, target, &[])).unwrap()).collect();
    assert!(losses().folded >= before + 7);
    let own = |at: usize| found[at].described().target == targets[at];
    assert!((0..3).all(own) && !(3..10).any(own));
    assert!(found[3..].iter().all(|site| ptr::eq(*site, found[3]) && site.described().target == FOLDED_TARGET));
    let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error];
    let folded = levels.map(|level| sites.find_or_make(&place(level, "late", &["x"])).unwrap());
    assert!(folded.iter().zip(levels).all(|(site, level)| site.level() == level));
    assert!(ptr::eq(folded[2], found[3]), "those that had no room before");
    assert!(ptr::eq(found[1], sites.find_or_make(&place(Level::Info, "target_1", &[])).unwrap()), "known ones stay");
}

#[test]
fn f5b_text_of_all_places_together_is_bounded() {
    let sites = Sites::new(SITES_MAX);
    let long = "x".repeat(1 << 16);
    let fits = |number: u32| {
        let site = sites.find_or_make(&Described { line: number, ..place(Level::Info, &long, &[]) }).unwrap();
        site.described().target != FOLDED_TARGET
    };
    assert_eq!((0..100).filter(|number| fits(*number)).count(), 15, "sixteen, less the names of the files");
}

#[test]
fn plugin_that_names_the_folded_target_gets_no_place_of_its_own() {
    let sites = Sites::new(1);
    let site = |line| sites.find_or_make(&Described { line, ..place(Level::Info, FOLDED_TARGET, &[]) }).unwrap();
    assert!((0..100).all(|line| ptr::eq(site(line), site(0))));
    let own = sites.find_or_make(&place(Level::Info, "own", &[])).unwrap();
    assert_eq!(own.described().target, "own", "the limit is not used up");
}

#[test]
fn targets_that_a_plugin_makes_up_leave_room_for_places_in_a_source() {
    let sites = Sites::new(10);
    let own = |described: &Described<'_>| sites.find_or_make(described).unwrap().described().target != FOLDED_TARGET;
    let loose = |line| own(&Described { file: "", line, ..place(Level::Info, "made up", &[]) });
    assert_eq!((0..100).filter(|line| loose(*line)).count(), 5);
    assert_eq!((0..100).filter(|line| own(&Described { line: *line, ..place(Level::Info, "x", &[]) })).count(), 5);
}
