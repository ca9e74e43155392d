//! Runs all cases on all stacks, and prints tables of their outcomes.
//!
//! ```sh
//! cargo run -p sockstate-contract                       # without the operating system's columns
//! scripts/contract                                      # with them
//! scripts/contract --check README.md                    # are the tables there the same?
//! scripts/contract --write README.md
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::panic;
use std::process::exit;

use sockstate_contract::suites::{self, Suite};
use sockstate_contract::table::{Column, find, replace, table, without_last};

const USAGE: &str = "usage: sockstate-contract [--check FILE | --write FILE]";

fn main() {
    match run() {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("{error}");
            exit(1);
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (check, write) = match arguments[..] {
        [] => (None, None),
        ["--check", file] => (Some(file), None),
        ["--write", file] => (None, Some(file)),
        _ => return Err(USAGE.into()),
    };

    let mut text = check.or(write).map(fs::read_to_string).transpose()?;
    let mut faults = Vec::new();
    for suite in suites::all() {
        let name = suite.name;
        let Tried { table, not_run, not_held } = tried(suite);
        println!("{name}:\n{table}");
        if not_run > 0 {
            eprintln!(
                "{name}: the last {not_run} not run: needs a namespace, see scripts/contract"
            );
        }
        if not_held > 0 {
            faults.push(format!("{name}: sockstate does not hold all of them"));
        }
        if let (Some(file), Some(text)) = (check, &text) {
            faults.extend(compare(file, text, name, &table, not_run).err());
        }
        if let (Some(file), Some(text)) = (write, &mut text) {
            if not_run > 0 {
                return Err("not written: the table is not complete".into());
            }
            *text = replace(text, name, &table).ok_or_else(|| no_marks(file, name))?;
        }
    }
    if let (Some(file), Some(text)) = (write, text) {
        fs::write(file, text)?;
    }
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

/// Compares the columns that were run with those of the table of this name in a file.
fn compare(file: &str, text: &str, name: &str, table: &str, not_run: usize) -> Result<(), String> {
    let known = without_last(find(text, name).ok_or_else(|| no_marks(file, name))?, not_run);
    let now = without_last(table, not_run);
    if known == now {
        return Ok(());
    }
    for line in now.lines().filter(|line| !known.lines().any(|known| known == *line)) {
        eprintln!("not in {file}: {line}");
    }
    for line in known.lines().filter(|line| !now.lines().any(|now| now == *line)) {
        eprintln!("only in {file}: {line}");
    }
    Err(format!("{file} has another table {name}: scripts/contract --write {file}"))
}

fn no_marks(file: &str, name: &str) -> String {
    format!("{file} has no place for the table {name}, which is between two comments")
}
