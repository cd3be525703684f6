//! What is written down: every run as CSV, what they say as Markdown, and plots.

use crate::Outcome;
use crate::collect::Refusal;
use crate::draw;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::plan::BYTES;
use crate::rows::{self, Place, Row};
use crate::table::Table;
use crate::tables::{TITLES, in_full, in_short, name};
use compare_common::{Run, Work};
use std::fs;
use std::path::Path;

/// Everything that there is to write down.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) runs: Vec<(usize, Run)>,
    pub(crate) refused: Vec<Refusal>,
    /// Who could not be installed or built, and why.
    pub(crate) missing: Vec<(&'static Peer, String)>,
    pub(crate) machine: Machine,
    /// The command that led to it.
    pub(crate) command: String,
}

const COLUMNS: [&str; 17] = [
    "round",
    "peer",
    "version",
    "case",
    "depth",
    "bytes",
    "packets",
    "seconds",
    "ns_per_packet",
    "p50_ns",
    "p90_ns",
    "p99_ns",
    "p999_ns",
    "max_ns",
    "cpu_seconds",
    "threads",
    "rss_bytes",
];

impl Report {
    /// Writes `compare.csv`, `compare.md` and the plots into a folder.
    ///
    /// # Errors
    /// Something cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Outcome {
        let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
        let rows = rows::rows(&self.runs);
        fs::create_dir_all(folder).map_err(fault)?;
        fs::write(folder.join("compare.csv"), self.csv()?).map_err(fault)?;
        fs::write(folder.join("compare.md"), self.markdown(&rows)).map_err(fault)?;
        draw::latency(&rows).write(&folder.join("compare-latency.svg"))?;
        draw::chain(&rows, BYTES).write(&folder.join("compare-chain.svg"))?;
        draw::payload(&rows, BYTES).write(&folder.join("compare-payload.svg"))
    }

    /// Every run as it was.
    fn csv(&self) -> Outcome<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS).map_err(|error| error.to_string())?;
        for (round, run) in &self.runs {
            writer.write_record(record(*round, run)).map_err(|error| error.to_string())?;
        }
        writer.into_inner().map_err(|error| error.to_string())
    }

    fn markdown(&self, rows: &[Row]) -> String {
        let mut text = String::from("# Graphmill and others, side by side\n\n");
        text.push_str(&self.circumstances());
        text.push_str(&in_short(rows));
        text.push_str("## In full\n\n");
        for (work, title) in TITLES {
            text.push_str(&in_full(rows, *work, title));
        }
        text.push_str(&self.left_out());
        text.trim_end().to_owned() + "\n"
    }

    fn circumstances(&self) -> String {
        let Machine { hardware, date, commit, compiler, .. } = &self.machine;
        let rounds = self.runs.iter().map(|(round, _)| round + 1).max().unwrap_or(0);
        let mut versions: Vec<&str> = Vec::new();
        for (_, run) in &self.runs {
            if !versions.contains(&run.version.as_str()) {
                versions.push(&run.version);
            }
        }
        format!(
            "`{}` on {date}, commit {commit}, {compiler}.\n{hardware}. {}\n\n\
             Versions: {}.\n\n\
             Rounds: {rounds}, in each of which every peer does each case once. Figures are the median of the rounds with \
             the smallest and the largest in brackets; ratios are made within a round. What each peer does and with which \
             settings is in [the folder of the programs](../compare/README.md); every run is in `compare.csv`.\n\n\
             ![time against the length of a chain](compare-chain.svg)\n\
             ![spread of the time of a packet](compare-latency.svg)\n\
             ![time against the size of a packet](compare-payload.svg)\n\n",
            self.command,
            self.machine.quiet_sentence(),
            versions.join(", "),
        )
    }

    /// Who is missing where.
    fn left_out(&self) -> String {
        let text = String::from("## Left out\n\n");
        let mut table = Table::new(&["Who", "Where", "Why"]);
        for (peer, reason) in &self.missing {
            table.row([peer.title.into(), "everywhere".into(), reason.clone()]);
        }
        let mut said: Vec<(&str, Work, &str)> = Vec::new();
        for Refusal { peer, case, reason, is_not_offered } in &self.refused {
            let place = if *is_not_offered { case.work.to_string() } else { name(Place::of_case(case)) };
            // What is not offered is not offered at any depth.
            if *is_not_offered && said.contains(&(peer.name, case.work, reason)) {
                continue;
            }
            said.push((peer.name, case.work, reason));
            table.row([peer.title.into(), place, reason.clone()]);
        }
        text + &table.finish()
    }
}

