//! The bounds, and whether they are kept.

use std::fmt::Write;

use crate::results::{BESIDE, MOST_IDLE, PLAIN, Results};
use crate::stacks::{DOCUMENTED, EMBASSY_NET, NAL, SMOLTCP_NAL, TASKS, TUNED, TYPED};
use crate::table::{self, beside, grouped, number, of_one_unit};
use crate::work::{Case, Idle, Work};

/// How many times the instructions of bare smoltcp in the tuned style a stack may take.
const TO_TUNED: [(&str, f64); 2] = [(TYPED, 1.03), (NAL, 1.06)];
/// Who takes fewer instructions than whom, for all that both can do.
const FEWER: [(&str, &str); 3] = [(TYPED, DOCUMENTED), (TYPED, SMOLTCP_NAL), (TASKS, EMBASSY_NET)];
/// How many times the instructions of the typed sockets alone they may take beside many idle ones.
const BESIDE_MANY: f64 = 1.02;
/// How many times less time they take then than bare smoltcp in the tuned style.
const LESS_TIME: f64 = 40.0;
/// Bytes that a socket may take beyond smoltcp's own.
const BYTES: f64 = 48.0;
/// Where no more frames are sent than in the better style of bare smoltcp.
const FRAMES: [Work; 2] = [Work::Burst, Work::Parallel];
/// How many times the instructions may be without optimization over crates.
const WITHOUT_LTO: f64 = 1.05;

/// Something measured that has a bound.
pub struct Bound {
    what: String,
    measured: f64,
    limit: Limit,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// The same for each run of the same program, and about the same by another compiler.
    Ratio,
    /// A ratio of times, which are never the same.
    Times,
    /// A whole number, which is the same by each compiler.
    Whole,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Ratio => format!("{value:.3}"),
            Unit::Times => format!("{value:.1}"),
            Unit::Whole => grouped(value),
        }
    }

    /// How much worse than known a bound may be broken. Wall time is another on each machine.
    fn allowance(self) -> f64 {
        if self == Unit::Times { 0.4 } else { 0.02 }
    }
}

/// All bounds. Those of stacks that are not there, or of work that one cannot do, are left out.
pub fn bounds(results: &Results) -> Vec<Bound> {
    let mut bounds = vec![];
    let mut add = |unit, limit, what, measured: Option<f64>| {
        bounds.extend(measured.map(|measured| Bound { what, measured, limit, unit }));
    };
    let title = |name| results.title(name);
    for (stack, most) in TO_TUNED {
        for work in PLAIN {
            let what = format!("{}: {} to {}", of_one_unit(work), title(stack), title(TUNED));
            add(Unit::Ratio, Limit::AtMost(most), what, results.ratio(stack, TUNED, work));
        }
    }
    for (stack, to) in FEWER {
        for work in Work::ALL {
            let what = format!("{}: {} to {}", of_one_unit(work), title(stack), title(to));
            add(Unit::Ratio, Limit::Below(1.0), what, results.ratio(stack, to, work));
        }
    }
    for work in BESIDE {
        for idle in Idle::ALL {
            let case = Case { work, idle: Some((idle, MOST_IDLE)) };
            let costs = [case, Case::alone(work)].map(|case| results.cost(TYPED, case));
            let ratio = if let [Some(many), Some(none)] = costs { Some(many / none) } else { None };
            let what =
                format!("{}, {} to alone: {}", of_one_unit(work), beside(case), title(TYPED));
            add(Unit::Ratio, Limit::AtMost(BESIDE_MANY), what, ratio);
        }
    }
    for ratio in &results.wall {
        if ratio.case.work == Work::TcpRoundTrip && ratio.case.idle.is_some() {
            let (work, beside) = (of_one_unit(ratio.case.work), beside(ratio.case));
            let what = format!("{work}, {beside}, wall time: {} to {}", title(TUNED), title(TYPED));
            add(Unit::Times, Limit::AtLeast(LESS_TIME), what, Some(ratio.median()));
        }
    }
    let [sizes, _] = results.sizes;
    for (name, bytes) in [("TCP", sizes.tcp), ("UDP", sizes.udp)] {
        let more = bytes.ours as f64 - bytes.bare as f64;
        let what = format!("bytes of a {name} socket beyond smoltcp's");
        add(Unit::Whole, Limit::AtMost(BYTES), what, Some(more));
    }
    for work in FRAMES {
        let frames = |stack| results.trace(stack, work).map(|[frames, _]| frames);
        let what = format!("frames, {}: {}", of_one_unit(work), title(TYPED));
        if let (Some(tuned), Some(documented)) = (frames(TUNED), frames(DOCUMENTED)) {
            add(Unit::Whole, Limit::AtMost(tuned.min(documented)), what, frames(TYPED));
        }
    }
    for &(work, plain) in &results.plain {
        let ratio = results.cost(TYPED, Case::alone(work)).map(|cost| plain / cost);
        let what = format!("{}, without LTO to with it: {}", of_one_unit(work), title(TYPED));
        add(Unit::Ratio, Limit::AtMost(WITHOUT_LTO), what, ratio);
    }
    bounds
}

