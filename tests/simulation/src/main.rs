//! Runs seeds, replays one, or soaks; `--help` says how.

use std::alloc::System;
use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;

use cap::Cap;
use sockstate_simulation::{Plan, Summary, Violation, run, run_and_print, run_seeds, shrink, soak};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const HELP: &str = "\
sockstate-simulation [--seeds N] [--from N]   runs so many seeds (10,000), from that one on (0)
sockstate-simulation --seed N [--trace]       runs one; prints all that happens, and again for
                                              the shortest plan that breaks the same
sockstate-simulation --soak [--minutes N]     runs for a day, or so many minutes, of virtual time";

/// How many failures are made short.
const SHRUNK: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let number = |name: &str| -> Option<u64> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let passed = if has("--help") {
        println!("{HELP}");
        true
    } else if has("--soak") {
        run_soak(number("--minutes").unwrap_or(24 * 60))
    } else if let Some(seed) = number("--seed") {
        replay(seed, has("--trace"))
    } else {
        run_many(number("--from").unwrap_or(0), number("--seeds").unwrap_or(10_000))
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_many(from: u64, seeds: u64) -> bool {
    let summary = run_seeds(from..from + seeds, |summary| tell_of(summary, seeds));
    if stderr().is_terminal() {
        eprintln!();
    }
    println!("{:>14}  seeds\n{}", summary.seeds, summary.stats);
    for (seed, violation) in &summary.broken {
        println!("seed {seed}: {violation}");
    }
    for (seed, violation) in summary.broken.iter().take(SHRUNK) {
        explain(&Plan::random(*seed), violation);
    }
    summary.broken.is_empty()
}

/// A bar on a terminal, and a line now and then where there is none.
fn tell_of(summary: &Summary, seeds: u64) {
    const WIDTH: u64 = 40;
    let (done, broken) = (summary.seeds, summary.broken.len());
    if stderr().is_terminal() {
        let bar = "#".repeat((done * WIDTH / seeds.max(1)) as usize);
        let _ = write!(stderr(), "\r[{bar:<40}] {done} of {seeds} seeds, {broken} broken");
    } else if done % 500 == 0 {
        eprintln!("{done} of {seeds} seeds, {broken} broken");
    }
}

fn replay(seed: u64, traces: bool) -> bool {
    let plan = Plan::random(seed);
    let outcome = if traces { run_and_print(&plan) } else { run(&plan) };
    println!("{}trace {:#018x}", outcome.stats, outcome.hash);
    if let Some(violation) = &outcome.violation {
        println!("seed {seed}: {violation}");
        let short = explain(&plan, violation);
        if traces {
            run_and_print(&short);
        }
    }
    outcome.violation.is_none()
}

/// Prints the shortest plan that breaks the same.
fn explain(plan: &Plan, violation: &Violation) -> Plan {
    let (short, violation) = shrink(plan, violation);
    println!("\n{} of {} parts are enough:\n{short}{violation}", short.size(), plan.size());
    short
}

fn run_soak(minutes: u64) -> bool {
    let soak = soak(
        1,
        minutes,
        || HEAP.allocated(),
        |minute| {
            if minute % 60 == 0 {
                eprintln!("{} hours of virtual time", minute / 60);
            }
        },
    );
    println!("{soak}");
    soak.is_clean()
}
