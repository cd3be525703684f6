//! Records on their way from a plugin into the application's subscriber.

use super::bench::{Bench, Kept, create};
use super::log_functions::{Handle, Raw, of_node, of_plugin, place, record};
use super::records::Records;
use super::services::later_work;
use crate::plugin::host_stats;
use graphmill_abi::Packet;
use graphmill_abi::layout::*;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use tracing::{Dispatch, Level, dispatcher};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Everything that the host says while `body` runs, down to level trace.
fn heard(body: impl FnOnce()) -> Vec<String> {
    let records = Records::default();
    dispatcher::with_default(&records.dispatch(Level::TRACE), body);
    records.take().into_iter().filter(|line| !line.starts_with("WARN records of plugins were damaged")).collect()
}

#[test]
fn f17_message_with_a_zero_byte_arrives_whole_and_names_its_node() {
    let records = Records::default();
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "log"}"#).unwrap();
    dispatcher::with_default(&records.dispatch(Level::INFO), || {
        node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    });
    let line = "INFO nul\0inside in node: session=session node=node kind=sample.scripted from sample.scripted";
    assert_eq!(records.take(), [line]);
    dispatcher::with_default(&records.dispatch(Level::WARN), || {
        node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    });
    assert!(records.take().is_empty(), "the level is filtered by the application");
}