impl Bound {
    /// Decided by what the table shows, so that it does not contradict itself.
    fn is_kept(&self) -> bool {
        let measured = number(&self.unit.show(self.measured)).unwrap_or(self.measured);
        match self.limit {
            Limit::AtMost(most) => measured <= most,
            Limit::Below(limit) => measured < limit,
            Limit::AtLeast(least) => measured >= least,
        }
    }

    /// How many times worse it is than `known`.
    fn worse_than(&self, known: f64) -> f64 {
        match self.limit {
            Limit::AtMost(_) | Limit::Below(_) => self.measured / known,
            Limit::AtLeast(_) => known / self.measured,
        }
    }

    /// Whether it may be broken the next time, though it is kept now.
    fn may_be_chance(&self) -> bool {
        let (Limit::AtMost(limit) | Limit::Below(limit) | Limit::AtLeast(limit)) = self.limit;
        self.unit == Unit::Times && self.worse_than(limit) > 1.0 - self.unit.allowance()
    }

    fn limit(&self) -> String {
        match (self.limit, self.unit) {
            (Limit::AtMost(most), Unit::Ratio) => format!("at most {most:.2}"),
            (Limit::AtMost(most), _) => format!("at most {}", grouped(most)),
            (Limit::Below(limit), _) => format!("below {limit:.2}"),
            (Limit::AtLeast(least), _) => format!("at least {}", grouped(least)),
        }
    }

    /// What is at fault beside what a table knows of it.
    fn fault(&self, known: &Known) -> Option<String> {
        let (what, measured) = (&self.what, self.unit.show(self.measured));
        let was = known.measured;
        let fault = match (known.kept, self.is_kept()) {
            (true, false) => format!("broken: {measured}, {}", self.limit()),
            (false, true) if !self.may_be_chance() => {
                format!("kept now, by {measured}, and the table says it is not")
            }
            (false, false) if self.worse_than(was) > 1.0 + self.unit.allowance() => {
                format!("broken by more than before: {measured}, was {}", self.unit.show(was))
            }
            _ if self.unit != Unit::Times && (self.measured - was).abs() > table::TOLERANCE => {
                format!("{measured} now, was {}", self.unit.show(was))
            }
            _ => return None,
        };
        Some(format!("{what}: {fault}"))
    }
}

const KEPT: &str = "kept";
const BROKEN: &str = "**broken**";

/// The bounds as a table in Markdown.
pub fn table(bounds: &[Bound]) -> String {
    let mut text = String::from("| what | measured | bound | |\n|---|---:|---:|---|\n");
    for bound in bounds {
        let (what, measured, limit) = (&bound.what, bound.unit.show(bound.measured), bound.limit());
        let kept = if bound.is_kept() { KEPT } else { BROKEN };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {measured} | {limit} | {kept} |");
    }
    text
}

/// What a table says of a bound.
struct Known<'t> {
    what: &'t str,
    measured: f64,
    kept: bool,
}

