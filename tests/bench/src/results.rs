//! All that is measured.

use crate::count::{Stack, each};
use crate::memory::Sizes;
use crate::stacks::TYPED;
use crate::wall::{self, Ratio};
use crate::work::{Case, Idle, Work};

/// The work that is also done beside idle sockets.
pub const BESIDE: [Work; 2] = [Work::TcpRoundTrip, Work::UdpRoundTrip];
/// How many idle sockets there are.
pub const IDLE: [usize; 5] = [15, 63, 255, 1_023, MOST_IDLE];
pub const MOST_IDLE: usize = 4_095;
/// What is measured without optimization over crates, too.
pub const PLAIN: [Work; 5] =
    [Work::TcpRoundTrip, Work::UdpRoundTrip, Work::Churn, Work::Send, Work::Receive];
/// Where frames and virtual time are told. They say nothing where each request waits for its answer.
pub const TRACED: [Work; 7] = [
    Work::Churn,
    Work::Send,
    Work::Receive,
    Work::Burst,
    Work::Parallel,
    Work::SendWithLoss,
    Work::ReceiveWithLoss,
];

/// The other builds of the program, and those of `tests/sizes`.
pub struct Programs<'a> {
    /// With the stacks for tasks.
    pub tasks: &'a str,
    /// Without optimization over crates.
    pub plain: &'a str,
    pub sizes: &'a str,
    /// With `watch` and `async`.
    pub more_sizes: &'a str,
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What the bounds are about.
    Bounds,
    Everything,
}

/// All that was measured.
pub struct Results {
    pub stacks: Vec<Stack>,
    /// Instructions of one unit of work, where the stack can do it.
    pub costs: Vec<(String, Case, f64)>,
    /// The typed sockets' without optimization over crates.
    pub plain: Vec<(Work, f64)>,
    /// Frames and microseconds of one time of the work.
    pub traces: Vec<(String, Work, [f64; 2])>,
    pub wall: Vec<Ratio>,
    pub sizes: [Sizes; 2],
}

impl Results {
    /// Measures.
    pub fn measured(programs: &Programs, extent: Extent) -> Result<Self, String> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut stacks = Stack::all_of(&this.to_string_lossy())?;
        stacks.extend(Stack::all_of(programs.tasks)?);

        // First, as nothing else runs then.
        let works = if extent == Extent::Everything { &BESIDE[..] } else { &BESIDE[..1] };
        let wall = wall::measure(works);

        let typed = stacks.iter().find(|stack| stack.name == TYPED);
        let typed = typed.ok_or("the typed sockets are not among the stacks")?;
        let plain = Stack { program: programs.plain.to_owned(), ..typed.clone() };
        let plain = each(&PLAIN, |work| plain.cost(Case::alone(*work)));
        let plain = plain.into_iter().collect::<Result<Vec<_>, _>>()?;
        let plain = PLAIN.into_iter().zip(plain.into_iter().flatten()).collect();

        let jobs = jobs(&stacks, extent);
        let costs = each(&jobs, |(stack, case)| stack.cost(*case));
        let costs = of_those_that_can(&jobs, costs)?;

        let traced = |stack| TRACED.map(|work| (stack, Case::alone(work)));
        let jobs: Vec<_> = stacks.iter().flat_map(traced).collect();
        let traces = each(&jobs, |(stack, case)| stack.trace(*case));
        let traces = of_those_that_can(&jobs, traces)?;
        let traces =
            traces.into_iter().map(|(name, case, trace)| (name, case.work, trace)).collect();

        let sizes = [Sizes::of(programs.sizes)?, Sizes::of(programs.more_sizes)?];
        Ok(Results { stacks, costs, plain, traces, wall, sizes })
    }

    /// Instructions of one unit of work.
    pub fn cost(&self, stack: &str, case: Case) -> Option<f64> {
        let is_it = |(name, of, _): &&(String, Case, f64)| name == stack && *of == case;
        self.costs.iter().find(is_it).map(|(.., cost)| *cost)
    }

    /// How many times the instructions of another stack's.
    pub fn ratio(&self, stack: &str, to: &str, work: Work) -> Option<f64> {
        let cost = |stack| self.cost(stack, Case::alone(work));
        Some(cost(stack)? / cost(to)?)
    }

    /// Frames and microseconds of one time of the work.
    pub fn trace(&self, stack: &str, work: Work) -> Option<[f64; 2]> {
        let is_it = |(name, of, _): &&(String, Work, _)| name == stack && *of == work;
        self.traces.iter().find(is_it).map(|(.., trace)| *trace)
    }

    /// What a stack is called in tables.
    pub fn title<'a>(&'a self, name: &'a str) -> &'a str {
        let stack = self.stacks.iter().find(|stack| stack.name == name);
        stack.map_or(name, |stack| &stack.title)
    }
}

/// What instructions are counted of. What takes longest comes first: at the end, no processor waits
/// for another one.
fn jobs(stacks: &[Stack], extent: Extent) -> Vec<(&Stack, Case)> {
    let mut jobs = vec![];
    for &count in IDLE.iter().rev() {
        for idle in Idle::ALL {
            for work in BESIDE {
                let case = Case { work, idle: Some((idle, count)) };
                let is_wanted = |stack: &&Stack| match extent {
                    Extent::Everything => true,
                    Extent::Bounds => stack.name == TYPED && count == MOST_IDLE,
                };
                jobs.extend(stacks.iter().filter(is_wanted).map(|stack| (stack, case)));
            }
        }
    }
    for work in Work::ALL {
        jobs.extend(stacks.iter().map(|stack| (stack, Case::alone(work))));
    }
    jobs
}

fn of_those_that_can<T>(
    jobs: &[(&Stack, Case)],
    results: Vec<Result<Option<T>, String>>,
) -> Result<Vec<(String, Case, T)>, String> {
    let all = jobs.iter().zip(results).map(|((stack, case), result)| {
        Ok(result?.map(|result| (stack.name.clone(), *case, result)))
    });
    let all: Result<Vec<_>, String> = all.collect();
    Ok(all?.into_iter().flatten().collect())
}
