//! Who is at the other end of the cable: it remembers what it hears of the stack, so that what it says
//! may fit, and holds that against what may be said.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use sockstate::device::Plug;
use sockstate::testing::VirtualClock;

use crate::bench::OWN_MAC;
use crate::dns;
use crate::grammar::mac_from;
use crate::packet::{self, ACK, FIN, RST, SYN, Segment, TCP};
use crate::read::{self, long, word};

/// What a peer knows of a connection of the stack: from the last segment it got of it.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The number of the stack's SYN.
    pub first: Option<u32>,
    /// The next sequence number of the stack.
    pub seq: u32,
    /// The next that the stack expects; 0 as long as it knows of none.
    pub ack: u32,
    pub flags: u8,
}

/// A datagram of the stack.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub src: SocketAddr,
    pub dst: SocketAddr,
    pub data: Vec<u8>,
}

pub struct Peer {
    wire: Plug,
    clock: VirtualClock,
    /// Whether neighbours say who they are when they are asked.
    pub neighbors_answer: bool,
    pub flows: VecDeque<Flow>,
    pub datagrams: VecDeque<Datagram>,
    /// The last IP packets.
    pub packets: VecDeque<Vec<u8>>,
    /// What was said to the stack's UDP ports.
    pub said: Vec<Datagram>,
    /// What the stack sent to name servers and hosts.
    pub questions: Vec<Datagram>,
    /// Connections, by their two ends, whose peer may have said what does not fit: other bytes, or
    /// some after its end.
    lies: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Whether what programs send is looked at.
    pub follows_streams: bool,
}

/// How much is remembered.
const MEMORY: usize = 16;

fn remember<T>(memory: &mut VecDeque<T>, new: T) {
    memory.truncate(MEMORY - 1);
    memory.push_front(new);
}

impl Peer {
    pub fn new(wire: Plug, clock: VirtualClock) -> Self {
        Peer {
            wire,
            clock,
            neighbors_answer: true,
            flows: VecDeque::new(),
            datagrams: VecDeque::new(),
            packets: VecDeque::new(),
            said: Vec::new(),
            questions: Vec::new(),
            lies: BTreeSet::new(),
            follows_streams: true,
        }
    }

    /// A peer is not to be believed any more.
    pub fn lie(&mut self, remote: SocketAddr, local: SocketAddr) {
        self.lies.insert((local, remote));
    }

    pub fn has_lied(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.lies.contains(&(local, remote))
    }

    /// Puts a frame on the cable.
    pub fn say(&mut self, frame: &[u8]) {
        if let Some(packet) = read::packet(frame)
            && let (Some((src, dst)), Some(data)) = (packet.ends(), packet.datagram())
        {
            self.said.push(Datagram { src, dst, data: data.to_vec() });
        }
        self.wire.inject(self.clock.time(), frame);
    }

    /// Takes in what the stack has said, and answers for neighbours. Whether it answered.
    pub fn hear(&mut self) -> bool {
        let mut has_answered = false;
        while let Some(frame) = self.wire.take(self.clock.time()) {
            if self.neighbors_answer
                && let Some(neighbor) = read::wanted_neighbor(&frame).filter(is_there)
            {
                self.wire.inject(self.clock.time(), &introduction(neighbor));
                has_answered = true;
            }
            if let Some(packet) = read::packet(&frame) {
                self.note(&packet);
            }
        }
        has_answered
    }

    fn note(&mut self, packet: &read::Packet<'_>) {
        remember(&mut self.packets, packet.whole.to_vec());
        let Some((src, dst)) = packet.ends() else { return };
        if packet.protocol == TCP {
            return self.note_segment(src, dst, packet.payload).expect("a whole segment");
        }
        let data = packet.datagram().expect("a whole datagram").to_vec();
        let datagram = Datagram { src, dst, data };
        if matches!(dst.port(), 53 | 5_353) && dns::is_question(&datagram.data) {
            self.questions.push(datagram.clone());
        }
        remember(&mut self.datagrams, datagram);
    }

    /// Each byte that a program sends is its place in the stream.
    fn note_segment(&mut self, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) -> Option<()> {
        let (seq, ack) = (long(bytes, 4)?, long(bytes, 8)?);
        let flags = *bytes.get(13)?;
        let data = bytes.get(usize::from(bytes[12] >> 4) * 4..)?;
        let known = self.flows.iter().position(|flow| (flow.local, flow.remote) == (local, remote));
        let known = known.and_then(|at| self.flows.remove(at));
        let first = if flags & SYN != 0 { Some(seq) } else { known.and_then(|flow| flow.first) };
        // A probe of a connection that is kept alive is one byte that was sent before.
        let is_probe = data == [0];
        let is_followed = self.follows_streams && !is_probe && flags & SYN == 0;
        if let Some(first) = first.filter(|_| is_followed) {
            let place = seq.wrapping_sub(first).wrapping_sub(1);
            let sent = data.iter().enumerate();
            let is_right = |(at, byte): (usize, &u8)| *byte == place.wrapping_add(at as u32) as u8;
            assert!(sent.into_iter().all(is_right), "other bytes than were sent, from {place} on");
        }
        if flags & RST == 0 {
            let control = u32::from(flags & (SYN | FIN) != 0);
            let seq = seq.wrapping_add(data.len() as u32 + control);
            let ack = if flags & ACK != 0 { ack } else { 0 };
            remember(&mut self.flows, Flow { local, remote, first, seq, ack, flags });
        }
        Some(())
    }

    /// Answers whatever asks for a connection, and completes those that were asked for.
    pub fn shake_hands(&mut self) {
        for flow in self.flows.clone() {
            let is_asked = flow.flags & (SYN | ACK) == SYN;
            if flow.flags & SYN == 0 {
                continue;
            }
            let segment = Segment {
                src: flow.remote,
                dst: flow.local,
                flags: if is_asked { SYN | ACK } else { ACK },
                seq: if is_asked { 0x1000 } else { flow.ack },
                ack: flow.seq,
                window: 4_096,
                options: Vec::new(),
                len: 0,
            };
            let ends = (flow.remote.ip(), flow.local.ip());
            let packet = packet::ip(ends, TCP, 64, false, &segment.message());
            self.say(&packet::ethernet(OWN_MAC, mac_from(ends.0), &packet));
        }
    }

    /// The questions of a port of the stack: to whom, which transaction, and the rest.
    pub fn questions_of(&self, id: u16, port: u16) -> impl Iterator<Item = &Datagram> {
        self.questions.iter().filter(move |question| {
            question.src.port() == port && word(&question.data, 0) == Some(id)
        })
    }
}

/// Whether there is a host of this address on the link.
fn is_there(addr: &IpAddr) -> bool {
    matches!(packet::octets(*addr).last(), Some(2 | 3))
}

/// A neighbour says who it is.
pub fn introduction(neighbor: IpAddr) -> Vec<u8> {
    use crate::bench::{OWN_V4, OWN_V6};
    match (neighbor, OWN_V4, OWN_V6) {
        (IpAddr::V4(neighbor), IpAddr::V4(own), _) => packet::arp(false, neighbor, own, OWN_MAC),
        (IpAddr::V6(neighbor), _, IpAddr::V6(own)) => packet::advertisement(neighbor, own, OWN_MAC),
        _ => unreachable!("each own address has its version"),
    }
}
