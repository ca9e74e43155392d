//! What was measured as tables in Markdown.

use std::fmt::Write;

use crate::memory::Bytes;
use crate::results::{BESIDE, IDLE, Results, TRACED};
use crate::stacks::TUNED;
use crate::work::{Case, Idle, Work};

/// How far a ratio may be from the one in a table, which another compiler may have made.
pub const TOLERANCE: f64 = 0.02;

/// The work, as instructions are told of it.
pub fn of_one_unit(work: Work) -> &'static str {
    match work {
        Work::TcpRoundTrip => "TCP round trip",
        Work::UdpRoundTrip => "UDP round trip",
        Work::Churn => "connection with one request",
        Work::Send => "segment sent",
        Work::Receive => "segment received",
        Work::LookUp => "look-up of a name",
        Work::Burst => "256 clients at once",
        Work::Parallel => "64 connections at once",
        Work::SendWithLoss => "segment sent, with loss",
        Work::ReceiveWithLoss => "segment received, with loss",
    }
}

/// The work, as it is done once.
fn of_all(work: Work) -> &'static str {
    match work {
        Work::Send => "256 KiB sent",
        Work::Receive => "256 KiB received",
        Work::SendWithLoss => "256 KiB sent, with loss",
        Work::ReceiveWithLoss => "256 KiB received, with loss",
        _ => of_one_unit(work),
    }
}

/// What it is done beside.
pub fn beside(case: Case) -> String {
    match case.idle {
        None => "alone".to_owned(),
        Some((idle, count)) => format!("beside {} {}", grouped(count as f64), sockets(idle)),
    }
}

fn sockets(idle: Idle) -> &'static str {
    match idle {
        Idle::Listening => "listeners",
        Idle::Connected => "connections",
        Idle::Udp => "UDP sockets",
    }
}

/// Instructions of all work on all stacks, with ratios to bare smoltcp in the tuned style.
pub fn work(results: &Results) -> String {
    let mut text = header(&["instructions"], titles(results));
    for work in Work::ALL {
        let cells = results.stacks.iter().map(|stack| {
            let cost = results.cost(&stack.name, Case::alone(work)).map(grouped);
            match results.ratio(&stack.name, TUNED, work) {
                Some(ratio) if stack.name != TUNED => {
                    cost.map(|cost| format!("{cost} ({ratio:.2})"))
                }
                _ => cost,
            }
        });
        row(&mut text, &[of_one_unit(work)], cells);
    }
    text
}

/// Instructions beside idle sockets.
pub fn idle(results: &Results) -> String {
    let counts = || [0].into_iter().chain(IDLE);
    let mut text =
        header(&["instructions", "beside", "stack"], counts().map(|n| grouped(n as f64)));
    for work in BESIDE {
        for idle in Idle::ALL {
            for stack in &results.stacks {
                let cells = counts().map(|count| {
                    let idle = (count > 0).then_some((idle, count));
                    results.cost(&stack.name, Case { work, idle }).map(grouped)
                });
                row(&mut text, &[of_one_unit(work), sockets(idle), &stack.title], cells);
            }
        }
    }
    text
}

/// Frames and virtual time.
pub fn frames(results: &Results) -> String {
    let mut text = header(&["frames; seconds, if any pass"], titles(results));
    for work in TRACED {
        let cells = results.stacks.iter().map(|stack| {
            let [frames, micros] = results.trace(&stack.name, work)?;
            let frames =
                if frames.fract() == 0.0 { grouped(frames) } else { format!("{frames:.1}") };
            let seconds = micros / 1_000_000.0;
            Some(if micros == 0.0 { frames } else { format!("{frames}; {seconds:.2} s") })
        });
        row(&mut text, &[of_all(work)], cells);
    }
    text
}

/// Wall time as ratios.
pub fn wall(results: &Results) -> String {
    let columns = ["times less time", "half of the pairs"].map(str::to_owned);
    let mut text = header(&["work", "beside"], columns);
    for ratio in &results.wall {
        let [low, median, high] = ratio.quartiles.map(|ratio| format!("{ratio:.2}"));
        let beside = beside(ratio.case);
        let beside = beside.trim_start_matches("beside ");
        let cells = [median, format!("{low} to {high}")].map(Some);
        row(&mut text, &[of_one_unit(ratio.case.work), beside], cells);
    }
    text
}

