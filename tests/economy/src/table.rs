//! What the work has cost as a table in Markdown.

use std::fmt::Write;

use crate::cable::Line;
use crate::near::{Embassy, Ours};
use crate::work::{Case, Cost, IDLE, PIECE, Work};

/// A line of the table.
pub struct Row {
    /// The work.
    pub case: Case,
    /// What it has cost on sockstate.
    pub ours: Cost,
    /// What it has cost on embassy-net.
    pub theirs: Cost,
}

impl Row {
    /// Does the work on both stacks.
    pub fn measured(case: Case) -> Self {
        Row { case, ours: case.cost::<Ours>(), theirs: case.cost::<Embassy>() }
    }
}

/// The table: a line for each case.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | line | runner: polls | wake-ups | application: polls | wake-ups | all polls |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let counts: [fn(&Cost) -> u64; 5] = [
            |cost| cost.runner.polls,
            |cost| cost.runner.wakes,
            |cost| cost.application.polls,
            |cost| cost.application.wakes,
            |cost| cost.runner.polls + cost.application.polls,
        ];
        // Writing to a string cannot fail.
        let _ = write!(text, "| {} | {} |", work(&row.case), line(row.case.line));
        for count in counts {
            let per_unit = |cost| count(cost).div_ceil(row.case.units());
            let _ = write!(text, " {} / {} |", per_unit(&row.ours), per_unit(&row.theirs));
        }
        text.push('\n');
    }
    text
}

fn work(case: &Case) -> String {
    let kib = case.buffer / 1_024;
    match case.work {
        Work::Send(PIECE) => format!("the same, in writes of 1 KiB, buffers of {kib} KiB"),
        Work::Send(_) => format!("TCP, 1 MiB sent, buffers of {kib} KiB"),
        Work::Receive => format!("TCP, 1 MiB received, buffers of {kib} KiB"),
        Work::TcpRequests => "TCP, 1,000 round trips".to_owned(),
        Work::TcpRequestsAtOnce => "TCP, 1,000 round trips, Nagle's algorithm off".into(),
        Work::UdpRequests => "UDP, 1,000 round trips".to_owned(),
        Work::Beside => format!("the same beside {IDLE} idle connections"),
        Work::KeepAlive => "a connection probed each minute, 1 h".to_owned(),
        Work::IdleConnection => "an idle connection, 1 h".to_owned(),
        Work::IdleListener => "an idle listener, 1 h".to_owned(),
    }
}

fn line(line: Line) -> &'static str {
    match line {
        Line::SHORT => "0 ms",
        Line::LONG => "1 ms",
        _ => "1 ms, 100 Mbit/s",
    }
}
