//! Where and when it was measured, and whether the machine had anything else to do.

use crate::process::output;
use std::process::Command;

/// The machine as it was during the runs.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Processor, cores, kernel.
    pub(crate) hardware: String,
    pub(crate) date: String,
    /// What was measured: the commit, and whether files differed from it.
    pub(crate) commit: String,
    pub(crate) compiler: String,
    /// Part of all processor time that others took; `None` when the system does not say.
    pub(crate) others: Option<f64>,
}

/// More than this and the machine was not quiet.
pub(crate) const QUIET_MAX: f64 = 0.05;

/// Processor time since some start, in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticks {
    /// Of everything, idle time included.
    all: u64,
    /// Of everybody, time that a virtual machine was not given included.
    busy: u64,
    /// Of this process and of those that it has waited for.
    ours: u64,
}

/// Watches how busy the machine is with other things.
#[derive(Debug)]
pub(crate) struct Quiet(Option<Ticks>);

impl Quiet {
    /// Begins to watch.
    pub(crate) fn begin() -> Self {
        Self(Ticks::now())
    }

    fn others(&self) -> Option<f64> {
        self.0.zip(Ticks::now()).and_then(|(begun, now)| others(begun, now))
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks of minutes are far below 2^52")]
fn others(begun: Ticks, now: Ticks) -> Option<f64> {
    let all = now.all.checked_sub(begun.all).filter(|all| *all > 0)?;
    let theirs = (now.busy - begun.busy).saturating_sub(now.ours - begun.ours);
    Some(theirs as f64 / all as f64)
}

impl Ticks {
    fn now() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::read(stat.lines().next()?, &own)
    }

    /// Reads the line of all processors, and that of a process.
    fn read(all: &str, own: &str) -> Option<Self> {
        // user nice system idle iowait irq softirq steal: what comes after is in user already.
        let ticks: Vec<u64> = all.split_whitespace().skip(1).take(8).map_while(|word| word.parse().ok()).collect();
        let idle = ticks.get(3)? + ticks.get(4)?;
        let all = ticks.iter().sum::<u64>();
        // The name of the program may have spaces; after it, from the state on, utime is the 12th.
        let (_, fields) = own.rsplit_once(')')?;
        let ours = fields.split_whitespace().skip(11).take(4).map_while(|word| word.parse::<u64>().ok()).sum();
        Some(Self { all, busy: all - idle, ours })
    }
}

impl Machine {
    /// The machine now, at the end of what `quiet` watched.
    pub(crate) fn now(quiet: &Quiet) -> Self {
        let others = quiet.others();
        let say = |program: &str, arguments: &[&str]| {
            let said = output(Command::new(program).args(arguments).current_dir(crate::root()));
            said.unwrap_or_else(|_| "unknown".into())
        };
        let changed = say("git", &["status", "--porcelain", "--untracked-files=no"]);
        let suffix = if changed.is_empty() { "" } else { " with changes" };
        Self {
            hardware: hardware(&say("uname", &["-sr"])),
            date: say("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            commit: format!("{}{suffix}", say("git", &["rev-parse", "--short=10", "HEAD"])),
            compiler: say("rustc", &["--version"]),
            others,
        }
    }

    /// Whether others left the processors alone, as a sentence.
    pub(crate) fn quiet_sentence(&self) -> String {
        match self.others {
            None => "Whether the machine was quiet is not known.".into(),
            Some(others) if others <= QUIET_MAX => {
                format!("The machine was quiet: others took {:.0} % of its processor time.", others * 100.0)
            }
            Some(others) => format!(
                "**The machine was not quiet: others took {:.0} % of its processor time.** \
                 Read the ratios with their spread, and no figure as what the machine can do.",
                others * 100.0
            ),
        }
    }
}

fn hardware(kernel: &str) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {kernel}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_others_is_what_neither_idles_nor_is_ours() {
        let own = |ours: u64| format!("1 (a b) S 1 1 1 0 -1 0 0 0 0 0 {ours} 0 0 0 20 0 1");
        let begun = Ticks::read("cpu 10 0 10 100 0 0 0 0 0 0", &own(5)).unwrap();
        assert_eq!(begun, Ticks { all: 120, busy: 20, ours: 5 });
        let now = Ticks::read("cpu 60 0 20 200 20 0 0 20 0 0", &own(55)).unwrap();
        assert_eq!(others(begun, now), Some(0.15), "80 of 200 ticks were busy, 50 of them ours");
        assert_eq!(others(begun, begun), None);
    }

    #[test]
    fn this_machine_is_read() {
        assert!(Ticks::now().unwrap().all > 0);
        let machine = Machine::now(&Quiet::begin());
        assert!(machine.hardware.contains("cores, Linux"), "{}", machine.hardware);
        assert!(machine.date.ends_with("UTC") && machine.compiler.starts_with("rustc"));
    }

    #[test]
    fn a_busy_machine_is_called_one() {
        let machine = |others| Machine { others, ..Machine::now(&Quiet::begin()) };
        assert!(machine(Some(0.01)).quiet_sentence().starts_with("The machine was quiet"));
        assert!(machine(Some(0.4)).quiet_sentence().contains("not quiet: others took 40 %"));
        assert!(machine(None).quiet_sentence().contains("not known"));
    }
}
