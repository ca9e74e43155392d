//! The switch: what happens to a frame between two devices.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

use super::device::Pool;
use super::frame::datagram_key;
use crate::rng::Rng;
use crate::stats::Stats;

/// What goes wrong on a link. The chances are out of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    pub loss: u32,
    pub duplication: u32,
    pub reordering: u32,
    pub corruption: u32,
    /// Microseconds.
    pub delay: u64,
    pub jitter: u64,
    /// Bytes in a second; 0 for as fast as can be.
    pub rate: u64,
    /// How many frames wait for their turn at most.
    pub queue: usize,
}

impl Faults {
    pub const NONE: Faults = Faults {
        loss: 0,
        duplication: 0,
        reordering: 0,
        corruption: 0,
        delay: 100,
        jitter: 0,
        rate: 0,
        queue: 256,
    };
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delay {} µs", self.delay)?;
        for (value, text) in [
            (u64::from(self.loss), "‰ loss"),
            (u64::from(self.duplication), "‰ duplication"),
            (u64::from(self.reordering), "‰ reordering"),
            (u64::from(self.corruption), "‰ corruption"),
            (self.jitter, " µs jitter"),
            (self.rate, " bytes/s"),
        ] {
            if value > 0 {
                write!(f, ", {value}{text}")?;
            }
        }
        write!(f, ", queue of {} frames", self.queue)
    }
}

/// The link of one node.
#[derive(Debug)]
struct Link {
    faults: Faults,
    mtu: usize,
    is_up: bool,
    /// When each frame that waits to be sent will be.
    leaving: VecDeque<u64>,
    /// When the last frame to the node will have left the switch.
    busy_until: u64,
    /// Of what is drawn for the frames from each other node: what becomes of them does not depend
    /// on what others send.
    from: Vec<Rng>,
}

impl Link {
    fn time_for(&self, len: usize) -> u64 {
        (len as u64 * 1_000_000).checked_div(self.faults.rate).unwrap_or(0)
    }
}

/// A frame on its way, ordered by the time of its arrival.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: u64,
    number: u64,
    way: Way,
    frame: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// From a node to the switch.
    In(usize),
    /// From the switch to a node.
    Out(usize),
}

/// How much longer a frame takes that others are to overtake.
const OVERTAKEN: u64 = 5_000;

#[derive(Debug)]
pub struct Switch {
    links: Vec<Link>,
    flying: BinaryHeap<Reverse<Flying>>,
    /// Nodes that only reach each other, and are reached by nobody else: a bit for each.
    apart: u8,
    number: u64,
    pool: Pool,
}

impl Switch {
    pub fn new(links: &[(Faults, usize)], seed: u64, pool: Pool) -> Self {
        let rng = |to: usize, from: usize| Rng::for_purpose(seed, (to << 8 | from) as u64);
        let link = |(to, (faults, mtu)): (usize, &(Faults, usize))| Link {
            faults: *faults,
            mtu: *mtu,
            is_up: true,
            leaving: VecDeque::new(),
            busy_until: 0,
            from: (0..links.len()).map(|from| rng(to, from)).collect(),
        };
        Switch {
            links: links.iter().enumerate().map(link).collect(),
            flying: BinaryHeap::new(),
            apart: 0,
            number: 0,
            pool,
        }
    }

    pub fn set_apart(&mut self, nodes: u8) {
        self.apart = nodes;
    }

    pub fn set_up(&mut self, node: usize, up: bool) {
        self.links[node].is_up = up;
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.apart = 0;
        for link in &mut self.links {
            (link.is_up, link.faults) = (true, Faults::NONE);
        }
    }

    /// How many more frames the device of a node can take.
    pub fn room(&mut self, node: usize, now: u64) -> usize {
        let link = &mut self.links[node];
        while link.leaving.front().is_some_and(|at| *at <= now) {
            link.leaving.pop_front();
        }
        link.faults.queue.saturating_sub(link.leaving.len())
    }

