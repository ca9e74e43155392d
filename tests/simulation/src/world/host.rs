//! One node and its turns.

use std::net::IpAddr;
use std::rc::Rc;

use sockstate::{Config, Duration, Heap, Instant};

use super::World;
use crate::checks::{Invariant, Violation};
use crate::cx::{Cx, Shared};
use crate::net::{Addresses, Device, NodeClock, Pool, Wire};
use crate::node::Stranger;
pub(crate) use crate::node::ours::OurStack;
use crate::node::ours::Ours;
use crate::plan::{Act, Kind, Node, Plan, Plant};
use crate::rng::mix;

/// How often a node has its turn at one moment.
const TURNS: usize = 2_000;

/// How often in a row a stack may say that it has something to do, and do nothing: once, after a
/// time limit has ended, and once more before it knows.
const IDLE_TURNS: usize = 3;

/// How many of a thousand times that a stack goes to sleep it is looked after.
const PROBED: u32 = 150;

/// How long a sleep is looked after that has no end.
const LONG_SLEEP: u64 = 20_000_000;

/// What stacks are made with, and hosts have to know.
#[derive(Clone)]
pub(crate) struct Parts {
    pub pool: Pool,
    wires: Vec<Rc<Wire>>,
    clocks: Vec<NodeClock>,
}

impl Parts {
    pub fn new(plan: &Plan) -> Self {
        Parts {
            pool: Pool::default(),
            wires: plan.nodes.iter().map(|_| Rc::default()).collect(),
            clocks: plan.nodes.iter().map(|node| NodeClock::new(node.ahead)).collect(),
        }
    }

    /// Gives back what was kept of frames.
    pub fn release(&self) {
        self.pool.release();
        for wire in &self.wires {
            wire.release();
        }
    }

    fn device(&self, index: usize, node: &Node) -> Device {
        Device::new(self.wires[index].clone(), self.pool.clone(), node.mtu)
    }
}

fn mac(node: usize) -> [u8; 6] {
    [2, 0, 0, 0, 0, node as u8]
}

/// The stacks of the nodes that have this library.
pub(crate) fn stacks(plan: &Plan, parts: &Parts) -> Vec<Option<OurStack>> {
    let addresses = Addresses::new(plan.nodes.len());
    let nodes = plan.nodes.iter().enumerate();
    nodes.map(|(index, node)| stack(plan, parts, &addresses, index, node)).collect()
}

fn stack(
    plan: &Plan,
    parts: &Parts,
    addresses: &Addresses,
    index: usize,
    node: &Node,
) -> Option<OurStack> {
    if node.kind == Kind::Stranger {
        return None;
    }
    // Features that other packages bring add fields.
    #[allow(clippy::needless_update)]
    let heap = Heap {
        tcp: node.tcp,
        udp: node.udp,
        tcp_rx: node.tcp_rx,
        tcp_tx: node.tcp_tx,
        udp_buf: node.udp_buf,
        udp_packets: node.udp_packets,
        ..Heap::default()
    };
    let mut config = Config::ethernet(mac(index), mix(plan.seed ^ index as u64));
    let limit = |millis| Some(Duration::from_millis(millis));
    config.deadlines.connect = limit(node.limits.connect);
    config.deadlines.handshake = limit(node.limits.handshake);
    config.deadlines.unreachable = limit(node.limits.unreachable);
    config.deadlines.closing = limit(node.limits.closing);
    config.deadlines.lookup = limit(node.limits.lookup);
    config.overflow = node.overflow;
    let clock = parts.clocks[index].clone();
    let stack = OurStack::new(heap, parts.device(index, node), clock, config)
        .expect("the address fits the device");
    let set_up = || {
        for v6 in [false, true] {
            stack.add_address(addresses.network(index, v6))?;
        }
        stack.set_dns_servers(&[addresses.of(0, false), addresses.of(0, true)])
    };
    set_up().expect("there is room for two addresses and two name servers");
    Some(stack)
}

