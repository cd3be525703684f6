//! What every peer shares with the harness: the case that it is asked for, and the line that it answers.
//!
//! A peer is a small program: `peer CASE DEPTH BYTES PACKETS` does that work once as a warm-up with a tenth of the
//! packets, once more with a stopwatch, and prints one line of JSON. It exits with [`NOT_OFFERED`] when it has nothing
//! like the case.

mod case;
mod meter;
mod run;

pub use case::{CAPACITY, Case, Work};
pub use meter::{Meter, paced};
pub use run::{Latency, Run};

use std::process::ExitCode;

/// Exit code of a peer that has nothing like the case that it was asked for.
pub const NOT_OFFERED: u8 = 3;

/// Why a peer did not do the work.
#[derive(Debug)]
pub enum Failure {
    /// It has nothing like it; the reason in one sentence.
    NotOffered(String),
    /// It tried and failed.
    Failed(String),
}

impl Failure {
    /// A failure of the work, from any error.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// The peer has nothing like the case.
    pub fn not_offered(reason: &str) -> Self {
        Self::NotOffered(reason.to_owned())
    }
}

/// The `main` of a peer: reads the case, does the work twice, prints the line.
pub fn answer(peer: &str, version: &str, work: impl Fn(&Case, &mut Meter) -> Result<(), Failure>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let case = match Case::parse(&arguments) {
        Ok(case) => case,
        Err(fault) => {
            eprintln!("{fault}\nusage: peer-{peer} CASE DEPTH BYTES PACKETS");
            return ExitCode::from(2);
        }
    };
    let measured = work(&case.warm_up(), &mut Meter::new()).and_then(|()| {
        let mut meter = Meter::new();
        work(&case, &mut meter)?;
        meter.run(peer, version, &case)
    });
    match measured {
        Ok(run) => {
            println!("{}", run.to_line());
            ExitCode::SUCCESS
        }
        Err(Failure::NotOffered(reason)) => {
            eprintln!("{reason}");
            ExitCode::from(NOT_OFFERED)
        }
        Err(Failure::Failed(reason)) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
