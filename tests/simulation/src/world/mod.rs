//! The world: time, the network, the nodes on it, and the order in which all of it happens.

mod host;
mod teardown;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::host::Host;
use crate::Time;
use crate::checks::{Invariant, Violation};
use crate::cx::{Shared, Trace};
use crate::ledger::{Datagrams, Streams};
use crate::net::{Addresses, Switch, describe};
use crate::plan::{Action, Plan, Plant, Trouble, What};
use crate::rng::Rng;
use crate::stats::Stats;

pub(crate) use self::host::{Parts, stacks};

/// When the network falls silent that is planted to.
const SILENT_FROM: u64 = 20_000_000;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub stats: Stats,
    /// Of all frames and of all that was done.
    pub hash: u64,
    pub violation: Option<Violation>,
}

/// Runs a plan.
pub fn run(plan: &Plan) -> Outcome {
    run_with(plan, false)
}

/// As `run`, and prints all that happens.
pub fn run_and_print(plan: &Plan) -> Outcome {
    run_with(plan, true)
}

fn run_with(plan: &Plan, prints: bool) -> Outcome {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let parts = Parts::new(plan);
        let stacks = stacks(plan, &parts);
        let mut world = World::new(plan, &stacks, parts);
        world.shared.trace.prints = prints;
        world.load(&plan.actions, &plan.troubles);
        let violation = world.run_until(plan.end).and_then(|()| world.end()).err();
        Outcome { stats: world.stats(), hash: world.shared.trace.hash(), violation }
    }));
    ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").into();
        let violation = Violation { invariant: Invariant::Panic, at: plan.end, text };
        Outcome { stats: Stats::default(), hash: 0, violation: Some(violation) }
    })
}

/// What happens at a certain time.
#[derive(Clone, Copy, Debug)]
enum Event {
    Act(Action),
    Begin(What),
    End(What),
}

pub(crate) struct World<'net> {
    pub now: u64,
    pub shared: Shared,
    pub hosts: Vec<Host<'net>>,
    switch: Switch,
    /// By time, and by the order in which they were loaded.
    events: BTreeMap<(u64, u64), Event>,
    loaded: u64,
    rng: Rng,
}

impl<'net> World<'net> {
    pub fn new(plan: &Plan, stacks: &'net [Option<host::OurStack>], parts: Parts) -> Self {
        let nodes = plan.nodes.len();
        let links: Vec<_> = plan.nodes.iter().map(|node| (node.link, node.mtu)).collect();
        let shared = Shared {
            streams: Streams::new(plan.seed),
            datagrams: Datagrams::new(plan.seed),
            stats: Stats::default(),
            addresses: Addresses::new(nodes),
            plant: plan.plant,
            is_calm: plan.is_calm(),
            trace: Trace::default(),
        };
        let switch = Switch::new(&links, plan.seed, parts.pool.clone());
        let hosts = host::hosts(plan, stacks, parts);
        let events = BTreeMap::new();
        let rng = Rng::for_purpose(plan.seed, 5);
        World { now: 0, shared, hosts, switch, events, loaded: 0, rng }
    }

    pub fn stats(&self) -> Stats {
        let wires = || self.hosts.iter().map(|host| &host.wire);
        Stats {
            seconds: self.now / 1_000_000,
            frames_withheld: wires().map(|wire| wire.withheld.get()).sum(),
            probes_withheld: wires().map(|wire| wire.probes_withheld.get()).sum(),
            ..self.shared.stats
        }
    }

    /// What is to happen, beside what was loaded before.
    pub fn load(&mut self, actions: &[Action], troubles: &[Trouble]) {
        for trouble in troubles {
            self.plan(trouble.at, Event::Begin(trouble.what));
            let time = match trouble.what {
                What::Partition { time, .. }
                | What::Flap { time, .. }
                | What::Stop { time, .. } => time,
                What::Jump { .. } | What::Address { .. } => continue,
            };
            self.plan(trouble.at + time, Event::End(trouble.what));
        }
        for action in actions {
            self.plan(action.at, Event::Act(*action));
        }
    }

