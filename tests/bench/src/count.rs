//! Counts instructions: runs one of the programs under callgrind, with two lengths for each case, and
//! takes the difference, so that setting up and warming up drop out.

use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::stacks::{Trace, arguments};
use crate::work::Case;

/// The functions whose instructions count, with all that they call: [`World`](crate::world::World)'s
/// `near_end`.
const COUNTED: &str = "--toggle-collect=*near_end*";

/// A stack, as the program knows it that has it.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The program.
    pub program: String,
    pub name: String,
    pub title: String,
}

impl Stack {
    /// All that a program has.
    pub fn all_of(program: &str) -> Result<Vec<Stack>, String> {
        let listed = output(Command::new(program).arg("list"))?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        let stacks = listed.lines().filter_map(|line| line.split_once(": "));
        let stack = |(name, title): (&str, &str)| {
            let program = program.to_owned();
            Stack { program, name: name.to_owned(), title: title.to_owned() }
        };
        Ok(stacks.map(stack).collect())
    }

    /// Instructions of one unit of the work; none if the stack cannot do it.
    pub fn cost(&self, case: Case) -> Result<Option<f64>, String> {
        let [least, most] = case.times();
        let [Some(short), Some(long)] =
            [self.instructions(case, least)?, self.instructions(case, most)?]
        else {
            return Ok(None);
        };
        Ok(Some((long - short) as f64 / f64::from(most - least) / case.work.units()))
    }

    /// What can be seen of one time of the work; none if the stack cannot do it.
    pub fn trace(&self, case: Case) -> Result<Option<[f64; 2]>, String> {
        let [least, most] = case.times();
        let [short, long] = [least, most].map(|times| {
            let output =
                output(Command::new(&self.program).args(arguments(&self.name, case, times)))?;
            Ok::<_, String>(Trace::parse(&String::from_utf8_lossy(&output.stdout)))
        });
        let (Some(short), Some(long)) = (short?, long?) else { return Ok(None) };
        let differences =
            [(long.frames - short.frames) as f64, (long.micros - short.micros) as f64];
        Ok(Some(differences.map(|difference| difference / f64::from(most - least))))
    }

    fn instructions(&self, case: Case, times: u32) -> Result<Option<u64>, String> {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
            .arg(COUNTED)
            .arg(&self.program)
            .args(arguments(&self.name, case, times));
        let output = output(&mut valgrind)?;
        if output.stdout.is_empty() {
            return Ok(None);
        }
        let report = String::from_utf8_lossy(&output.stderr);
        let collected = report.lines().find_map(|line| line.split("Collected : ").nth(1));
        let count = collected.and_then(|count| count.trim().parse().ok());
        Ok(Some(count.ok_or_else(|| format!("no count of instructions: {report}"))?))
    }
}

/// Runs a program to its end, which must be a good one.
pub fn output(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Does something with each, as many at a time as there are processors. The results are in order.
pub fn each<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { break };
                    let result = work(job);
                    results.lock().expect("no other has panicked").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("none has panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..32).collect();
        let doubled = each(&jobs, |job| {
            // The first ones have the most to do.
            (0..(32 - job) * 10_000).for_each(|step| {
                std::hint::black_box(step);
            });
            2 * job
        });
        assert_eq!(doubled, jobs.iter().map(|job| 2 * job).collect::<Vec<_>>());
    }
}