#[test]
fn record_after_destroy_arrives_marked_as_late() {
    let records = Records::default();
    let (bench, mut node) = create("sample.scripted", r#"{"act": "log_later"}"#).unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    drop(node);
    let context = Arc::downgrade(&bench.context);
    drop(bench);
    assert!(context.upgrade().is_some(), "the plugin still holds the context");
    let work = later_work();
    let dispatch = records.dispatch(Level::INFO);
    let log = move || dispatcher::with_default(&dispatch, || work.into_iter().for_each(|work| work()));
    std::thread::spawn(log).join().unwrap();
    assert_eq!(
        records.take(),
        ["WARN after destroy late=true in node: session=session node=node kind=sample.scripted from sample.scripted"]
    );
    assert!(context.upgrade().is_none(), "the last release frees the context");
}

#[test]
fn nx_f_record_says_who_writes_where_its_span_is_filtered_out() {
    let bench = Bench::new("whisper");
    let raw = of_node(&bench);
    let records = Records::default();
    let subscriber = Registry::default().with(EnvFilter::new("whisper=info")).with(records.layer());
    dispatcher::with_default(&Dispatch::new(subscriber), || raw.say(GM_LOG_INFO, "", "ready"));
    assert_eq!(records.take(), [r#"INFO ready session="session" node="node" kind="whisper" from whisper"#]);
    assert_eq!(
        heard(|| of_plugin().say(GM_LOG_INFO, "", "ready")),
        [r#"INFO ready plugin="libsample.so" from graphmill::plugin"#]
    );
}

#[test]
fn fields_keep_their_types_and_names_and_the_place_its_file_and_line() {
    let raw = of_plugin();
    let names = ["small", "large", "part", "flag", "text", "shown", "absent", "node"].map(gm_str::new);
    let site = gm_log_site {
        file: gm_str::new("src/model.rs"),
        line: 17,
        fields: names.as_ptr(),
        n_fields: 8,
        ..place(GM_LOG_DEBUG, "whisper::model")
    };
    let value = |kind, data| gm_log_value { kind, reserved: 0, data };
    let values = [
        value(GM_LOG_VALUE_I64, gm_log_data { i64_: -5 }),
        value(GM_LOG_VALUE_U64, gm_log_data { u64_: u64::MAX }),
        value(GM_LOG_VALUE_F64, gm_log_data { f64_: 0.5 }),
        value(GM_LOG_VALUE_BOOL, gm_log_data { u64_: 1 }),
        value(GM_LOG_VALUE_TEXT, gm_log_data { text: gm_str::new("a \"b\"") }),
        value(GM_LOG_VALUE_SHOWN, gm_log_data { text: gm_str::new("Some(3)") }),
        value(GM_LOG_VALUE_NONE, gm_log_data { u64_: 0 }),
        value(GM_LOG_VALUE_I64, gm_log_data { i64_: 7 }),
    ];
    let lines = heard(|| {
        let site = raw.site(&site);
        let spans = gm_str::new("load{model=tiny}:decode");
        raw.log(&gm_log_record { values: values.as_ptr(), n_values: 8, spans, ..record(site, "decoded") });
        let elsewhere = gm_str::new("elsewhere.rs");
        raw.log(&gm_log_record {
            values: values.as_ptr(),
            n_values: 1,
            file: elsewhere,
            line: 3,
            ..record(site, "two")
        });
    });
    let [first, second] = lines.as_slice() else { panic!("two records: {lines:?}") };
    assert_eq!(
        first,
        "DEBUG decoded small=-5i64 large=18446744073709551615u64 part=0.5f64 flag=true text=\"a \\\"b\\\"\" \
         shown=Some(3) plugin.node=7i64 spans=\"load{model=tiny}:decode\" plugin=\"libsample.so\" \
         from whisper::model src/model.rs:17"
    );
    assert_eq!(second, "DEBUG two small=-5i64 plugin=\"libsample.so\" from whisper::model src/model.rs:17");
}

#[test]
fn f18_damage_in_records_is_repaired_cut_and_counted() {
    let raw = of_plugin();
    let before = host_stats();
    let long = "ä".repeat(5 << 20);
    let bad = gm_str { ptr: c"a\xffb".as_ptr(), len: 3 };
    let null = gm_str { ptr: ptr::null(), len: 9 };
    let odd = |kind| gm_log_value { kind, reserved: 0, data: gm_log_data { text: null } };
    let values = [odd(99), odd(GM_LOG_VALUE_TEXT)];
    let names = ["first", "second"].map(gm_str::new);
    let lines = heard(|| {
        let site = raw.site(&gm_log_site { fields: names.as_ptr(), n_fields: 2, ..place(GM_LOG_INFO, "here") });
        raw.log(&record(site, &long));
        raw.log(&gm_log_record { message: bad, ..record(site, "") });
        raw.log(&gm_log_record { message: null, ..record(site, "") });
        raw.log(&gm_log_record { values: values.as_ptr(), n_values: 2, ..record(site, "odd values") });
        raw.log(&gm_log_record { n_values: 7, ..record(site, "no values") });
        raw.log(&gm_log_record { flags: GM_LOG_CUT, ..record(site, "cut before") });
        raw.log(&gm_log_record { site: u32::MAX, ..record(site, "site that is not known") });
        raw.log(&gm_log_record { struct_size: 4, ..record(site, "short") });
        raw.log(ptr::null());
        raw.log(ptr::from_ref(&record(site, "odd")).wrapping_byte_add(1));
    });
    let texts: Vec<&str> = lines.iter().filter_map(|line| line.split(" plugin=").next()).collect();
    let cut = format!("INFO {}", "ä".repeat(4096));
    let want = [&cut, "INFO a\u{fffd}b", "INFO ", "INFO odd values second=\"\"", "INFO no values", "INFO cut before"];
    assert_eq!(texts, want);
    let after = host_stats();
    assert!(after.log_texts_cut >= before.log_texts_cut + 2);
    assert!(after.log_texts_replaced > before.log_texts_replaced);
    assert!(after.log_records_unreadable >= before.log_records_unreadable + 8);
}

#[test]
fn places_that_make_no_sense_are_dead_or_repaired() {
    let raw = of_plugin();
    let names = [gm_str::new("first"); 40];
    let odd = names.as_ptr().wrapping_byte_add(1);
    for site in [ptr::null(), ptr::from_ref(&place(GM_LOG_INFO, "x")).wrapping_byte_add(1)] {
        assert_eq!((raw.site(site).interest(), raw.site(site).number()), (GM_LOG_NEVER, 0));
    }
    for level in [0, 6, 7, u32::MAX] {
        assert_eq!(raw.site(&place(level, "x")).number(), 0, "level {level}");
    }
    assert_eq!(raw.site(&gm_log_site { struct_size: 8, ..place(GM_LOG_INFO, "x") }).number(), 0);
    let sites = [
        gm_log_site { n_fields: u32::MAX, fields: ptr::null(), ..place(GM_LOG_INFO, "null") },
        gm_log_site { n_fields: 2, fields: odd, ..place(GM_LOG_INFO, "odd") },
        gm_log_site { n_fields: 40, fields: names.as_ptr(), ..place(GM_LOG_INFO, "many") },
        gm_log_site { target: gm_str { ptr: c"a\xff".as_ptr(), len: 2 }, ..place(GM_LOG_INFO, "") },
    ];
    let lines = heard(|| sites.iter().for_each(|site| raw.log(&record(raw.site(site), "still there"))));
    let targets: Vec<&str> = lines.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(targets, ["null", "odd", "many", "a\u{fffd}"]);
}

#[test]
fn context_that_is_none_logs_nothing() {
    let Raw { host, context } = of_plugin();
    let memory = [0_u64; 64];
    let strange: [*mut gm_ctx; 3] = [ptr::null_mut(), host.ctx.wrapping_byte_add(1), memory.as_ptr().cast_mut().cast()];
    let lines = heard(|| {
        let known = of_plugin().site(&place(GM_LOG_ERROR, "here"));
        for ctx in strange {
            let raw = Raw { host: gm_host { ctx, ..host }, context: Arc::clone(&context) };
            assert_eq!(raw.site(&place(GM_LOG_ERROR, "here")).number(), 0);
            assert!(!raw.is_enabled(known));
            raw.log(&record(known, "to nobody"));
        }
    });
    assert_eq!(lines, [""; 0]);
}

#[test]
fn f1_eight_threads_log_through_one_context_at_once() {
    let raw = of_plugin();
    let records = Records::default();
    let dispatch = records.dispatch(Level::INFO);
    let (api, ctx) = (raw.api(), AtomicPtr::new(raw.host.ctx));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (ctx, dispatch) = (&ctx, &dispatch);
            scope.spawn(move || {
                dispatcher::with_default(dispatch, || {
                    for round in 0..4 {
                        let ctx = ctx.load(Ordering::Relaxed);
                        // SAFETY: the context outlives the scope; any thread may log.
                        let site = Handle(unsafe { api.log_site.unwrap()(ctx, &place(GM_LOG_INFO, "here")) });
                        // SAFETY: as above.
                        unsafe { api.log.unwrap()(ctx, &record(site, &format!("{thread}.{round}"))) };
                    }
                });
            });
        }
    });
    assert_eq!(records.take().len(), 32);
}

/// Records of a node that are heard in a second.
const PER_SECOND: usize = if cfg!(miri) { 50 } else { 5_000 };

#[test]
fn nx_f_flood_of_one_node_is_cut_and_counted_and_another_node_is_heard() {
    let (loud, quiet) = (Bench::new("loud"), Bench::new("quiet"));
    let before = host_stats().log_records_suppressed;
    let lines = heard(|| {
        let site = of_node(&loud).site(&place(GM_LOG_INFO, "here"));
        (0..PER_SECOND + 100).for_each(|_| of_node(&loud).log(&record(site, "again")));
        of_node(&loud).say(GM_LOG_WARN, "here", "help");
        of_node(&quiet).log(&record(site, "once"));
        loud.clock.advance_ns(1_000_000_000);
        of_node(&loud).log(&record(site, "a second later"));
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(["again", "help", "once", "a second later"].map(count), [PER_SECOND, 1, 1, 1]);
    assert_eq!((loud.context.speaker().suppressed(), quiet.context.speaker().suppressed()), (100, 0));
    assert!(host_stats().log_records_suppressed >= before + 100);
}

/// `whisper=debug,kokoro=off` in both orders of first use, before and after a reload.
#[test]
fn f4_target_is_filtered_by_its_own_directive_whichever_speaks_first() {
    let whisper = [(GM_LOG_DEBUG, "whisper"), (GM_LOG_TRACE, "whisper"), (GM_LOG_ERROR, "whisper")];
    let kokoro = [(GM_LOG_ERROR, "kokoro"), (GM_LOG_DEBUG, "kokoro"), (GM_LOG_TRACE, "kokoro")];
    let orders = [[whisper, kokoro].concat(), [kokoro, whisper].concat()];
    for (order, round) in orders.iter().zip(["first", "second"]) {
        let raw = of_plugin();
        let records = Records::default();
        let (filter, handle) =
            reload::Layer::new(EnvFilter::new(format!("{round}::whisper=debug,{round}::kokoro=off")));
        let dispatch = Dispatch::new(Registry::default().with(filter).with(records.layer()));
        let speak = || {
            order.iter().for_each(|(level, target)| raw.say(*level, &format!("{round}::{target}"), "x"));
            let mut lines: Vec<String> = records.take().iter().map(|line| line.replace(round, "")).collect();
            lines.sort();
            lines
        };
        dispatcher::with_default(&dispatch, || {
            let before = speak();
            let line = |level, target| format!("{level} x plugin=\"libsample.so\" from ::{target}");
            assert_eq!(before, [line("DEBUG", "whisper"), line("ERROR", "whisper")], "{round}");
            handle.reload(EnvFilter::new(format!("{round}::kokoro=trace"))).unwrap();
            assert_eq!(speak(), ["DEBUG", "ERROR", "TRACE"].map(|level| line(level, "kokoro")), "{round}");
            handle.reload(EnvFilter::new("off")).unwrap();
            assert_eq!(speak(), [""; 0], "{round}");
        });
    }
}

#[test]
fn directive_for_the_span_of_a_node_lets_its_records_through_and_no_others() {
    let (asr, tts) = (Bench::new("whisper"), Bench::new("kokoro"));
    let records = Records::default();
    let (filter, handle) = reload::Layer::new(EnvFilter::new("warn"));
    let dispatch = Dispatch::new(Registry::default().with(filter).with(records.layer()));
    let speak = || {
        [&asr, &tts].iter().for_each(|bench| of_node(bench).say(GM_LOG_DEBUG, "common", bench.context.kind()));
        records.take()
    };
    dispatcher::with_default(&dispatch, || {
        assert_eq!(speak(), [""; 0]);
        handle.reload(EnvFilter::new("warn,[node{kind=whisper}]=debug")).unwrap();
        assert_eq!(speak(), ["DEBUG whisper in node: session=session node=node kind=whisper from common"]);
        handle.reload(EnvFilter::new("warn")).unwrap();
        assert_eq!(speak(), [""; 0]);
    });
}
