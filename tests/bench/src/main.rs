//! Measures the stacks, and prints tables of it: see `scripts/bench`, which builds what this needs.

use std::env;

use sockstate_bench::results::Programs;
use sockstate_bench::{report, stacks};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sockstate_tables::end(match arguments[..] {
        // What the program asks of itself, and of its other builds.
        ["list"] => stacks::list(),
        ["case", stack, work, idle, count, times] => stacks::run(stack, [work, idle, count, times]),
        [tasks, plain, sizes, more_sizes, ref task @ ..] => {
            report::run(&Programs { tasks, plain, sizes, more_sizes }, task)
        }
        _ => Err("arguments: see scripts/bench".into()),
    })
}
