//! Crashes in child processes: what is said, and with which signal or status the process ends.

use super::*;
use libc::c_int;
use std::env;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, abort, exit};
use std::ptr;
use std::thread;

/// Set in a child process: what it is to do.
const CHILD: &str = "GRAPHMILL_TEST_CRASH";

/// The test that children run again.
const ENTRY: &str = "plugin::attribution::tests::every_death_is_laid_at_the_door_of_its_node_and_keeps_its_signal";

/// A way to end a process.
struct Death {
    name: &'static str,
    /// The signal that the line names; that of the end may be another, as for an overflow.
    told: &'static str,
    happen: fn(),
}

const DEATHS: [Death; 7] = [
    Death { name: "abort", told: "SIGABRT", happen: || abort() },
    Death { name: "segv", told: "SIGSEGV", happen: segfault },
    Death { name: "bus", told: "SIGBUS", happen: bus_error },
    Death { name: "ill", told: "SIGILL", happen: illegal_instruction },
    Death { name: "fpe", told: "SIGFPE", happen: divide_error },
    Death { name: "overflow", told: "SIGSEGV", happen: overflow_stack },
    // Not SIGSEGV: the handler of the standard library swallows one that is sent.
    Death { name: "sent", told: "SIGILL", happen: || send(libc::SIGILL) },
];

fn segfault() {
    let nobodys = ptr::without_provenance_mut::<u8>(16);
    // SAFETY: the first page of a process is never mapped, so this traps and changes nothing.
    unsafe { nobodys.write_volatile(1) };
}

/// Reads a page of a mapping whose file has no byte.
fn bus_error() {
    // SAFETY: the name ends with a zero.
    let file = unsafe { libc::memfd_create(c"empty".as_ptr(), 0) };
    // SAFETY: a fresh mapping; nothing that exists is replaced.
    let map = unsafe { libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file, 0) };
    // SAFETY: the page is mapped and not there, so this traps.
    black_box(unsafe { map.cast::<u8>().read_volatile() });
}

#[cfg(target_arch = "x86_64")]
fn illegal_instruction() {
    // SAFETY: this instruction traps and does nothing else.
    unsafe { std::arch::asm!("ud2") };
}

#[cfg(not(target_arch = "x86_64"))]
fn illegal_instruction() {
    send(libc::SIGILL);
}

#[cfg(target_arch = "x86_64")]
fn divide_error() {
    // SAFETY: the division traps; the registers that it would write are declared.
    unsafe {
        std::arch::asm!("div {0:e}", in(reg) 0_u32, inout("eax") 1_u32 => _, inout("edx") 0_u32 => _, options(nostack))
    };
}

