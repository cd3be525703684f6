//! The listeners with a host that counts what it is asked.

#[path = "../../../tests/idle_host/mod.rs"]
mod idle_host;

use super::*;
use crate::export::host::HostRef;
use crate::export::struct_size;
use graphmill_abi::layout::*;
use idle_host::idle_api;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// What the host was called for.
static SITES: AtomicU64 = AtomicU64::new(0);
static ASKED: AtomicU64 = AtomicU64::new(0);
static RECORDS: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());
/// What it answers: one handle for all places, so that one number steers them.
static INTEREST: [AtomicU32; 2] = [AtomicU32::new(GM_LOG_NEVER), AtomicU32::new(7)];
static ANSWER: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn site(_: *mut gm_ctx, site: *const gm_log_site) -> *const gm_log_handle {
    SITES.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the SDK passes a site.
    assert_eq!(unsafe { (*site).struct_size }, struct_size::<gm_log_site>());
    INTEREST.as_ptr().cast()
}
unsafe extern "C" fn enabled(_: *mut gm_ctx, _: u32) -> u32 {
    ASKED.fetch_add(1, Ordering::SeqCst);
    ANSWER.load(Ordering::SeqCst)
}
unsafe extern "C" fn log(_: *mut gm_ctx, record: *const gm_log_record) {
    // SAFETY: the SDK passes a record.
    let record = unsafe { &*record };
    // SAFETY: its texts are right during the call.
    let message = unsafe { std::slice::from_raw_parts(record.message.ptr.cast::<u8>(), record.message.len) };
    RECORDS.lock().unwrap().push((record.flags, String::from_utf8(message.to_vec()).unwrap()));
}

static API: gm_host_api = gm_host_api {
    log_site: Some(site),
    log_enabled: Some(enabled),
    log: Some(log),
    ..idle_api(struct_size::<gm_host_api>())
};

/// One test at a time, each with the listeners installed and the interest that it wants.
fn listening(interest: u32, answer: u32) -> MutexGuard<'static, ()> {
    static TURN: LazyLock<Mutex<()>> = LazyLock::new(|| {
        let host = gm_host { api: &raw const API, ctx: ptr::null_mut() };
        // SAFETY: the table lives as long as the process, and no function of it looks at the context.
        let host = unsafe { HostRef::retain(&raw const host) }.unwrap();
        let hook = std::panic::take_hook();
        install(host);
        // A test that fails is to be told on standard error, not to this host.
        std::panic::set_hook(hook);
        Mutex::new(())
    });
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    INTEREST[0].store(interest, Ordering::SeqCst);
    ANSWER.store(answer, Ordering::SeqCst);
    RECORDS.lock().unwrap().clear();
    turn
}

fn calls() -> [u64; 2] {
    [&SITES, &ASKED].map(|calls| calls.load(Ordering::SeqCst))
}

/// Speaks once by `tracing` and once by `log`, always from the same two places.
fn speak(number: u64) {
    tracing::debug!(number, "by tracing");
    log::debug!("by log {number}");
}

#[test]
fn f5_million_disabled_records_call_the_host_twice() {
    let _turn = listening(GM_LOG_NEVER, 0);
    let [sites, asked] = calls();
    // Under Miri every one of them takes a millisecond.
    (0..if cfg!(miri) { 1_000 } else { 1_000_000 }).for_each(speak);
    let [more_sites, more_asked] = calls();
    assert!(more_sites - sites <= 2, "once for each place");
    assert_eq!(more_asked, asked);
    INTEREST[0].store(GM_LOG_ALWAYS, Ordering::SeqCst);
    speak(1);
    assert_eq!(*RECORDS.lock().unwrap(), [(0, "by tracing".to_owned()), (0, "by log 1".to_owned())]);
    assert_eq!(calls(), [more_sites, asked], "nor when the host wants everything");
}

#[test]
fn record_that_the_host_may_want_is_asked_for_each_time() {
    let _turn = listening(GM_LOG_SOMETIMES, 0);
    let [_, asked] = calls();
    (0..10).for_each(speak);
    assert_eq!(calls()[1] - asked, 20);
    assert!(RECORDS.lock().unwrap().is_empty());
    ANSWER.store(1, Ordering::SeqCst);
    speak(1);
    assert_eq!(RECORDS.lock().unwrap().len(), 2);
}

#[test]
fn f28_disabled_record_is_never_made_into_text() {
    struct Loud;
    impl fmt::Display for Loud {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("nobody wants this text")
        }
    }
    let _turn = listening(GM_LOG_NEVER, 0);
    tracing::error!(field = %Loud, "{Loud}");
    log::error!("{Loud}");
}

#[test]
fn text_that_is_too_long_is_cut_at_a_character_and_says_so() {
    let _turn = listening(GM_LOG_ALWAYS, 0);
    let long = format!("x{}", "ä".repeat(GM_LOG_TEXT_LEN_MAX));
    tracing::info!("{long}");
    tracing::info!(long, "short");
    let records = RECORDS.lock().unwrap();
    assert_eq!((records[0].0, records[0].1.len()), (GM_LOG_CUT, GM_LOG_TEXT_LEN_MAX - 1));
    assert_eq!(records[1], (GM_LOG_CUT, "short".to_owned()));
}

#[test]
fn target_in_borrowed_memory_is_known_by_its_text() {
    let _turn = listening(GM_LOG_NEVER, 0);
    let mut target = String::from("first");
    let speak = |target: &str| log::trace!(target: target, "x");
    speak(&target);
    let [sites, _] = calls();
    speak(&target);
    assert_eq!(calls()[0], sites, "it is known");
    target.replace_range(.., "other");
    speak(&target);
    assert_eq!(calls()[0], sites + 1, "at the same address stands another target");
}

#[test]
fn spans_that_nobody_made_do_no_harm() {
    let _turn = listening(GM_LOG_ALWAYS, 0);
    let nobody = span::Id::from_u64(u64::MAX);
    tracing_core::dispatcher::get_default(|dispatch| {
        dispatch.enter(&nobody);
        dispatch.exit(&nobody);
        dispatch.exit(&nobody);
        let _same = dispatch.clone_span(&nobody);
        assert!(!dispatch.try_close(nobody.clone()));
    });
    tracing::info!(parent: nobody.clone(), "still there");
    assert_eq!(RECORDS.lock().unwrap().len(), 1);
}

#[test]
fn span_is_closed_with_its_last_handle_and_known_as_the_current_one() {
    let _turn = listening(GM_LOG_ALWAYS, 0);
    let span = tracing::info_span!("here", n = 1);
    let id = span.id().unwrap();
    span.in_scope(|| assert_eq!(tracing::Span::current().id().as_ref(), Some(&id)));
    let second = span.clone();
    drop(span);
    tracing_core::dispatcher::get_default(|dispatch| {
        let id = dispatch.clone_span(&id);
        assert!(!dispatch.try_close(id), "another handle is left");
    });
    drop(second);
    tracing_core::dispatcher::get_default(|dispatch| assert!(!dispatch.try_close(id.clone()), "it is gone already"));
}
