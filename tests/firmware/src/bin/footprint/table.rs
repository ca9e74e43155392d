//! What was measured as a table in Markdown.

use std::fmt::Write;

/// A line of the table.
pub struct Row {
    pub what: String,
    pub ours: i64,
    pub twin: i64,
    pub bound: Option<Bound>,
    /// [`PEERS`]'.
    pub peers: Option<[i64; 2]>,
}

/// Other stacks, for comparison.
pub const PEERS: [&str; 2] = ["smoltcp-nal 0.7", "embassy-net 0.9.1"];

/// What the table says of a bound that is not kept.
const NOT_KEPT: &str = "**no**";

/// How much more than the twin's it may be.
#[derive(Clone, Copy)]
pub enum Bound {
    By(i64),
    Percent(i64),
}

impl Row {
    /// Whether it is within its bound, if it has one.
    pub fn is_kept(&self) -> Option<bool> {
        let more = self.ours - self.twin;
        self.bound.map(|bound| match bound {
            Bound::By(most) => more <= most,
            Bound::Percent(most) => 100 * more <= most * self.twin,
        })
    }

    fn more(&self) -> String {
        let more = self.ours - self.twin;
        match self.bound {
            Some(Bound::Percent(_)) => format!("{:.1} %", 100.0 * more as f64 / self.twin as f64),
            _ => grouped(more),
        }
    }

    fn bound(&self) -> String {
        match self.bound {
            Some(Bound::By(most)) => grouped(most),
            Some(Bound::Percent(most)) => format!("{most} %"),
            None => String::new(),
        }
    }

    fn outcome(&self) -> &'static str {
        match self.is_kept() {
            Some(true) => "yes",
            Some(false) => NOT_KEPT,
            None => "",
        }
    }
}

/// The table of what this compiler has made.
pub fn table(compiler: &str, rows: &[Row]) -> String {
    let [nal, embassy] = PEERS;
    let mut text = format!(
        "| by {compiler} | sockstate | bare smoltcp | more | at most | kept | {nal} | {embassy} |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let (ours, twin) = (grouped(row.ours), grouped(row.twin));
        let (what, more, bound, kept) = (&row.what, row.more(), row.bound(), row.outcome());
        let [nal, embassy] = row.peers.map_or_else(Default::default, |peers| peers.map(grouped));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {what} | {ours} | {twin} | {more} | {bound} | {kept} | {nal} | {embassy} |"
        );
    }
    text
}

/// Which bounds are not kept, of those of which a known table does not say so.
pub fn broken_claims(known: &str, rows: &[Row]) -> Vec<String> {
    let is_admitted = |row: &Row| {
        let mut lines = known.lines().map(|line| line.split('|').map(str::trim));
        lines.any(|mut cells| cells.nth(1) == Some(&row.what) && cells.any(|cell| cell == NOT_KEPT))
    };
    rows.iter()
        .filter(|row| row.is_kept() == Some(false) && !is_admitted(row))
        .map(|row| format!("{}: the bound is not kept, and the table does not say so", row.what))
        .collect()
}

/// With commas between thousands.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let grouped: Vec<_> = [0, 999, 1_000, -123_456, 1_234_567].map(grouped).into();
        assert_eq!(grouped, ["0", "999", "1,000", "-123,456", "1,234,567"]);
    }

    #[test]
    fn a_bound_is_kept_up_to_and_with_its_value() {
        let row = |ours, bound| {
            let (what, twin, bound) = (String::new(), 200, Some(bound));
            Row { what, ours, twin, bound, peers: None }
        };
        assert_eq!(row(210, Bound::By(10)).is_kept(), Some(true));
        assert_eq!(row(211, Bound::By(10)).is_kept(), Some(false));
        assert_eq!(row(210, Bound::Percent(5)).is_kept(), Some(true));
        assert_eq!(row(211, Bound::Percent(5)).is_kept(), Some(false));
        assert_eq!(row(211, Bound::Percent(5)).more(), "5.5 %");
    }

    #[test]
    fn a_table_that_admits_that_a_bound_is_not_kept_claims_nothing() {
        let row = |what: &str, ours| {
            let (what, bound) = (what.to_owned(), Some(Bound::By(10)));
            Row { what, ours, twin: 0, bound, peers: None }
        };
        let known = table("rustc", &[row("a", 11), row("a, b", 10), row("c", 11)]);
        let rows = [row("a", 12), row("a, b", 12), row("c", 9), row("new", 12)];
        let claims = broken_claims(&known, &rows);
        let about: Vec<_> = claims.iter().map(|claim| claim.split_once(':').unwrap().0).collect();
        assert_eq!(about, ["a, b", "new"]);
    }
}