fn record(round: usize, run: &Run) -> Vec<String> {
    let latency = |figure: fn(&compare_common::Latency) -> u64| {
        run.latency.as_ref().map(|latency| figure(latency).to_string()).unwrap_or_default()
    };
    let or_empty = |figure: Option<u64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    vec![
        round.to_string(),
        run.peer.clone(),
        run.version.clone(),
        run.case.to_string(),
        run.depth.to_string(),
        run.bytes.to_string(),
        run.packets.to_string(),
        format!("{:.6}", run.seconds),
        format!("{:.1}", run.ns_per_packet()),
        latency(|latency| latency.p50_ns),
        latency(|latency| latency.p90_ns),
        latency(|latency| latency.p99_ns),
        latency(|latency| latency.p999_ns),
        latency(|latency| latency.max_ns),
        run.cpu_seconds.map(|seconds| format!("{seconds:.6}")).unwrap_or_default(),
        or_empty(run.threads),
        or_empty(run.rss_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Quiet;
    use crate::peers;
    use crate::rows::tests::run;
    use compare_common::Case;

    fn report() -> Report {
        let case = |depth| Case { work: Work::Inline, depth, bytes: 64, packets: 1000 };
        let refusal = |depth, is_not_offered| Refusal {
            peer: peers::find("tokio").unwrap(),
            case: case(depth),
            reason: "no a|b".into(),
            is_not_offered,
        };
        Report {
            runs: vec![
                (0, run("graphmill", Work::Inline, 1.0)),
                (0, run("gstreamer", Work::Inline, 3.0)),
                (0, run("graphmill", Work::Call, 1.0)),
                (0, run("tokio", Work::Call, 5.0)),
            ],
            refused: vec![refusal(1, true), refusal(2, true), refusal(4, false)],
            missing: vec![(peers::find("futuresdr").unwrap(), "not built: no space".into())],
            machine: Machine::now(&Quiet::begin()),
            command: "cargo xtask compare".into(),
        }
    }

    #[test]
    fn who_is_missing_is_listed_with_the_reason() {
        let text = report().left_out();
        assert!(text.contains("| FutureSDR | everywhere | not built: no space |\n"), "{text}");
        assert_eq!(text.matches("| tokio hand-shake | inline | no a\\|b |").count(), 1, "{text}");
        assert!(text.contains("| tokio hand-shake | inline x 4, 64 bytes | no a\\|b |\n"), "{text}");
    }

    #[test]
    fn every_run_is_a_line_of_the_csv() {
        let report = report();
        let csv = String::from_utf8(report.csv().unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 1 + report.runs.len());
        assert_eq!(lines[0], COLUMNS.join(","));
        assert!(lines[1].starts_with("0,graphmill,graphmill 1.0,inline,8,64,1000,1.000000,1000000.0,,,,,,1.0"));
        assert!(lines[4].starts_with("0,tokio,tokio 1.0,call,8,64,1000,5.000000,5000000.0,5000000,10000000,"));
    }

    #[test]
    fn all_files_are_written() {
        let folder = std::env::temp_dir().join(format!("compare-report-{}", std::process::id()));
        report().write(&folder).unwrap();
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["compare-chain.svg", "compare.csv", "compare.md"], "and no plot of what was not measured");
    }
}