fn read(table: &str) -> Vec<Known<'_>> {
    let line = |line| match table::cells(line)[..] {
        [what, measured, _, outcome] => {
            Some(Known { what, measured: number(measured)?, kept: outcome == KEPT })
        }
        _ => None,
    };
    table.lines().filter_map(line).collect()
}

/// Where the table that is known does not say what is. A bound that it says is broken is no fault, as
/// long as it is, and by no more than that.
pub fn faults(known: &str, bounds: &[Bound]) -> Vec<String> {
    let known = read(known);
    let mut faults = vec![];
    for bound in bounds {
        match known.iter().find(|known| known.what == bound.what) {
            Some(known) => faults.extend(bound.fault(known)),
            None => faults.push(format!("{}: the table has no such bound", bound.what)),
        }
    }
    for Known { what, .. } in known {
        if !bounds.iter().any(|bound| bound.what == what) {
            faults.push(format!("{what}: not measured any more"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(measured: f64, limit: Limit, unit: Unit) -> Bound {
        Bound { what: "it".to_owned(), measured, limit, unit }
    }

    #[test]
    fn a_bound_is_kept_by_what_the_table_shows() {
        let is_kept = |measured, limit| bound(measured, limit, Unit::Ratio).is_kept();
        assert!(is_kept(1.0304, Limit::AtMost(1.03)));
        assert!(!is_kept(1.0306, Limit::AtMost(1.03)));
        assert!(!is_kept(1.0, Limit::Below(1.0)));
        assert!(is_kept(0.999, Limit::Below(1.0)));
        assert!(is_kept(40.0, Limit::AtLeast(40.0)));
        assert!(!is_kept(39.9, Limit::AtLeast(40.0)));
    }

    /// The fault of a bound of 1.03, and of one that is known to be this.
    fn fault(known: f64, now: f64) -> Option<String> {
        let [known, now] = [known, now].map(|at| bound(at, Limit::AtMost(1.03), Unit::Ratio));
        faults(&table(&[known]), &[now]).pop()
    }

    #[test]
    fn what_is_said_to_be_kept_must_be() {
        assert_eq!(fault(1.02, 1.03), None);
        assert_eq!(fault(1.02, 1.035).as_deref(), Some("it: broken: 1.035, at most 1.03"));
        // Much better is not what the table says either.
        assert_eq!(fault(1.02, 0.9).as_deref(), Some("it: 0.900 now, was 1.020"));
    }

    #[test]
    fn what_is_said_to_be_broken_must_be_and_by_no_more() {
        assert_eq!(fault(1.5, 1.51), None);
        let now_kept = "it: kept now, by 1.020, and the table says it is not";
        assert_eq!(fault(1.5, 1.02).as_deref(), Some(now_kept));
        let worse = "it: broken by more than before: 1.540, was 1.500";
        assert_eq!(fault(1.5, 1.54).as_deref(), Some(worse));
    }

    #[test]
    fn times_are_not_the_same_each_time() {
        let [known, kept, slow, slower] =
            [60.0, 90.0, 30.0, 20.0].map(|at| bound(at, Limit::AtLeast(40.0), Unit::Times));
        assert_eq!(faults(&table(&[known]), &[kept]).len(), 0);
        assert_eq!(faults(&table(&[slow]), &[slower]).len(), 1);
        let [slow, bit_slower, bit_faster, fast] =
            [30.0, 26.0, 41.0, 90.0].map(|at| bound(at, Limit::AtLeast(40.0), Unit::Times));
        let slow = table(&[slow]);
        assert_eq!(faults(&slow, &[bit_slower]).len(), 0);
        assert_eq!(faults(&slow, &[bit_faster]).len(), 0);
        assert_eq!(faults(&slow, &[fast]).len(), 1);
    }

    #[test]
    fn both_have_the_same_bounds() {
        let some = || bound(1_234.0, Limit::AtMost(2_000.0), Unit::Whole);
        assert_eq!(faults(&table(&[some()]), &[some()]).len(), 0);
        assert_eq!(faults("", &[some()]), ["it: the table has no such bound"]);
        assert_eq!(faults(&table(&[some()]), &[]), ["it: not measured any more"]);
    }
}
