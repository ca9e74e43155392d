//! The peer: it knows which numbers a connection counts from, answers questions for its hardware
//! address, and does nothing else by itself.

use std::collections::{BTreeMap, VecDeque};

use sockstate::device::Plug;
use sockstate::smoltcp::wire::{EthernetAddress, IpAddress};
use sockstate::{Instant, IpCidr};

use crate::line::{Oddities, Undelivered};
use crate::segment::{Options, Segment};
use crate::wire::{self, Heard, STACK_MAC, WireSegment};

/// The initial sequence number of the peer: the numbers wrap early in each stream.
const ISS: u32 = u32::MAX - 2;
/// The port of the stack, unless it is known otherwise.
const LISTENING: u16 = 80;
/// The port of the peer's first connection.
const FIRST_PORT: u16 = 1_001;

/// The addresses of the two ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) stack: IpAddress,
    pub(crate) peer: IpAddress,
}

impl Ends {
    pub(crate) fn new(ipv6: bool) -> Ends {
        let address = |host: u8| match ipv6 {
            true => IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, host.into()),
            false => IpAddress::v4(192, 168, 69, host),
        };
        Ends { stack: address(1), peer: address(2) }
    }

    pub(crate) fn network(&self) -> IpCidr {
        let len = if matches!(self.stack, IpAddress::Ipv4(_)) { 24 } else { 64 };
        IpCidr::new(self.stack, len)
    }
}

/// What the peer knows of a connection.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) peer_port: u16,
    pub(crate) stack_port: Option<u16>,
    /// The initial sequence number of the stack, once it has sent a SYN.
    isn: Option<u32>,
}

/// What the stack has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Segment {
        name: String,
        segment: Segment,
    },
    Question,
    /// What it should send in no case.
    Wrong(String),
}

#[derive(Debug)]
pub(crate) struct Peer {
    plug: Plug,
    ends: Ends,
    answers: bool,
    flows: BTreeMap<String, Flow>,
    last_syn: Option<WireSegment>,
    /// What the stack has sent, and the script has not come to.
    pub(crate) heard: VecDeque<Sent>,
}

impl Peer {
    /// If it answers questions, it asks one at first: so each knows the other.
    pub(crate) fn new(mut plug: Plug, ends: Ends, answers: bool, now: Instant) -> Peer {
        if answers {
            plug.inject(now, &wire::neighbour_frame(ends.peer, ends.stack, false));
        }
        let heard = VecDeque::new();
        Peer { plug, ends, answers, flows: BTreeMap::new(), last_syn: None, heard }
    }

    pub(crate) fn flow(&mut self, name: &str) -> &mut Flow {
        let peer_port = FIRST_PORT + self.flows.len() as u16;
        let flow = Flow { peer_port, stack_port: None, isn: None };
        self.flows.entry(name.to_string()).or_insert(flow)
    }

    /// A new connection between the same two ends is to come.
    pub(crate) fn forget_numbers(&mut self, name: &str) {
        self.flow(name).isn = None;
    }

    /// Takes the frames off the cable. True if there was any.
    pub(crate) fn listen(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(frame) = self.plug.take(now) {
            any = true;
            match wire::read(&frame) {
                Ok(Heard::Answer | Heard::Groups) => {}
                Ok(Heard::Question) if self.answers => self.introduce(now),
                Ok(Heard::Question) => self.heard.push_back(Sent::Question),
                Ok(Heard::Segment(segment)) => {
                    let sent = self.understand(&segment);
                    self.heard.push_back(sent);
                    if segment.flags.syn {
                        self.last_syn = Some(segment);
                    }
                }
                Err(wrong) => self.heard.push_back(Sent::Wrong(wrong)),
            }
        }
        any
    }

    pub(crate) fn introduce(&mut self, now: Instant) {
        self.plug.inject(now, &wire::neighbour_frame(self.ends.peer, self.ends.stack, true));
    }

    /// Finds the connection of a segment, and gives it the numbers of the script.
    fn understand(&mut self, got: &WireSegment) -> Sent {
        let is_of = |flow: &Flow, port| flow.peer_port == got.dst.1 && flow.stack_port == port;
        let name = [Some(got.src.1), None]
            .into_iter()
            .find_map(|port| self.flows.iter().find(|(_, flow)| is_of(flow, port)))
            .map(|(name, _)| name.clone());
        let Some(name) = name.filter(|_| got.src.0 == self.ends.stack) else {
            let [src, dst] = [got.src, got.dst].map(|(addr, port)| format!("{addr}, port {port}"));
            return Sent::Wrong(format!("a segment from {src} to {dst}"));
        };
        if got.dst.0 != self.ends.peer {
            return Sent::Wrong(format!("a segment to {}", got.dst.0));
        }
        let flow = self.flow(&name);
        flow.stack_port = Some(got.src.1);
        if got.flags.syn {
            flow.isn.get_or_insert(got.seq);
        }
        let isn = flow.isn.unwrap_or_default();
        let relative = |number: u32| i64::from(number.wrapping_sub(ISS) as i32);
        let segment = Segment {
            flags: got.flags,
            start: i64::from(got.seq.wrapping_sub(isn) as i32),
            ack: got.flags.ack.then(|| relative(got.ack)),
            window: Some(got.window),
            options: Options {
                mss: got.mss,
                scale: got.scale,
                sack_ok: got.sack_ok,
                sack: got.sack.iter().map(|(from, to)| (relative(*from), relative(*to))).collect(),
            },
            payload: got.payload.clone(),
        };
        Sent::Segment { name, segment }
    }

    /// Sends a segment.
    pub(crate) fn send(&mut self, now: Instant, name: &str, segment: &Segment, odd: &Oddities) {
        let ends = self.ends;
        let flow = self.flow(name);
        let isn = flow.isn.unwrap_or_default();
        let absolute = |number: i64| isn.wrapping_add(number as u32);
        let options = &segment.options;
        let segment = WireSegment {
            src: (odd.src.unwrap_or(ends.peer), flow.peer_port),
            dst: (odd.dst.unwrap_or(ends.stack), flow.stack_port.unwrap_or(LISTENING)),
            flags: segment.flags,
            seq: ISS.wrapping_add(segment.start as u32),
            ack: segment.ack.map_or(0, absolute),
            window: segment.window.unwrap_or_default(),
            urgent: odd.urgent,
            mss: options.mss,
            scale: options.scale,
            sack_ok: options.sack_ok,
            sack: options.sack.iter().map(|(from, to)| (absolute(*from), absolute(*to))).collect(),
            payload: segment.payload.clone(),
        };
        let to = if odd.broadcast_frame { EthernetAddress::BROADCAST } else { STACK_MAC };
        self.plug.inject(now, &segment.frame(to, odd.bad_checksum));
    }

    /// Says of the last SYN of the stack that it was not delivered.
    pub(crate) fn report(&mut self, now: Instant, why: Undelivered) -> Result<(), String> {
        let syn = self.last_syn.as_ref().ok_or("the stack has sent no SYN")?;
        self.plug.inject(now, &wire::undelivered_frame(syn, why));
        Ok(())
    }
}