pub(crate) fn hosts<'net>(
    plan: &Plan,
    stacks: &'net [Option<OurStack>],
    parts: Parts,
) -> Vec<Host<'net>> {
    let addresses = Addresses::new(plan.nodes.len());
    let nodes = plan.nodes.iter().zip(stacks).enumerate();
    let hosts = nodes.map(|(index, (node, stack))| {
        let (wire, clock) = (parts.wires[index].clone(), parts.clocks[index].clone());
        let stack = match stack {
            Some(stack) => Inside::Ours(stack, Box::new(Ours::new(stack, wire.clone(), node))),
            None => {
                let (device, seed) = (parts.device(index, node), mix(plan.seed ^ index as u64));
                let now = clock.reading();
                let mut stranger = Stranger::new(device, mac(index), node, seed, now);
                stranger.set_addresses(index, &addresses);
                Inside::Stranger(Box::new(stranger))
            }
        };
        let (plan, ports) = (node.clone(), plan.ports());
        Host { inside: stack, plan, wire, clock, wake: Some(0), probe: None, ports }
    });
    hosts.collect()
}

pub(crate) struct Host<'net> {
    pub inside: Inside<'net>,
    pub plan: Node,
    pub wire: Rc<Wire>,
    pub clock: NodeClock,
    /// When it wants its next turn.
    pub wake: Option<u64>,
    pub probe: Option<Probe>,
    /// Ports that its applications may have bound.
    pub ports: Vec<u16>,
}

pub(crate) enum Inside<'net> {
    Ours(&'net OurStack, Box<Ours<'net>>),
    Stranger(Box<Stranger>),
}

/// A look after a stack that sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub at: u64,
    /// Until when it said it may sleep.
    until: Option<Instant>,
}

impl Host<'_> {
    pub fn act(
        &mut self,
        act: &Act,
        now: u64,
        node: usize,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        let (own, jumped) = (self.clock.reading(), self.clock.jumped());
        let mut cx = Cx { node, now, own, jumped, wake: None, wake_own: None, shared };
        match &mut self.inside {
            Inside::Ours(_, ours) => ours.act(act, &mut cx),
            Inside::Stranger(stranger) => {
                stranger.act(act, &mut cx);
                Ok(())
            }
        }
    }

    pub fn tell_link(&mut self, up: bool) {
        if let Inside::Ours(stack, _) = &self.inside {
            let told = if up { stack.link_up() } else { stack.link_down() };
            told.expect("nobody is within the stack");
        }
    }

    pub fn change_address(&mut self, node: usize, old: IpAddr, v6: bool, addresses: &Addresses) {
        match &mut self.inside {
            Inside::Ours(stack, _) => {
                stack.remove_address(old).expect("it had that one");
                stack.add_address(addresses.network(node, v6)).expect("there is room for it");
            }
            Inside::Stranger(stranger) => stranger.set_addresses(node, addresses),
        }
    }

    fn poll(&mut self) -> bool {
        match &mut self.inside {
            Inside::Ours(stack, _) => stack.poll().expect("nobody is within the stack"),
            Inside::Stranger(stranger) => stranger.poll(self.clock.reading()),
        }
    }

    fn poll_delay(&mut self, plant: Option<Plant>) -> Option<Duration> {
        let delay = match &mut self.inside {
            Inside::Ours(stack, _) => stack.poll_delay(),
            Inside::Stranger(stranger) => return stranger.poll_delay(self.clock.reading()),
        };
        match plant {
            Some(Plant::Oversleep) => delay.map(|delay| delay * 2),
            Some(Plant::Restless) => Some(Duration::ZERO),
            _ => delay,
        }
    }

    fn step(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        match &mut self.inside {
            Inside::Ours(_, ours) => ours.step(cx),
            Inside::Stranger(stranger) => stranger.step(cx),
        }
    }
}

