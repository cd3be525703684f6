use super::*;
use crate::top::view::tests::press;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

/// A session of four nodes, two seconds after its last look: one rests, one lags, one had to be made again.
fn report(elapsed_s: u64, outcome: &str) -> Value {
    let packets = elapsed_s * 100;
    let times = |p50_ns: u64| json!({ "count": packets, "sum_ns": packets * p50_ns, "p50_ns": p50_ns, "p99_ns": p50_ns * 3, "max_ns": p50_ns * 10 });
    json!({
        "session": "studio", "outcome": outcome, "elapsed_ns": elapsed_s * 1_000_000_000, "dead_letters": 1,
        "abandoned": ["worker model"],
        "nodes": [
            { "id": "mic", "kind": "wav.source", "worker": "mic", "state": "running", "paused": true,
              "calls": packets, "packets_out": packets, "call_time": times(800) },
            { "id": "a-name-that-is-longer-than-most", "kind": "audio.resample", "worker": "worker dsp",
              "state": "running", "calls": packets, "packets_in": packets, "packets_out": packets,
              "call_time": times(25_600) },
            { "id": "model", "kind": "rnnoise", "worker": "model", "state": "restarting", "calls": packets,
              "packets_in": packets, "packets_out": packets, "restarts": 2, "errors": 12_345,
              "last_error": "the model wants 480 frames", "call_time": times(5_500_000) },
            { "id": "file", "kind": "wav.sink", "worker": "file", "state": "starting" },
        ],
        "links": [
            { "link": "mic.out -> a-name-that-is-longer-than-most.in", "capacity": 64, "depth": 0, "delivered": packets, "high_water": 3 },
            { "link": "a-name-that-is-longer-than-most.out -> model.in", "capacity": 64, "depth": 48, "delivered": packets,
              "high_water": 64, "dropped": [{ "reason": "drop-oldest", "packets": 150 }, { "reason": "format", "packets": 1 }] },
            { "link": "model.out -> file.in", "capacity": 8, "depth": 8, "delivered": 0, "high_water": 8 },
        ],
    })
}

fn view() -> View {
    let mut view = View::new(true);
    view.show(serde_json::from_value(report(2, "running")).unwrap());
    view.show(serde_json::from_value(report(4, "running")).unwrap());
    let changes = json!([
        { "at_ns": 1_200_000, "node": "mic", "from": "ready", "to": "running" },
        { "at_ns": 3_500_000_000_u64, "node": "model", "from": "running", "to": "restarting", "reason": "panicked:\nout of paper" },
    ]);
    for change in changes.as_array().unwrap() {
        view.add(serde_json::from_value(change.clone()).unwrap());
    }
    view
}

/// What is on a screen of this size, without the spaces at the ends of lines.
fn drawn(view: &View, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    let cells = terminal.backend().buffer().content().chunks(usize::from(width));
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    cells.map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
}

#[track_caller]
fn assert_drawn(view: &View, size: (u16, u16), expected: &str) {
    let drawn = drawn(view, size);
    assert_eq!(drawn, expected.trim_start_matches('\n'), "\n{drawn}");
}

#[test]
fn eighty_columns_show_everything_that_matters() {
    assert_drawn(
        &view(),
        (80, 24),
        r"
studio  running for 4.0 s  200 packets/s  151 dropped  1 abandoned
rates over 2.00 s, times since the start  1 dead letter
node          state       in/s out/s     p50     p99 in call queue    drops  new
mic           paused         0   100  800 ns 2.40 µs   0.0 % -            0    0
a-name-that-… running      100   100 25.6 µs 76.8 µs   0.3 % ········     0    0
model         restarting   100   100 5.50 ms 16.5 ms  55.0 % ██████··   151    2
file          starting       0     0       -       -   0.0 % ████████     0    0

link                                  /s depth                 most lost
mic.out -> a-name-that-is-longe…     100 ··········      0/64     3 0
a-name-that-is-longer-than-most…     100 ███████▌··     48/64    64 150 drop-ol…
model.out -> file.in                   0 ██████████       8/8     8 0
changes of state
    0.0 s  mic  ready → running
    3.5 s  model  running → restarting  panicked: out of paper








? keys  q quit  ←→ sort  / filter  space freeze  ↑↓ select  p pause source
",
    );
}

#[test]
fn wide_screen_shows_every_column() {
    assert_drawn(
        &view(),
        (140, 16),
        r"
studio  running for 4.0 s  200 packets/s  151 dropped  1 abandoned
rates over 2.00 s, times since the start  1 dead letter
node                            state       in/s out/s calls/s     p50     p99 in call queue    drops  new errors last error
mic                             paused         0   100     100  800 ns 2.40 µs   0.0 % -            0    0      0
a-name-that-is-longer-than-most running      100   100     100 25.6 µs 76.8 µs   0.3 % ········     0    0      0
model                           restarting   100   100     100 5.50 ms 16.5 ms  55.0 % ██████··   151    2  12.3k the model wants 480 frames
file                            starting       0     0       0       -       -   0.0 % ████████     0    0      0

link                                                 /s depth                 most lost
mic.out -> a-name-that-is-longer-than-most.in       100 ··········      0/64     3 0
a-name-that-is-longer-than-most.out -> model.in     100 ███████▌··     48/64    64 150 drop-oldest, 1 format
model.out -> file.in                                  0 ██████████       8/8     8 0



? keys  q quit  ←→ sort  / filter  space freeze  ↑↓ select  p pause source
",
    );
}

