//! A long run of a mixed load, and what is left of it.

use std::fmt;

use crate::checks::Violation;
use crate::net::Faults;
use crate::plan::{Kind, Limits, Load, Node, Plan, actions};
use crate::rng::Rng;
use crate::stats::Stats;
use crate::world::{Parts, World, stacks};

const MINUTE: u64 = 60_000_000;

/// What is begun in a minute, beside what listens.
const ACTIONS: u64 = 200;

/// TCP and UDP slots of each stack.
const SLOTS: usize = 16;

/// What a long run has left.
#[derive(Clone, Debug)]
pub struct Soak {
    pub stats: Stats,
    /// Bytes on the heap: before anything was made, with stacks that have done nothing, with the
    /// same stacks at the end, and when they are gone.
    pub heap: [usize; 4],
    pub violation: Option<Violation>,
}

impl Soak {
    /// Whether all is as it was.
    pub fn is_clean(&self) -> bool {
        let [start, made, worked, gone] = self.heap;
        self.violation.is_none() && made == worked && start == gone
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stats)?;
        let [start, made, worked, gone] = self.heap;
        writeln!(f, "heap: {start} bytes at the start, {gone} at the end")?;
        writeln!(f, "stacks: {} bytes when made, {} at the end", made - start, worked - start)?;
        match &self.violation {
            Some(violation) => writeln!(f, "{violation}"),
            None => writeln!(f, "all slots are free, all ports and queries are there again"),
        }
    }
}

/// Runs for so many minutes. `heap` tells how many bytes are on the heap; `tell` hears of each
/// minute.
pub fn soak(seed: u64, minutes: u64, heap: impl Fn() -> usize, tell: impl Fn(u64)) -> Soak {
    let plan = plan(seed);
    let start = heap();
    let parts = Parts::new(&plan);
    let stacks = stacks(&plan, &parts);
    let made = heap();
    let mut world = World::new(&plan, &stacks, parts.clone());
    let ran = work(&mut world, &plan, minutes, tell);
    let violation = ran.and_then(|()| world.end()).err();
    let stats = world.stats();
    drop(world);
    parts.release();
    let worked = heap() - violation.as_ref().map_or(0, |violation| violation.text.capacity());
    drop((stacks, parts));
    let gone = heap() - violation.as_ref().map_or(0, |violation| violation.text.capacity());
    Soak { stats, heap: [start, made, worked, gone], violation }
}

fn work(
    world: &mut World<'_>,
    plan: &Plan,
    minutes: u64,
    tell: impl Fn(u64),
) -> Result<(), Violation> {
    let mut rng = Rng::for_purpose(plan.seed, 6);
    for minute in 0..minutes {
        let (begin, end) = (minute * MINUTE, (minute + 1) * MINUTE);
        let load = Load { begin, end, actions: ACTIONS };
        world.load(&actions(&mut rng, plan.nodes.len(), load), &[]);
        world.run_until(end)?;
        tell(minute + 1);
    }
    Ok(())
}

/// Three nodes of this library, one of them with a name server, and a stranger.
fn plan(seed: u64) -> Plan {
    let node = |kind| Node {
        kind,
        mtu: 1_514,
        link: Faults { loss: 10, delay: 2_000, jitter: 1_000, ..Faults::NONE },
        tcp: SLOTS,
        udp: SLOTS,
        tcp_rx: 2_920,
        tcp_tx: 2_920,
        udp_buf: 1_472,
        udp_packets: 4,
        ahead: 0,
        limits: Limits {
            connect: 30_000,
            handshake: 10_000,
            unreachable: 60_000,
            closing: 30_000,
            lookup: 10_000,
        },
        overflow: sockstate::Overflow::Ignore,
    };
    let kinds = [Kind::NameServer { silence: 10 }, Kind::Ours, Kind::Ours, Kind::Stranger];
    Plan {
        seed,
        end: 0,
        nodes: kinds.map(node).to_vec(),
        troubles: Vec::new(),
        actions: Vec::new(),
        plant: None,
    }
}
