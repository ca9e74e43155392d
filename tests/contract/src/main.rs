//! Runs all cases on all stacks, and prints the table of their outcomes.
//!
//! ```sh
//! cargo run -p sockstate-contract                       # without the operating system's column
//! scripts/contract                                      # with it
//! scripts/contract --check README.md                    # is the table there the same?
//! scripts/contract --write README.md
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::panic;
use std::process::exit;

use sockstate_contract::table::{Column, find, replace, table, without_last};
use sockstate_contract::worlds::{Ours, SmoltcpNal, StdNal};

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

    // A panic is an outcome here, and told in the table.
    panic::set_hook(Box::new(|_| {}));
    let rows = Ours::rows();
    let columns = [
        Column::run("sockstate", Some(Ours::rows())),
        Column::run("smoltcp-nal 0.7", Some(SmoltcpNal::rows())),
        Column::run("std-embedded-nal 0.4", StdNal::rows()),
    ];
    let _ = panic::take_hook();

    let text = table(&rows, &columns);
    print!("{text}");
    let not_run = columns.iter().filter(|column| column.outcomes.is_none()).count();
    if not_run > 0 {
        eprintln!("std-embedded-nal was not run: it needs a namespace, see scripts/contract");
    }
    if let Some(file) = check {
        compare(file, &text, not_run)?;
    }
    if let Some(file) = write {
        if not_run > 0 {
            return Err("not written: the table is not complete".into());
        }
        let written = replace(&fs::read_to_string(file)?, &text).ok_or_else(|| no_marks(file))?;
        fs::write(file, written)?;
    }
    if columns[0].held() < rows.len() {
        return Err("sockstate does not hold all of them".into());
    }
    Ok(())
}

/// Compares the columns that were run with those of a file.
fn compare(file: &str, table: &str, not_run: usize) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let known = without_last(find(&text).ok_or_else(|| no_marks(file))?, not_run);
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
    Err(format!("{file} has another table: scripts/contract --write {file}").into())
}

fn no_marks(file: &str) -> String {
    format!("{file} has no place for the table, which is between two comments")
}
