//! Frames: valid ones that fit what the stack has said, near misses, and noise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::bench::{GROUP, HOSTS_V4, HOSTS_V6, OWN_MAC, OWN_V4, OWN_V6, host_v4, host_v6};
use crate::dice::Dice;
use crate::packet::{self, ACK, EVERYBODY, FIN, ICMPV6, IGMP, PSH, RST, SYN, Segment, TCP, UDP};
use crate::peer::{Peer, introduction};
use crate::{control, dhcp, dns, read};

/// Ports of the stack's at which somebody may be, and ports of peers.
pub const OWN_PORTS: [u16; 6] = [80, 81, 5_000, 5_001, 6_000, 7];
pub const PEER_PORTS: [u16; 4] = [7, 1_000, 1_001, 53];

/// What is said with one frame, before it is put into one.
type Message = ((IpAddr, IpAddr), u8, Vec<u8>);

/// Says something.
pub fn say(dice: &mut Dice<'_>, peer: &mut Peer) {
    let mut frame = match dice.below(20) {
        0 => neighbor(dice),
        1 => {
            let len = dice.below(100);
            dice.bytes(len).to_vec()
        }
        2 => match dhcp::answer(dice, peer) {
            Some(frame) => frame,
            None => return,
        },
        3 => control::advertisement(dice),
        kind => {
            let Some(message) = message(dice, peer, kind) else { return };
            wrap(dice, message)
        }
    };
    if dice.one_in(12) {
        damage(dice, &mut frame);
        let packet = read::packet(&frame).filter(|packet| packet.protocol == TCP);
        if let Some((remote, local)) = packet.and_then(|packet| packet.ends()) {
            peer.lie(remote, local);
        }
    }
    peer.say(&frame);
}

fn message(dice: &mut Dice<'_>, peer: &mut Peer, kind: usize) -> Option<Message> {
    match kind {
        4..=9 => segment(dice, peer),
        10 => request(dice),
        11 | 12 => datagram(dice, peer),
        13 => dns::answer(dice, peer),
        14 => control::echo(dice, peer),
        15 | 16 => control::error(dice, peer),
        17 => {
            let ends = ends(dice);
            let OWN_V4 = ends.1 else { return Some(control::listener_query(dice)) };
            let (kind, time) = (dice.pick(&[0x11, 0x12, 0x16, 0x17]), dice.byte());
            let group = dice.pick(&[Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(224, 0, 0, 99)]);
            let all = IpAddr::V4(dice.pick(&[Ipv4Addr::new(224, 0, 0, 1), group]));
            Some(((ends.0, all), IGMP, packet::igmp(kind, time, group)))
        }
        18 => control::redirect(dice, peer),
        _ => {
            let (ends, protocol, len) = (ends(dice), dice.byte(), dice.below(60));
            Some((ends, protocol, dice.bytes(len).to_vec()))
        }
    }
}

/// From somebody to the stack, by either IP version.
pub fn ends(dice: &mut Dice<'_>) -> (IpAddr, IpAddr) {
    match dice.below(8) {
        number @ 0..4 => (host_v4(number), OWN_V4),
        number => (host_v6(number - 4), OWN_V6),
    }
}

fn wrap(dice: &mut Dice<'_>, (ends, protocol, payload): Message) -> Vec<u8> {
    let (hops, options) = match dice.below(32) {
        0 => (1, false),
        1 => (0, false),
        2 => (255, true),
        // What neighbours say of each other comes with the greatest.
        _ if protocol == ICMPV6 => (255, false),
        _ => (64, false),
    };
    let packet = packet::ip(ends, protocol, hops, options, &payload);
    packet::ethernet(mac_for(dice, ends.1), mac_from(ends.0), &packet)
}

/// Whoever is beyond the gateway speaks by its hardware address.
pub fn mac_from(src: IpAddr) -> packet::Mac {
    let is_beyond = src == host_v4(2) || src == host_v6(2);
    packet::mac_of(if is_beyond { host_v4(1) } else { src })
}

fn mac_for(dice: &mut Dice<'_>, dst: IpAddr) -> packet::Mac {
    match (dst, dice.below(32)) {
        (_, 31) => EVERYBODY,
        (_, 30) => [2, 0, 0, 0, 0, 0x55],
        (IpAddr::V4(dst), _) if dst.is_multicast() => {
            let [_, b, c, d] = dst.octets();
            [1, 0, 0x5e, b & 0x7f, c, d]
        }
        (IpAddr::V6(dst), _) if dst.is_multicast() => {
            let [.., a, b, c, d] = dst.octets();
            [0x33, 0x33, a, b, c, d]
        }
        _ => OWN_MAC,
    }
}

