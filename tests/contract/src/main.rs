//! Runs all cases on all stacks, and prints tables of their outcomes.
//!
//! ```sh
//! cargo run -p sockstate-contract                       # without the operating system's columns
//! scripts/contract                                      # with them
//! scripts/contract --check README.md                    # are the tables there the same?
//! scripts/contract --write README.md
//! ```

use std::error::Error;
use std::panic;

use sockstate_contract::suites::{self, Suite};
use sockstate_contract::table::{Column, table, without_last};
use sockstate_tables::Task;

fn main() {
    sockstate_tables::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut task = Task::from_arguments()?;
    let mut faults = Vec::new();
    for suite in suites::all() {
        let name = suite.name;
        let Tried { table, not_run, not_held } = tried(suite);
        println!("{name}:\n{table}");
        if not_run > 0 {
            eprintln!(
                "{name}: the last {not_run} not run: needs a namespace, see scripts/contract"
            );
            if let Task::Write(_) = task {
                return Err("not written: the table is not complete".into());
            }
        }
        if not_held > 0 {
            faults.push(format!("{name}: sockstate does not hold all of them"));
        }
        // Columns that were not run are not compared.
        faults.extend(task.settle(name, &table, |table| without_last(table, not_run)).err());
    }
    task.finish()?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// What came of a suite.
struct Tried {
    table: String,
    /// How many of the stacks could not be run.
    not_run: usize,
    /// How many cases ours did not hold.
    not_held: usize,
}

fn tried(suite: Suite) -> Tried {
    // A panic is an outcome here, and told in the table.
    panic::set_hook(Box::new(|_| {}));
    let columns: Vec<_> =
        suite.stacks.iter().map(|(name, rows)| Column::run(name, rows.as_deref())).collect();
    let _ = panic::take_hook();
    let rows = suite.stacks.first().and_then(|(_, rows)| rows.as_deref()).unwrap_or_default();
    Tried {
        table: table(rows, &columns),
        not_run: columns.iter().filter(|column| column.outcomes.is_none()).count(),
        not_held: columns.first().map_or(0, |ours| rows.len() - ours.held()),
    }
}
