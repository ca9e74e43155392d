//! The outcomes as a table in Markdown.

use std::fmt::Write;

use crate::Outcome;
use crate::worlds::Row;

/// A stack, and the outcome of each of its cases by name; `None` if it was not run.
pub struct Column {
    /// The stack.
    pub name: &'static str,
    /// Its outcomes.
    pub outcomes: Option<Vec<(&'static str, Outcome)>>,
}

impl Column {
    /// Runs the cases of a stack, if they can be run.
    pub fn run(name: &'static str, rows: Option<&[Row]>) -> Self {
        let run = |rows: &[Row]| rows.iter().map(|row| (row.id, row.outcome())).collect();
        Column { name, outcomes: rows.map(run) }
    }

    /// How many cases were held.
    pub fn held(&self) -> usize {
        self.outcomes.iter().flatten().filter(|(_, outcome)| outcome.is_ok()).count()
    }

    fn cell(&self, id: &str) -> String {
        let Some(outcomes) = &self.outcomes else { return "not run".to_owned() };
        match outcomes.iter().find(|(known, _)| *known == id) {
            None => "not implemented".to_owned(),
            Some((_, Ok(()))) => "yes".to_owned(),
            Some((_, Err(reason))) => format!("**no**: {reason}"),
        }
    }
}

/// The table: a line for each case, and the counts at the end.
pub fn table(rows: &[Row], columns: &[Column]) -> String {
    let mut text = String::from("| what must hold | from |");
    for column in columns {
        // Writing to a string cannot fail.
        let _ = write!(text, " {} |", column.name);
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(columns.len()));
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} | {} |", title(row.id), source(row.from));
        for column in columns {
            let _ = write!(text, " {} |", column.cell(row.id));
        }
        text.push('\n');
    }
    text.push_str("| held, of those whose trait is implemented | |");
    for column in columns {
        match &column.outcomes {
            Some(outcomes) => write!(text, " {} of {} |", column.held(), outcomes.len()),
            None => write!(text, " not run |"),
        }
        .unwrap_or_default();
    }
    text.push('\n');
    text
}

/// An identifier as words.
fn title(id: &str) -> String {
    let words = id.split('_').map(|word| match word {
        "udp" => "UDP:",
        "dns" => "DNS:",
        "ipv4" => "IPv4",
        "ipv6" => "IPv6",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Code as code, the name of a crate as it is.
fn source(from: &str) -> String {
    if from.contains("::") { format!("`{from}`") } else { from.to_owned() }
}

/// The table without the last columns: what can be compared if those were not run.
pub fn without_last(table: &str, columns: usize) -> String {
    let mut lines = String::new();
    for line in table.lines() {
        let mut cells: Vec<_> = line.trim_end_matches('|').split('|').collect();
        cells.truncate(cells.len().saturating_sub(columns));
        lines.push_str(&cells.join("|"));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "| a | b |\n|---|---|\n| 1 | 2 |\n";

    #[test]
    fn columns_that_were_not_run_are_not_compared() {
        let new = OLD.replace('2', "not run");
        assert_ne!(without_last(OLD, 0), without_last(&new, 0));
        assert_eq!(without_last(OLD, 1), without_last(&new, 1));
    }
}