    /// When it will have more room.
    pub fn room_at(&self, node: usize) -> Option<u64> {
        self.links[node].leaving.front().copied()
    }

    pub fn next_arrival(&self) -> Option<u64> {
        self.flying.peek().map(|Reverse(next)| next.at)
    }

    /// The next frame that has arrived at a node by now, and at which. `copied` hears of datagrams
    /// that arrive more than once.
    pub fn arrive(
        &mut self,
        now: u64,
        stats: &mut Stats,
        mut copied: impl FnMut(u64),
    ) -> Option<(usize, Vec<u8>)> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let Reverse(Flying { at, way, frame, .. }) = self.flying.pop()?;
            match way {
                Way::In(from) => {
                    let everybody = frame[0] & 1 != 0;
                    let one = usize::from(frame[5]);
                    for to in 0..self.links.len() {
                        if to != from && (everybody || to == one) {
                            self.forward((from, to), &frame, at, stats, &mut copied);
                        }
                    }
                }
                Way::Out(to) if self.links[to].is_up => return Some((to, frame)),
                Way::Out(_) => stats.frames_cut += 1,
            }
            self.pool.give_back(frame);
        }
        None
    }

    /// Takes a frame of a node to the switch.
    pub fn send(&mut self, from: usize, frame: Vec<u8>, now: u64, stats: &mut Stats) {
        stats.frames += 1;
        let link = &mut self.links[from];
        let time = link.time_for(frame.len());
        let left = link.leaving.back().copied().unwrap_or(0).max(now) + time;
        if time > 0 {
            link.leaving.push_back(left);
        }
        if link.is_up {
            let at = left + link.faults.delay;
            self.number += 1;
            self.flying.push(Reverse(Flying {
                at,
                number: self.number,
                way: Way::In(from),
                frame,
            }));
        } else {
            stats.frames_cut += 1;
            self.pool.give_back(frame);
        }
    }

    fn forward(
        &mut self,
        (from, to): (usize, usize),
        frame: &[u8],
        now: u64,
        stats: &mut Stats,
        copied: &mut impl FnMut(u64),
    ) {
        let is_apart = |node: usize| self.apart & 1 << node != 0;
        if is_apart(from) != is_apart(to) {
            stats.frames_cut += 1;
            return;
        }
        let loss = self.links[from].faults.loss;
        let link = &mut self.links[to];
        let rng = &mut link.from[from];
        let (is_lost, is_lost_here) = (rng.chance(loss), rng.chance(link.faults.loss));
        if is_lost || is_lost_here {
            stats.frames_lost += 1;
            return;
        }
        let time = link.time_for(frame.len());
        let is_full = link.busy_until > now + time * link.faults.queue as u64;
        if frame.len() > link.mtu || is_full {
            stats.frames_refused += 1;
            return;
        }
        link.busy_until = link.busy_until.max(now) + time;
        let (at, faults) = (link.busy_until + link.faults.delay, link.faults);
        let rng = &mut link.from[from];
        let copies = if rng.chance(faults.duplication) { 2 } else { 1 };
        if copies > 1 {
            stats.frames_duplicated += 1;
            if let Some(key) = datagram_key(frame) {
                copied(key);
            }
        }
        for _ in 0..copies {
            let mut at = at + rng.below(faults.jitter + 1);
            if rng.chance(faults.reordering) {
                stats.frames_reordered += 1;
                at += rng.between(1, OVERTAKEN);
            }
            let mut frame = self.pool.copy(frame);
            if rng.chance(faults.corruption) {
                stats.frames_corrupted += 1;
                let bit = rng.below(frame.len() as u64 * 8);
                frame[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
            self.number += 1;
            let flying = Flying { at, number: self.number, way: Way::Out(to), frame };
            self.flying.push(Reverse(flying));
        }
    }
}
