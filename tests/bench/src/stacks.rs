//! The stacks that this build of the program has, and one case on one of them.
//!
//! The stacks for tasks have a build of their own: what they want of sockstate costs something where
//! it is not used.

use std::error::Error;

use crate::near::Near;
#[cfg(not(feature = "tasks"))]
use crate::near::{
    bare::{Bare, Documented, Tuned},
    nal::Nal,
    smoltcp_nal::SmoltcpNal,
    typed::Typed,
};
#[cfg(feature = "tasks")]
use crate::near::{embassy_net::EmbassyNet, tasks::Tasks};
use crate::time;
use crate::work::{Case, Idle, Work};

/// What others are compared with.
pub const TUNED: &str = "tuned";
pub const DOCUMENTED: &str = "documented";
pub const TYPED: &str = "typed";
pub const NAL: &str = "nal";
pub const SMOLTCP_NAL: &str = "smoltcp-nal";
pub const TASKS: &str = "tasks";
pub const EMBASSY_NET: &str = "embassy-net";

/// A stack under test.
struct Stack {
    /// What it is called on the command line.
    name: &'static str,
    /// What it is called in tables.
    title: &'static str,
    /// Runs a case, if the stack can do it.
    run: fn(Case, u32) -> Option<Trace>,
}

/// All of this build, in the order of the tables.
#[cfg(not(feature = "tasks"))]
const STACKS: &[Stack] = &[
    Stack::of::<Bare<Tuned>>(TUNED),
    Stack::of::<Bare<Documented>>(DOCUMENTED),
    Stack::of::<Typed>(TYPED),
    Stack::of::<Nal>(NAL),
    Stack::of::<SmoltcpNal>(SMOLTCP_NAL),
];

/// All of this build.
#[cfg(feature = "tasks")]
const STACKS: &[Stack] = &[
    Stack::of::<Tasks>(TASKS),
    Stack { name: EMBASSY_NET, title: EmbassyNet::<2>::NAME, run: embassy_net },
];

/// embassy-net, with no more places for sockets than it needs, one of them for look-ups: it visits
/// all of them.
#[cfg(feature = "tasks")]
fn embassy_net(case: Case, times: u32) -> Option<Trace> {
    match (case.work, case.idle.map_or(0, |(_, count)| count)) {
        (Work::Burst, 0) => run_on::<EmbassyNet<288>>(case, times),
        (Work::Parallel, 0) => run_on::<EmbassyNet<65>>(case, times),
        (_, 0) => run_on::<EmbassyNet<2>>(case, times),
        (_, 15) => run_on::<EmbassyNet<17>>(case, times),
        (_, 63) => run_on::<EmbassyNet<65>>(case, times),
        (_, 255) => run_on::<EmbassyNet<257>>(case, times),
        (_, 1_023) => run_on::<EmbassyNet<1_025>>(case, times),
        (_, 4_095) => run_on::<EmbassyNet<4_097>>(case, times),
        _ => None,
    }
}

impl Stack {
    /// A stack that is one type, however many sockets there are.
    const fn of<N: Near>(name: &'static str) -> Self {
        Stack { name, title: N::NAME, run: run_on::<N> }
    }
}

/// What can be seen of some work without looking inside: it is the same each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Frames on the cable, in both directions.
    pub frames: u64,
    /// Virtual time, in microseconds.
    pub micros: i64,
}

/// Runs a case on one type of stack. One whose type has a number of sockets picks the type by
/// [`Case::setup`] first.
fn run_on<N: Near>(case: Case, times: u32) -> Option<Trace> {
    if !case.suits::<N>() {
        return None;
    }
    let mut bench = case.begin::<N>();
    let (frames, begin) = (bench.world.plug.frames(), time::now());
    bench.run(times);
    Some(Trace { frames: bench.world.plug.frames() - frames, micros: time::now() - begin })
}

/// Prints the names and titles.
pub fn list() -> Result<(), Box<dyn Error>> {
    STACKS.iter().for_each(|stack| println!("{}: {}", stack.name, stack.title));
    Ok(())
}

/// Runs a case, and prints what can be seen of it; nothing, if the stack cannot do it.
pub fn run(stack: &str, [work, idle, count, times]: [&str; 4]) -> Result<(), Box<dyn Error>> {
    let work = named(&Work::ALL, work)?;
    let idle = match (idle, count.parse()?) {
        (_, 0) => None,
        (idle, count) => Some((named(&Idle::ALL, idle)?, count)),
    };
    let found = STACKS.iter().find(|known| known.name == stack);
    let stack = found.ok_or_else(|| format!("no stack {stack}"))?;
    if let Some(Trace { frames, micros }) = (stack.run)(Case { work, idle }, times.parse()?) {
        println!("{frames} frames {micros} us");
    }
    Ok(())
}

/// The command line of a case, which [`run`] understands.
pub fn arguments(stack: &str, case: Case, times: u32) -> [String; 6] {
    let (idle, count) =
        case.idle.map_or(("none".to_owned(), 0), |(idle, count)| (format!("{idle:?}"), count));
    let work = format!("{:?}", case.work);
    ["case".to_owned(), stack.to_owned(), work, idle, count.to_string(), times.to_string()]
}

fn named<T: Copy + std::fmt::Debug>(all: &[T], name: &str) -> Result<T, String> {
    let found = all.iter().find(|one| format!("{one:?}") == name);
    found.copied().ok_or_else(|| format!("no {name}"))
}

impl Trace {
    /// What [`run`] has printed.
    pub fn parse(printed: &str) -> Option<Trace> {
        let words: Vec<&str> = printed.split_whitespace().collect();
        match words[..] {
            [frames, "frames", micros, "us"] => {
                Some(Trace { frames: frames.parse().ok()?, micros: micros.parse().ok()? })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_a_case_is_understood() {
        let trace = Trace { frames: 240, micros: 15 };
        assert_eq!(Trace::parse("240 frames 15 us\n"), Some(trace));
        assert_eq!(Trace::parse(""), None);
    }

    #[test]
    fn a_case_comes_through_the_command_line() {
        let beside = Case { work: Work::UdpRoundTrip, idle: Some((Idle::Connected, 2)) };
        let expected = [
            (beside, ["Connected", "2", "3"]),
            (Case::alone(Work::UdpRoundTrip), ["none", "0", "3"]),
        ];
        for (case, expected) in expected {
            let [_, stack, arguments @ ..] = arguments("nothing", case, 3);
            let arguments = arguments.each_ref().map(String::as_str);
            assert_eq!(arguments[0], "UdpRoundTrip");
            assert_eq!(arguments[1..], expected);
            // All but the stack is understood.
            assert_eq!(run(&stack, arguments).unwrap_err().to_string(), "no stack nothing");
        }
    }
}
