//! What belongs to the whole process or to the thread of the host, before and after a plugin had its turn.

use super::bench::Teller;
use graphmill::plugin::surroundings;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// Lines of the status of a thread that tell what becomes of signals.
const SIGNAL_LINES: [&str; 3] = ["SigBlk:", "SigIgn:", "SigCgt:"];

/// What a plugin has to leave as it was.
#[derive(Debug)]
pub(crate) struct Around {
    folder: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    signals: Vec<String>,
    /// What arithmetic gives that depends on the mode of the processor.
    arithmetic: [bool; 4],
    shared: Vec<String>,
    /// A descriptor that somebody else opened; perhaps it is not open any more when this is dropped.
    own: Option<ManuallyDrop<File>>,
}

impl Around {
    pub(crate) fn now() -> Self {
        let mut environment: Vec<_> = env::vars_os().collect();
        environment.sort();
        Self {
            folder: env::current_dir().ok(),
            environment,
            signals: signals(),
            arithmetic: arithmetic(),
            shared: shared(),
            own: File::open("/dev/null").ok().map(ManuallyDrop::new),
        }
    }

    /// Tells what is different now; every sort of it breaks the rule that belongs to it.
    pub(crate) fn compare(&self, teller: &Teller, rules: [&'static str; 6], when: &str) {
        let [folder, environment, signals, arithmetic, own, shared] = rules;
        // First, because whatever is opened below may get the number of what was closed.
        if !self.is_own_open() {
            teller.found(own, format!("{when} a descriptor is closed that somebody else opened"));
        }
        let now = Self::now();
        if now.folder != self.folder {
            teller.found(folder, format!("{when} the working folder is {:?}, it was {:?}", now.folder, self.folder));
        }
        if let Some(name) = self.changed_variable(&now) {
            teller.found(environment, format!("{when} the variable {name:?} of the environment is another one"));
        }
        if let Some((before, after)) = different(&self.signals, &now.signals) {
            teller.found(signals, format!("{when} the signals are `{after}`, they were `{before}`"));
        }
        if now.arithmetic != self.arithmetic {
            teller
                .found(arithmetic, format!("{when} this thread rounds otherwise or flushes denormal numbers to zero"));
        }
        if let Some((before, after)) = different(&self.shared, &now.shared) {
            teller.found(shared, format!("{when} it is `{after}`, it was `{before}`"));
        }
    }

    fn changed_variable(&self, now: &Self) -> Option<&OsString> {
        let differs = |(name, value): &&(OsString, OsString)| env::var_os(name).as_ref() != Some(value);
        let gone = self.environment.iter().find(differs).map(|(name, _)| name);
        gone.or_else(|| {
            if now.environment.len() == self.environment.len() {
                None
            } else {
                self.environment.first().map(|(name, _)| name)
            }
        })
    }

    fn is_own_open(&self) -> bool {
        self.own.as_ref().is_none_or(|own| fs::metadata(format!("/proc/self/fd/{}", own.as_raw_fd())).is_ok())
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        // Closing what is not open would end the process.
        if self.is_own_open()
            && let Some(own) = self.own.take()
        {
            drop(ManuallyDrop::into_inner(own));
        }
    }
}

fn different<'a>(before: &'a [String], now: &'a [String]) -> Option<(&'a String, &'a String)> {
    before.iter().zip(now).find(|(before, now)| before != now)
}

/// What becomes of signals, without the two that the C library keeps for itself and sets up with the first thread.
fn signals() -> Vec<String> {
    const OF_THE_C_LIBRARY: u64 = 0b11 << 31;
    let said = lines("/proc/thread-self/status", &SIGNAL_LINES);
    let without = |line: String| {
        let (name, mask) = line.split_once(':')?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(format!("{name}: {:016x}", mask & !OF_THE_C_LIBRARY))
    };
    said.into_iter().filter_map(without).collect()
}

fn lines(file: &str, names: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter(|line| names.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
}

/// What every thread of the process shares: how files are made, the locale, the limits.
fn shared() -> Vec<String> {
    let mut shared = lines("/proc/self/status", &["Umask:"]);
    shared.push(format!("locale {}", surroundings::locale().unwrap_or_default()));
    shared.extend(fs::read_to_string("/proc/self/limits").unwrap_or_default().lines().map(str::to_owned));
    shared
}

/// Whether denormal numbers are there as results and as operands, and whether sums are rounded up or down.
fn arithmetic() -> [bool; 4] {
    let (one, tiny) = (black_box(1.0_f32), black_box(1e-10_f32));
    let denormal = black_box(f32::from_bits(1));
    [
        black_box(f32::MIN_POSITIVE) * black_box(0.5) != 0.0,
        denormal * black_box(f32::MAX) != 0.0,
        one + tiny > one,
        one - tiny < one,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_different_when_nothing_happens() {
        let before = Around::now();
        let now = Around::now();
        assert_eq!((&before.folder, &before.signals, &before.shared), (&now.folder, &now.signals, &now.shared));
        assert!(before.is_own_open() && before.changed_variable(&now).is_none());
        assert_eq!(before.arithmetic, [true, true, false, false], "as the standard says");
        assert!(!before.shared.is_empty() && before.signals.len() == SIGNAL_LINES.len());
    }
}
