//! Tables of what was measured, and their place in a file: between two comments with their name.

use std::env;
use std::error::Error;
use std::fs;
use std::process::exit;

/// What a program is to do with its tables, beside printing them.
pub enum Task {
    /// Nothing.
    Print,
    /// To compare them with the ones in a file.
    Check(Document),
    /// To put them into a file.
    Write(Document),
}

/// Ends the program: with success, or with what was at fault on stderr.
pub fn end(outcome: Result<(), Box<dyn Error>>) -> ! {
    if let Err(error) = &outcome {
        eprintln!("{error}");
    }
    exit(outcome.is_err().into())
}

/// A file with tables.
pub struct Document {
    name: String,
    text: String,
}

impl Task {
    /// What the command line says: nothing, `--check FILE` or `--write FILE`.
    pub fn from_arguments() -> Result<Self, Box<dyn Error>> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Task::of(&arguments)
    }

    /// What the end of a command line says, of a program that wants more before it.
    pub fn of(arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        match *arguments {
            [] => Ok(Task::Print),
            ["--check", file] => Ok(Task::Check(Document::read(file)?)),
            ["--write", file] => Ok(Task::Write(Document::read(file)?)),
            _ => Err("arguments: [--check FILE | --write FILE]".into()),
        }
    }

    /// The table of this name in the file that it is to be compared with.
    pub fn known(&self, name: &str) -> Option<&str> {
        match self {
            Task::Check(document) => find(&document.text, name),
            Task::Print | Task::Write(_) => None,
        }
    }

    /// Does it for one table. What is compared is what `part` leaves of both.
    pub fn settle(
        &mut self,
        name: &str,
        table: &str,
        part: impl Fn(&str) -> String,
    ) -> Result<(), String> {
        match self {
            Task::Print => Ok(()),
            Task::Check(document) => document.compare(name, table, part),
            Task::Write(document) => document.replace(name, table),
        }
    }

    /// The last step: the file is written if it is to be.
    pub fn finish(self) -> Result<(), Box<dyn Error>> {
        match self {
            Task::Write(document) => Ok(fs::write(document.name, document.text)?),
            Task::Print | Task::Check(_) => Ok(()),
        }
    }
}

impl Document {
    fn read(name: &str) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        Ok(Document { name: name.to_owned(), text })
    }

    fn compare(
        &self,
        name: &str,
        table: &str,
        part: impl Fn(&str) -> String,
    ) -> Result<(), String> {
        let known = find(&self.text, name).ok_or_else(|| self.no_marks(name))?;
        let (known, now) = (part(known), part(table));
        if known == now {
            return Ok(());
        }
        let file = &self.name;
        for line in now.lines().filter(|line| !known.lines().any(|known| known == *line)) {
            eprintln!("not in {file}: {line}");
        }
        for line in known.lines().filter(|line| !now.lines().any(|now| now == *line)) {
            eprintln!("only in {file}: {line}");
        }
        Err(format!("{file} has another table {name}; with --write in place of --check, this one"))
    }

    fn replace(&mut self, name: &str, table: &str) -> Result<(), String> {
        self.text = replace(&self.text, name, table).ok_or_else(|| self.no_marks(name))?;
        Ok(())
    }

    fn no_marks(&self, name: &str) -> String {
        format!("{} has no place for the table {name}, which is between two comments", self.name)
    }
}

/// What stands around a table.
fn marks(name: &str) -> (String, String) {
    (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"))
}

/// The table of this name in a text.
fn find<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (begin, end) = marks(name);
    let (_, rest) = text.split_once(&begin)?;
    Some(rest.split_once(&end)?.0)
}

/// The text with this table in the place of the one of this name.
fn replace(text: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = marks(name);
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "| a | b |\n|---|---|\n| 1 | 2 |\n";

    #[test]
    fn a_table_is_found_and_replaced_between_its_marks() {
        let text = format!("before\n<!-- b -->\n<!-- /b --><!-- a -->\n{OLD}<!-- /a -->\nafter\n");
        assert_eq!(find(&text, "a"), Some(OLD));
        let new = replace(&text, "a", "| new |\n").expect("the marks");
        assert_eq!((find(&new, "a"), find(&new, "b")), (Some("| new |\n"), Some("")));
        assert_eq!(replace(&new, "a", OLD).as_deref(), Some(text.as_str()));
        assert_eq!((find("none", "a"), replace("none", "a", OLD)), (None, None));
    }

    #[test]
    fn only_a_part_is_compared_if_so_wished() {
        let text = format!("<!-- a -->\n{OLD}<!-- /a -->\n");
        let document = Document { name: "a file".to_owned(), text };
        let new = OLD.replace('2', "3");
        assert!(document.compare("a", &new, str::to_owned).is_err());
        assert!(document.compare("a", &new, |table| table[..2].to_owned()).is_ok());
    }
}