impl World<'_> {
    /// Lets a node do all that it has to do now.
    pub(super) fn turn(&mut self, node: usize) -> Result<(), Violation> {
        let now = self.now;
        let host = &mut self.hosts[node];
        host.clock.set(now);
        host.probe = None;
        let (own, jumped) = (host.clock.reading(), host.clock.jumped());
        let is_ours = matches!(host.inside, Inside::Ours(..));
        let mut idle_turns = 0;
        for _ in 0..TURNS {
            let host = &mut self.hosts[node];
            host.wire.room.set(self.switch.room(node, now));
            host.wire.was_full.set(false);
            let moved = host.poll();
            let shared = &mut self.shared;
            let mut cx = Cx { node, now, own, jumped, wake: None, wake_own: None, shared };
            host.step(&mut cx)?;
            let (wake, wake_own) = (cx.wake, cx.wake_own);
            let delay = host.poll_delay(self.shared.plant);
            let is_full = host.wire.was_full.get();
            let frames = self.collect(node);

            let room_at = if is_full { self.switch.room_at(node) } else { None };
            let has_work = delay == Some(Duration::ZERO) && room_at.is_none();
            let goes_on = wake.is_some_and(|wake| wake <= now) || is_full && room_at.is_none();
            if !has_work && !goes_on {
                let until = delay.map(|delay| own + delay).filter(|_| room_at.is_none());
                self.sleep(node, until, wake, wake_own, room_at);
                return Ok(());
            }
            self.shared.stats.checks.count(Invariant::Progress);
            idle_turns = if moved || frames > 0 || goes_on { 0 } else { idle_turns + 1 };
            if is_ours && idle_turns > IDLE_TURNS {
                return self.violation(
                    Invariant::Progress,
                    node,
                    "it has something to do, and does nothing",
                );
            }
        }
        self.violation(Invariant::Progress, node, "it has its turn again and again at one moment")
    }

    pub(super) fn violation<T>(
        &self,
        invariant: Invariant,
        node: usize,
        text: &str,
    ) -> Result<T, Violation> {
        Err(Violation { invariant, at: self.now, text: format!("node {node}: {text}") })
    }

    /// Until its stack has work, its application wants to go on, or its device has room.
    fn sleep(
        &mut self,
        node: usize,
        until: Option<Instant>,
        wake: Option<u64>,
        wake_own: Option<Instant>,
        room_at: Option<u64>,
    ) {
        let host = &mut self.hosts[node];
        let by_clock = until.into_iter().chain(wake_own);
        let by_clock = by_clock.filter_map(|at| host.clock.world_time_of(at));
        host.wake = by_clock.chain(wake).chain(room_at).min().map(|at| at.max(self.now + 1));
        let is_ours = matches!(host.inside, Inside::Ours(..));
        if is_ours && room_at.is_none() && self.rng.chance(PROBED) {
            let end = until.map_or(Some(self.now + LONG_SLEEP), |at| host.clock.world_time_of(at));
            let at = self.now + 1 + self.rng.below(end.unwrap_or(0).saturating_sub(self.now + 1));
            host.probe = end.filter(|end| at < *end).map(|_| Probe { at, until });
        }
    }

    /// Looks after a stack that sleeps: it must have nothing to do.
    pub(super) fn probe(&mut self, node: usize) -> Result<(), Violation> {
        let Some(probe) = self.hosts[node].probe.take() else { return Ok(()) };
        let host = &mut self.hosts[node];
        let Inside::Ours(_, ours) = &host.inside else { return Ok(()) };
        let free = ours.free_slots();
        host.clock.set(self.now);
        host.wire.room.set(self.switch.room(node, self.now));
        let moved = host.poll();
        let delay = host.poll_delay(self.shared.plant);
        let until = delay.map(|delay| host.clock.reading() + delay);
        let Inside::Ours(_, ours) = &host.inside else { return Ok(()) };
        let is_same = free == ours.free_slots();
        self.shared.stats.checks.count(Invariant::Sleep);
        let frames = self.collect(node);
        let sleeps_on = match (probe.until, until) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(was), Some(is)) => is >= was,
        };
        if moved || frames > 0 || !is_same || !sleeps_on {
            let text = format!(
                "it said it may sleep until {:?}; before that {frames} frames, slots changed: {}, \
                 then until {until:?}",
                probe.until, !is_same
            );
            return self.violation(Invariant::Sleep, node, &text);
        }
        Ok(())
    }
}
