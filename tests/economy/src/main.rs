//! Does all work on both stacks, and prints the table of what it has cost.
//!
//! ```sh
//! cargo run -p sockstate-economy
//! cargo run -p sockstate-economy -- --check README.md    # is the table there the same?
//! cargo run -p sockstate-economy -- --write README.md
//! ```

use std::env;
use std::error::Error;
use std::fs;
use std::process::exit;

use sockstate_economy::table::{Row, find, replace, table};
use sockstate_economy::work::Case;

const USAGE: &str = "usage: sockstate-economy [--check FILE | --write FILE]";

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
    let rows: Vec<Row> = Case::all().into_iter().map(Row::measured).collect();
    let table = table(&rows);
    print!("{table}");
    if let Some(file) = check {
        compare(file, &table)?;
    }
    if let Some(file) = write {
        let written = replace(&fs::read_to_string(file)?, &table).ok_or_else(|| no_marks(file))?;
        fs::write(file, written)?;
    }
    Ok(())
}

fn compare(file: &str, table: &str) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let known = find(&text).ok_or_else(|| no_marks(file))?;
    if known == table {
        return Ok(());
    }
    for line in table.lines().filter(|line| !known.lines().any(|known| known == *line)) {
        eprintln!("not in {file}: {line}");
    }
    for line in known.lines().filter(|line| !table.lines().any(|now| now == *line)) {
        eprintln!("only in {file}: {line}");
    }
    Err(format!("{file} has another table: cargo run -p sockstate-economy -- --write {file}")
        .into())
}

fn no_marks(file: &str) -> String {
    format!("{file} has no place for the table, which is between two comments")
}