    fn plan(&mut self, at: u64, event: Event) {
        self.loaded += 1;
        self.events.insert((at, self.loaded), event);
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, end: u64) -> Result<(), Violation> {
        while let Some(at) = self.next_event().filter(|at| *at < end) {
            self.now = at;
            let mut turns = self.take_arrived();
            while let Some(entry) = self.events.first_entry().filter(|next| next.key().0 <= at) {
                let event = entry.remove();
                turns |= self.happen(event)?;
            }
            for node in 0..self.hosts.len() {
                let host = &self.hosts[node];
                if turns & 1 << node != 0 || host.wake.is_some_and(|wake| wake <= at) {
                    self.turn(node)?;
                } else if host.probe.is_some_and(|probe| probe.at <= at) {
                    self.probe(node)?;
                }
            }
        }
        self.now = end;
        Ok(())
    }

    fn next_event(&self) -> Option<u64> {
        let event = self.events.keys().next().map(|(at, _)| *at);
        let probes = self.hosts.iter().filter_map(|host| host.probe.map(|probe| probe.at));
        let wakes = self.hosts.iter().filter_map(|host| host.wake);
        wakes.chain(probes).chain(event).chain(self.switch.next_arrival()).min()
    }

    /// Gives devices their frames. Which nodes have some: a bit for each.
    fn take_arrived(&mut self) -> u8 {
        let mut nodes = 0;
        loop {
            let Shared { stats, datagrams, .. } = &mut self.shared;
            let arrived = self.switch.arrive(self.now, stats, |key| datagrams.copied(key));
            let Some((node, frame)) = arrived else { return nodes };
            nodes |= 1 << node;
            if self.shared.trace.prints {
                println!("{} node {node} has {}", Time(self.now), describe(&frame));
            }
            self.hosts[node].wire.arrived.borrow_mut().push_back(frame);
        }
    }

    /// Which nodes it concerns.
    fn happen(&mut self, event: Event) -> Result<u8, Violation> {
        match event {
            Event::Act(action) => self.act(&action),
            Event::Begin(what) => {
                let trouble = Trouble { at: self.now, what };
                if self.shared.trace.prints {
                    println!("{trouble}");
                }
                self.shared.stats.faults += 1;
                self.shared.trace.note(self.now);
                Ok(self.trouble(what, true))
            }
            Event::End(what) => Ok(self.trouble(what, false)),
        }
    }

    fn act(&mut self, action: &Action) -> Result<u8, Violation> {
        if self.shared.trace.prints {
            println!("{action}");
        }
        let host = &mut self.hosts[action.node];
        host.clock.set(self.now);
        host.act(&action.act, self.now, action.node, &mut self.shared)?;
        Ok(1 << action.node)
    }

    fn trouble(&mut self, what: What, begins: bool) -> u8 {
        match what {
            What::Partition { nodes, .. } => {
                self.switch.set_apart(if begins { nodes } else { 0 });
                0
            }
            What::Flap { node, told, .. } => {
                self.switch.set_up(node, !begins);
                if told {
                    self.hosts[node].clock.set(self.now);
                    self.hosts[node].tell_link(!begins);
                }
                1 << node
            }
            What::Jump { node, by } => {
                self.hosts[node].clock.jump(by);
                1 << node
            }
            What::Stop { node, .. } => {
                let clock = &self.hosts[node].clock;
                clock.set(self.now);
                if begins {
                    clock.stop()
                } else {
                    clock.go_on(self.now)
                }
                1 << node
            }
            What::Address { node, v6 } => {
                self.hosts[node].clock.set(self.now);
                let old = self.shared.addresses.of(node, v6);
                self.shared.addresses.change(node, v6);
                self.hosts[node].change_address(node, old, v6, &self.shared.addresses);
                1 << node
            }
        }
    }

    /// Takes the frames of a device to the network. How many there were.
    fn collect(&mut self, node: usize) -> usize {
        let mut frames = 0;
        loop {
            let sent = self.hosts[node].wire.sent.borrow_mut().pop_front();
            let Some(frame) = sent else { return frames };
            frames += 1;
            if self.shared.trace.prints {
                println!("{} node {node} sends {}", Time(self.now), describe(&frame));
            }
            if self.shared.plant == Some(Plant::Silence) && self.now > SILENT_FROM {
                continue;
            }
            let Shared { trace, stats, .. } = &mut self.shared;
            trace.note((self.now, node, &frame));
            self.switch.send(node, frame, self.now, stats);
        }
    }
}