/// What a peer might say next on a connection, or nearly that.
fn segment(dice: &mut Dice<'_>, peer: &mut Peer) -> Option<Message> {
    let len = peer.flows.len();
    if len == 0 {
        return request(dice);
    }
    let flow = peer.flows[dice.below(len)];
    let is_request = flow.flags & (SYN | ACK) == SYN;
    let kinds: &[u8] = match is_request {
        true => &[SYN | ACK, SYN | ACK, SYN | ACK, SYN | ACK, SYN, RST | ACK, ACK, RST],
        false => &[
            ACK,
            ACK,
            PSH | ACK,
            PSH | ACK,
            PSH | ACK,
            PSH | ACK,
            FIN | ACK,
            FIN | ACK,
            RST | ACK,
            RST,
            SYN,
            SYN | ACK,
            0,
        ],
    };
    let flags = dice.pick(kinds);
    let mut segment = Segment {
        src: flow.remote,
        dst: flow.local,
        flags,
        seq: if is_request { dice.long() } else { flow.ack },
        ack: flow.seq,
        window: dice.pick(&[4_096, 4_096, 0, 100, 65_535]),
        options: if flags & SYN != 0 { options(dice) } else { Vec::new() },
        len: if flags & PSH != 0 || dice.one_in(8) { dice.pick(&[1, 20, 300, 700]) } else { 0 },
    };
    match dice.below(16) {
        // Some of it was heard before, or has a gap before it.
        0 => segment.seq = segment.seq.wrapping_sub(1),
        1 => segment.seq = segment.seq.wrapping_sub(dice.below(400) as u32),
        2 => segment.seq = segment.seq.wrapping_add(dice.below(700) as u32),
        3 => segment.ack = segment.ack.wrapping_sub(dice.below(700) as u32),
        4 => segment.ack = segment.ack.wrapping_add(dice.below(700) as u32),
        5 => segment.seq = dice.long(),
        6 => segment.ack = dice.long(),
        7 => segment.dst.set_port(dice.pick(&OWN_PORTS)),
        8 => segment.src.set_port(dice.pick(&PEER_PORTS)),
        9 => segment.options = options(dice),
        _ => {}
    }
    // What a peer says after its end is not a part of the stream.
    if segment.flags & FIN != 0 {
        peer.lie(segment.src, segment.dst);
    }
    Some(((segment.src.ip(), segment.dst.ip()), TCP, segment.message()))
}

fn options(dice: &mut Dice<'_>) -> Vec<u8> {
    let known: [&[u8]; 8] = [
        &[],
        &[2, 4, 0x05, 0xb4],
        &[2, 4, 0, 100],
        &[2, 4, 0, 0],
        &[2, 4, 0x05, 0xb4, 1, 3, 3, 7],
        &[4, 2, 1, 1],
        &[8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1],
        &[5, 10, 0, 0, 0, 9, 0, 0, 0, 200, 1, 0],
    ];
    match dice.below(known.len() + 1) {
        place if place < known.len() => known[place].to_vec(),
        _ => dice.bytes(8).iter().copied().chain([0; 8]).take(8).collect(),
    }
}

fn request(dice: &mut Dice<'_>) -> Option<Message> {
    let ends = ends(dice);
    let segment = Segment {
        src: SocketAddr::new(ends.0, dice.pick(&PEER_PORTS)),
        dst: SocketAddr::new(ends.1, dice.pick(&OWN_PORTS)),
        flags: SYN,
        seq: dice.long(),
        ack: 0,
        window: dice.pick(&[4_096, 0, 65_535]),
        options: options(dice),
        len: 0,
    };
    Some((ends, TCP, segment.message()))
}

/// An answer to the stack's last datagrams, or something nobody asked for.
fn datagram(dice: &mut Dice<'_>, peer: &Peer) -> Option<Message> {
    let len = dice.pick(&[0, 1, 30, 300]);
    let data = vec![dice.byte(); len];
    let (src, dst) = match dice.below(peer.datagrams.len() + 2) {
        place if place < peer.datagrams.len() => {
            let heard = &peer.datagrams[place];
            (heard.dst, heard.src)
        }
        _ => {
            let (src, dst) = ends(dice);
            let everybody = Ipv4Addr::BROADCAST.into();
            let dst = dice.pick(&[dst, dst, dst, GROUP, everybody]);
            let src = if dst.is_ipv4() == src.is_ipv4() { src } else { host_v4(0) };
            let ports = (dice.pick(&PEER_PORTS), dice.pick(&OWN_PORTS));
            (SocketAddr::new(src, ports.0), SocketAddr::new(dst, ports.1))
        }
    };
    if src.is_ipv4() != dst.is_ipv4() {
        return None;
    }
    Some(((src.ip(), dst.ip()), UDP, packet::udp(src, dst, &data)))
}

/// Somebody says who it is, or asks for the stack.
fn neighbor(dice: &mut Dice<'_>) -> Vec<u8> {
    let number = dice.below(4);
    match dice.below(4) {
        0 => introduction(host_v4(number)),
        1 => introduction(host_v6(number)),
        2 => {
            let own = Ipv4Addr::new(192, 168, 69, 1);
            packet::arp(true, HOSTS_V4[number].into(), own, [0; 6])
        }
        _ => {
            let (src, own) = (Ipv6Addr::from(HOSTS_V6[number]), OWN_V6);
            let mac = packet::mac_of(src.into());
            let body = [&[0; 4], &packet::octets(own)[..], &[1, 1], &mac].concat();
            let (protocol, message) = packet::icmp(src.into(), own, 135, 0, &body);
            let packet = packet::ip((src.into(), own), protocol, 255, false, &message);
            packet::ethernet(OWN_MAC, mac, &packet)
        }
    }
}

/// Cut off, lengthened, or with a few bits flipped: in the headers, as a rule.
pub fn damage(dice: &mut Dice<'_>, frame: &mut Vec<u8>) {
    match dice.below(6) {
        0 => frame.truncate(dice.below(frame.len() + 1)),
        1 => {
            let len = dice.below(20);
            frame.extend(dice.bytes(len));
        }
        _ => {
            for _ in 0..1 + dice.below(3) {
                let at = dice.below(frame.len().clamp(1, 128));
                let bits = dice.byte();
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= bits;
                }
            }
        }
    }
}
