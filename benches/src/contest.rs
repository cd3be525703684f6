//! Measures several ways to do the same work, in turns, and tells how they compare.
//!
//! A machine that is busy for a while slows down whoever happens to run then. So the ways take turns, many times, and
//! what counts is the median of the ratios of neighbours: each turn is compared with the baseline's turn next to it.
//! Besides the time on the wall every turn has its processor time, which other programs disturb much less.

use crate::save::{self, Figures};
use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::time::Instant;

/// One way to do the work.
pub struct Way<'a> {
    name: String,
    run: Box<dyn FnMut() + 'a>,
}

impl std::fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Way").field(&self.name).finish()
    }
}

impl<'a> Way<'a> {
    /// A way by its name; `run` does all the work once.
    pub fn new(name: impl Into<String>, run: impl FnMut() + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// What was asked for on the command line of a bench.
#[derive(Debug, Clone)]
pub struct Request {
    rounds: Option<usize>,
    filter: Option<String>,
    /// Where figures are kept for others to read.
    save: Option<PathBuf>,
}

impl Request {
    /// Reads the arguments: `--rounds N`, `--save FILE` to append every figure to a file as a line of JSON, and a text
    /// that the names of contests have to contain.
    pub fn from_arguments() -> Self {
        let mut request = Self { rounds: None, filter: None, save: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => {
                    request.rounds = words.next().and_then(|count| count.parse().ok());
                }
                "--save" => request.save = words.next().map(PathBuf::from),
                // What cargo adds.
                "--bench" => {}
                _ => request.filter = Some(word),
            }
        }
        request
    }

    /// Whether a contest of this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    }

    /// How many rounds there are: as many as were asked for, or as are usual for what is measured.
    pub fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(usual).max(1)
    }

    /// Keeps the figures of one way, one for each round, if that is asked for; `figure` says what it is, with its unit.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn keep(&self, contest: &str, way: &str, (figure, rounds): (&str, &[f64])) {
        if let Some(file) = &self.save {
            save::append(file, Figures { contest, way, figure, rounds });
        }
    }

    /// Measures the ways in turns and prints a line for each. The first one is the baseline; `count` is how many
    /// operations one run of any of them makes.
    pub fn contest(&self, name: &str, count: u64, mut ways: Vec<Way<'_>>) {
        if !self.wants(name) {
            return;
        }
        // One turn each to warm up.
        ways.iter_mut().for_each(|way| (way.run)());
        let rounds: Vec<Vec<Cost>> =
            (0..self.rounds(11)).map(|_| ways.iter_mut().map(|way| Cost::of(&mut way.run, count)).collect()).collect();
        tell(name, &ways, &rounds);
        for (at, way) in ways.iter().enumerate() {
            let of = |pick: fn(&Cost) -> f64| {
                rounds.iter().filter_map(|round| round.get(at).map(pick)).collect::<Vec<f64>>()
            };
            self.keep(name, &way.name, ("wall ns", &of(|cost| cost.wall)));
            self.keep(name, &way.name, ("cpu ns", &of(|cost| cost.cpu)));
        }
    }
}

/// Nanoseconds per operation.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 104 days")]
    fn of(run: &mut dyn FnMut(), count: u64) -> Self {
        let (begun, cpu_begun) = (Instant::now(), cpu_ns());
        run();
        let (wall, cpu) = (begun.elapsed().as_nanos() as f64, (cpu_ns() - cpu_begun) as f64);
        Self { wall: wall / count as f64, cpu: cpu / count as f64 }
    }
}

/// Processor time of this process so far, all threads together.
#[must_use]
pub fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[expect(clippy::print_stdout, reason = "a bench tells its figures")]
fn tell(name: &str, ways: &[Way<'_>], rounds: &[Vec<Cost>]) {
    println!("\n{name}");
    println!("  {:<34} {:>10} {:>21} {:>10} {:>7} {:>7}", "", "wall ns", "10 % .. 90 %", "cpu ns", "x wall", "x cpu");
    for (at, way) in ways.iter().enumerate() {
        let of = |pick: fn(&Cost) -> f64| rounds.iter().filter_map(|round| round.get(at).map(pick)).collect::<Vec<_>>();
        let ratio = |pick: fn(&Cost) -> f64| {
            let ratios = rounds.iter().filter_map(|round| Some(pick(round.get(at)?) / pick(round.first()?)));
            quantile(&mut ratios.collect::<Vec<_>>(), 0.5)
        };
        let (mut wall, mut cpu) = (of(|cost| cost.wall), of(|cost| cost.cpu));
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|q| quantile(&mut wall, q));
        println!(
            "  {:<34} {middle:>10.1} {:>21} {:>10.1} {:>7.2} {:>7.2}",
            way.name,
            format!("{low:.1} .. {high:.1}"),
            quantile(&mut cpu, 0.5),
            ratio(|cost| cost.wall),
            ratio(|cost| cost.cpu),
        );
    }
}

/// The value at a rank between 0 and 1; 0 where there are none.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rank among a few values"
)]
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len().saturating_sub(1)) as f64 * q;
    values.get(at.round() as usize).copied().unwrap_or(0.0)
}
