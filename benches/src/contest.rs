//! Measures several ways to do the same work, in turns, and tells how they compare.
//!
//! A machine that is busy for a while slows down whoever happens to run then. So the ways take turns, many times, and
//! what counts is the median of the ratios of neighbours: each turn is compared with the baseline's turn next to it.
//! Besides the time on the wall every turn has its processor time, which other programs disturb much less.

use rustix::time::{ClockId, clock_gettime};
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
    rounds: usize,
    filter: Option<String>,
}

impl Request {
    /// Reads the arguments: `--rounds N`, and a text that the names of contests have to contain.
    pub fn from_arguments() -> Self {
        let mut request = Self { rounds: 11, filter: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rounds" => {
                    request.rounds = words.next().and_then(|count| count.parse().ok()).unwrap_or(request.rounds);
                }
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

    /// Measures the ways in turns and prints a line for each. The first one is the baseline; `count` is how many
    /// operations one run of any of them makes.
    pub fn contest(&self, name: &str, count: u64, mut ways: Vec<Way<'_>>) {
        if !self.wants(name) {
            return;
        }
        // One turn each to warm up.
        ways.iter_mut().for_each(|way| (way.run)());
        let rounds: Vec<Vec<Cost>> = (0..self.rounds.max(1))
            .map(|_| ways.iter_mut().map(|way| Cost::of(&mut way.run, count)).collect())
            .collect();
        tell(name, &ways, &rounds);
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