#[test]
fn small_screen_shows_nodes_and_what_matters_most_of_them() {
    assert_drawn(
        &view(),
        (40, 8),
        r"
studio  running for 4.0 s  200 packets/s
rates over 2.00 s, times since the start
node            state       in/s     p99
mic             paused         0 2.40 µs
a-name-that-is… running      100 76.8 µs
model           restarting   100 16.5 ms
1 of 4 nodes are further below
? keys  q quit  ←→ sort  / filter  spac…
",
    );
    assert_drawn(
        &view(),
        (20, 5),
        r"
too small a terminal




",
    );
}

#[test]
fn selected_node_is_described_and_its_links_come_first() {
    let mut view = view();
    press(&mut view, "↓↓↓↓");
    assert_drawn(
        &view,
        (80, 18),
        r"
studio  running for 4.0 s  200 packets/s  151 dropped  1 abandoned
rates over 2.00 s, times since the start  1 dead letter
node          state       in/s out/s     p50     p99 in call queue    drops  new
mic           paused         0   100  800 ns 2.40 µs   0.0 % -            0    0
a-name-that-… running      100   100 25.6 µs 76.8 µs   0.3 % ········     0    0
model         restarting   100   100 5.50 ms 16.5 ms  55.0 % ██████··   151    2
file          starting       0     0       -       -   0.0 % ████████     0    0
file: wav.sink, worker file, queue 8 of 8
link                                  /s depth                 most lost
model.out -> file.in                   0 ██████████       8/8     8 0
mic.out -> a-name-that-is-longe…     100 ··········      0/64     3 0
a-name-that-is-longer-than-most…     100 ███████▌··     48/64    64 150 drop-ol…
changes of state
    0.0 s  mic  ready → running
    3.5 s  model  running → restarting  panicked: out of paper


? keys  q quit  ←→ sort  / filter  space freeze  ↑↓ select  p pause source
",
    );
    let mut terminal = Terminal::new(TestBackend::new(80, 18)).unwrap();
    terminal.draw(|frame| draw(frame, &view)).unwrap();
    let is_marked = |y| terminal.backend().buffer()[(0, y)].modifier.contains(Modifier::REVERSED);
    let marked: Vec<_> = (0..18).filter(|y| is_marked(*y)).collect();
    assert_eq!(marked, [2, 6, 8, 12], "the headings and the row of `file`");
}

#[test]
fn rows_are_sorted_filtered_and_turned_round() {
    let ids = |keys: &str| {
        let mut view = view();
        press(&mut view, keys);
        let drawn = drawn(&view, (140, 24));
        let nodes = drawn.lines().skip(3).take_while(|line| !line.is_empty());
        nodes.map(|line| line.chars().take(5).collect::<String>().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("g"), ["mic", "a-nam", "model", "file"]);
    assert_eq!(ids("→"), ["a-nam", "file", "mic", "model"], "by name");
    assert_eq!(ids("→r"), ["model", "mic", "file", "a-nam"]);
    assert_eq!(ids("←←"), ["model", "mic", "a-nam", "file"], "by errors");
    assert_eq!(ids("/restart⏎"), ["model"], "by state");
    assert_eq!(ids("/dsp⏎"), ["a-nam"], "by worker");
}

#[test]
fn keys_notices_and_the_filter_share_the_last_line() {
    let last = |view: &View| drawn(view, (80, 24)).lines().last().unwrap().to_owned();
    let mut view = view();
    assert_eq!(last(&view), KEYS);
    press(&mut view, "/mo");
    assert_eq!(last(&view), "show only what contains: mo▏  enter keeps it, esc takes it away");
    press(&mut view, "⏎");
    assert!(drawn(&view, (80, 24)).contains("  only `mo`"));
    view.notice("`model` (rnnoise) is no source".to_owned());
    assert_eq!(last(&view), "`model` (rnnoise) is no source");
    press(&mut view, " ");
    assert!(drawn(&view, (80, 24)).contains("  frozen"));
    press(&mut view, "?");
    assert!(drawn(&view, (80, 24)).contains("instances made anew after a failure"));
}

#[test]
fn end_of_the_session_stays_on_the_screen_with_its_reason() {
    let mut failed = view();
    let mut report = report(4, "failed");
    report["failures"] = json!([{ "node": "model", "message": "out of paper" }]);
    failed.end(serde_json::from_value(report).unwrap());
    let text = drawn(&failed, (80, 24));
    assert!(text.starts_with("studio  failed after 4.0 s  "), "{text}");
    assert!(text.contains("\n`model` failed: out of paper\n"), "{text}");
    assert!(text.ends_with("the session has ended; q leaves  ? keys\n"), "{text}");

    let mut lost = view();
    lost.lost("lost the session at `x`: it has closed the connection".to_owned());
    let text = drawn(&lost, (80, 24));
    assert!(text.starts_with("studio  lost after 4.0 s"), "{text}");
    assert!(text.contains("\nlost the session at `x`: it has closed the connection\n"), "{text}");
}

#[test]
fn before_the_first_report_it_says_so_and_without_colours_nothing_has_one() {
    assert!(drawn(&View::new(true), (80, 24)).starts_with("waiting for the first report\n"));
    let colours = |has_colours| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let mut view = view();
        view.has_colours = has_colours;
        terminal.draw(|frame| draw(frame, &view)).unwrap();
        terminal.backend().buffer().content().iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert!(colours(true) > 0);
    assert_eq!(colours(false), 0);
}