/// Bytes of sockets and stacks.
pub fn memory(results: &Results) -> String {
    let columns = ["bare smoltcp", "sockstate", "with `watch` and `async`"].map(str::to_owned);
    let mut text = header(&["bytes"], columns);
    let [some, more] = &results.sizes;
    let rows = [
        ("TCP socket, without buffers", some.tcp, more.tcp),
        ("UDP socket, without buffers", some.udp, more.udp),
        ("stack, without sockets and device", some.fixed, more.fixed),
    ];
    for (what, some, more) in rows {
        let ours = |Bytes { ours, bare }| {
            format!("{} ({:+})", grouped(ours as f64), ours as i64 - bare as i64)
        };
        row(&mut text, &[what], [grouped(some.bare as f64), ours(some), ours(more)].map(Some));
    }
    text
}

fn titles(results: &Results) -> impl Iterator<Item = String> {
    results.stacks.iter().map(|stack| stack.title.clone())
}

fn header(names: &[&str], columns: impl IntoIterator<Item = String>) -> String {
    let (mut text, mut line) = (String::from("|"), String::from("|"));
    for name in names {
        text += &format!(" {name} |");
        line += "---|";
    }
    for column in columns {
        text += &format!(" {column} |");
        line += "---:|";
    }
    format!("{text}\n{line}\n")
}

fn row(text: &mut String, names: &[&str], cells: impl IntoIterator<Item = Option<String>>) {
    *text += "|";
    // Writing to a string cannot fail.
    for name in names {
        let _ = write!(text, " {name} |");
    }
    for cell in cells {
        let _ = write!(text, " {} |", cell.as_deref().unwrap_or("–"));
    }
    *text += "\n";
}

/// A whole number, with commas between thousands.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 && digits != "0" { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that was shown.
pub fn number(shown: &str) -> Option<f64> {
    shown.replace(',', "").parse().ok()
}

/// The cells of a line of a table.
pub fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.split('|').map(str::trim).collect()
}

/// Where the ratios in a table, which are in brackets, differ from those in another one.
pub fn differences(known: &str, now: &str) -> Vec<String> {
    let ratio = |cell: &str| number(cell.split_once('(')?.1.strip_suffix(')')?);
    if known.lines().count() != now.lines().count() || known.lines().next() != now.lines().next() {
        return vec!["the table has other lines or columns".to_owned()];
    }
    let mut found = vec![];
    let titles = now.lines().next().map(cells).unwrap_or_default();
    for (known, now) in known.lines().zip(now.lines()) {
        let (known, now) = (cells(known), cells(now));
        for ((known, cell), title) in known.iter().zip(&now).zip(&titles) {
            let same = match (ratio(known), ratio(cell)) {
                (Some(known), Some(now)) => (known - now).abs() <= TOLERANCE + 1e-9,
                (known, now) => known.is_none() && now.is_none(),
            };
            if !same {
                found.push(format!("{}, {title}: {cell} now, was {known}", now[0]));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0.0, 999.4, 999.5, 123_456.0, 1_234_567.0, -1_000.0, -0.2].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "123,456", "1,234,567", "-1,000", "0"]);
        assert_eq!(number("1,234,567"), Some(1_234_567.0));
        assert_eq!(number("–"), None);
    }

    #[test]
    fn ratios_are_compared_and_digits_are_not() {
        let table = |cost, ratio| {
            let mut text = header(&["work"], ["bare", "typed"].map(str::to_owned));
            row(&mut text, &["it"], [Some("1,000".to_owned()), Some(format!("{cost} ({ratio})"))]);
            text
        };
        let known = table("1,100", "1.10");
        assert_eq!(differences(&known, &table("2,240", "1.12")).len(), 0);
        let found = differences(&known, &table("2,260", "1.13"));
        assert_eq!(found, ["it, typed: 2,260 (1.13) now, was 1,100 (1.10)"]);
        assert_eq!(differences(&known, &known.replace("typed", "nal")).len(), 1);
        assert_eq!(differences(&known, &known.replace(" (1.10)", "")).len(), 1);
    }
}