#[cfg(not(target_arch = "x86_64"))]
fn divide_error() {
    send(libc::SIGFPE);
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn overflow(depth: u64) -> u64 {
    let block = black_box([depth; 64]);
    overflow(black_box(depth + 1)) + block.iter().sum::<u64>()
}

fn overflow_stack() {
    black_box(overflow(black_box(0)));
}

fn send(signal: c_int) {
    // SAFETY: sends a signal to this thread.
    unsafe { libc::raise(signal) };
}

fn say(text: &str) {
    // SAFETY: the bytes live through the call.
    let _written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

fn node(name: &str) -> Culprit {
    Culprit::of_node(name, "model.run", Some(Path::new("/opt/libmodel.so")))
}

/// Sets a handler of the embedder, before attribution is installed.
fn set_handler(signal: c_int, handler: libc::sighandler_t, flags: c_int) {
    // SAFETY: zero is a valid value of every field.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the handlers of these tests only write and exit.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }, 0);
}

extern "C" fn plain_handler(signal: c_int) {
    say("the plain handler of before\n");
    if signal != libc::SIGFPE {
        // SAFETY: ends the process.
        unsafe { libc::_exit(42) };
    }
}

extern "C" fn full_handler(_: c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system passes the cause of the signal.
    let info = unsafe { &*info };
    // SAFETY: the signal is one that has an address.
    let address = unsafe { info.si_addr() };
    say(if address.addr() == 16 && !context.is_null() { "the full handler of before\n" } else { "wrong cause\n" });
    // SAFETY: ends the process.
    unsafe { libc::_exit(43) };
}

fn set_plain_handler(signal: c_int) {
    let handler: extern "C" fn(c_int) = plain_handler;
    set_handler(signal, handler as libc::sighandler_t, 0);
}

/// What a child does after the word in its environment: `installed:` or `bare:`, then a death or a scene.
fn act(scene: &str) {
    let (is_installed, scene) = scene.split_once(':').map_or((true, scene), |(how, name)| (how == "installed", name));
    match scene {
        "plain" => set_plain_handler(libc::SIGABRT),
        "recovers" => set_plain_handler(libc::SIGFPE),
        "ignored" => set_handler(libc::SIGFPE, libc::SIG_IGN, 0),
        "full" => {
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void) = full_handler;
            set_handler(libc::SIGSEGV, handler as libc::sighandler_t, libc::SA_SIGINFO | libc::SA_ONSTACK);
        }
        _ => {}
    }
    if is_installed {
        install_crash_attribution().unwrap();
        install_crash_attribution().unwrap();
    }
    let scene = scene.to_owned();
    thread::Builder::new().name("gm-worker".into()).spawn(move || play(&scene)).unwrap().join().unwrap();
}

#[expect(clippy::exit, reason = "what happens then is the question")]
fn play(scene: &str) {
    prepare_thread().unwrap();
    let culprit = node("tts");
    if let Some(death) = DEATHS.iter().find(|death| death.name == scene) {
        return culprit.during(Operation::Process, death.happen);
    }
    match scene {
        "exit" => culprit.during(Operation::Flush, || exit(0)),
        "exit-outside" => exit(3),
        "exit-after" => {
            culprit.during(Operation::Flush, || ());
            exit(0)
        }
        "outside" => segfault(),
        "plain" => culprit.during(Operation::Create, || abort()),
        "full" => culprit.during(Operation::Create, segfault),
        "recovers" | "ignored" => {
            send(libc::SIGFPE);
            say("and on it goes\n");
            culprit.during(Operation::Stop, || send(libc::SIGILL));
        }
        "two" => two_nodes(),
        "bare-thread" => bare_thread(),
        other => panic!("no scene `{other}`"),
    }
}

/// One node crashes while another one is in a call on another thread.
fn two_nodes() {
    let (entered, is_entered) = std::sync::mpsc::sync_channel(0);
    thread::spawn(move || {
        node("innocent").during(Operation::Process, || {
            entered.send(()).unwrap();
            loop {
                thread::park();
            }
        });
    });
    is_entered.recv().unwrap();
    node("guilty").during(Operation::Tick, segfault);
}

/// A thread that the standard library did not make: nobody gave it an alternate stack.
fn bare_thread() {
    extern "C" fn body(_: *mut libc::c_void) -> *mut libc::c_void {
        prepare_thread().unwrap();
        node("foreign").during(Operation::Process, overflow_stack);
        ptr::null_mut()
    }
    let mut thread = 0;
    // SAFETY: the function needs no argument and nothing of this thread.
    assert_eq!(unsafe { libc::pthread_create(&raw mut thread, ptr::null(), body, ptr::null_mut()) }, 0);
    // SAFETY: the thread was just made and is joined once.
    unsafe { libc::pthread_join(thread, ptr::null_mut()) };
}

fn child(scene: &str) -> Output {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", ENTRY, "--nocapture", "--test-threads=1"]).env(CHILD, scene);
    // A crash of a test leaves no core behind.
    child.current_dir(env::temp_dir()).output().unwrap()
}

/// The lines of ours on standard error.
fn told(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().filter(|line| line.starts_with("graphmill: ")).map(ToOwned::to_owned).collect()
}

fn said(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(text)
}

#[test]
fn every_death_is_laid_at_the_door_of_its_node_and_keeps_its_signal() {
    if let Ok(scene) = env::var(CHILD) {
        return act(&scene);
    }
    for Death { name, told: signal, .. } in DEATHS {
        let (bare, attributed) = (child(&format!("bare:{name}")), child(&format!("installed:{name}")));
        let line = format!("graphmill: node `tts` (model.run in /opt/libmodel.so) crashed in process: {signal}");
        assert_eq!(told(&attributed), [line], "{name}");
        assert_eq!(told(&bare), [""; 0], "{name}");
        assert!(bare.status.signal().is_some(), "{name}: {bare:?}");
        assert_eq!(attributed.status.signal(), bare.status.signal(), "{name}");
    }
}

#[test]
fn overflow_is_told_on_a_thread_that_had_no_alternate_stack() {
    let output = child("installed:bare-thread");
    let line = "graphmill: node `foreign` (model.run in /opt/libmodel.so) crashed in process: SIGSEGV";
    assert_eq!(told(&output), [line]);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert_eq!(told(&child("bare:bare-thread")), [""; 0]);
}

#[test]
fn exit_inside_a_call_ends_with_a_status_that_is_not_success() {
    let output = child("installed:exit");
    let line =
        "graphmill: node `tts` (model.run in /opt/libmodel.so) called exit in flush: the process ends with status 70";
    assert_eq!((told(&output), output.status.code()), (vec![line.to_owned()], Some(EXIT_STATUS)));
    assert_eq!(child("bare:exit").status.code(), Some(0));
}

#[test]
fn exit_outside_of_a_call_is_left_alone() {
    for (scene, code) in [("installed:exit-outside", 3), ("installed:exit-after", 0)] {
        let output = child(scene);
        assert_eq!((told(&output), output.status.code()), (vec![], Some(code)), "{scene}");
    }
}

#[test]
fn crash_outside_of_every_call_goes_its_way_without_a_line() {
    let output = child("installed:outside");
    assert_eq!((told(&output), output.status.signal()), (vec![], Some(libc::SIGSEGV)));
}

#[test]
fn handlers_that_were_there_before_get_the_signal_after_the_line() {
    for (scene, text, code) in
        [("plain", "the plain handler of before", 42), ("full", "the full handler of before", 43)]
    {
        let output = child(&format!("installed:{scene}"));
        assert_eq!(told(&output).len(), 1, "{scene}: {output:?}");
        assert!(told(&output).concat().contains("crashed in create"), "{scene}: {output:?}");
        assert!(said(&output, text), "{scene}: {output:?}");
        assert_eq!(output.status.code(), Some(code), "{scene}");
    }
}

#[test]
fn signal_outside_of_a_call_that_somebody_comes_to_terms_with_leaves_attribution_in_place() {
    for (scene, is_handled) in [("recovers", true), ("ignored", false)] {
        let output = child(&format!("installed:{scene}"));
        assert_eq!(said(&output, "the plain handler of before"), is_handled, "{scene}");
        assert!(said(&output, "and on it goes"), "{scene}: {output:?}");
        let line = "graphmill: node `tts` (model.run in /opt/libmodel.so) crashed in stop: SIGILL";
        assert_eq!((told(&output), output.status.signal()), (vec![line.to_owned()], Some(libc::SIGILL)), "{scene}");
    }
}

#[test]
fn node_on_the_crashing_thread_is_named_and_no_other() {
    let output = child("installed:two");
    let line = "graphmill: node `guilty` (model.run in /opt/libmodel.so) crashed in tick: SIGSEGV";
    assert_eq!((told(&output), output.status.signal()), (vec![line.to_owned()], Some(libc::SIGSEGV)));
}

#[test]
fn nothing_is_recorded_unless_attribution_was_installed_before() {
    let is_recorded = || record::with_current(|under| under.is_some());
    let attribution = Attribution::of_node("a", "k", None);
    assert!(!attribution.during(Operation::Process, is_recorded));
    assert!(!Attribution::of_load(&Origin::Linked("k")).during_load(is_recorded));
}
