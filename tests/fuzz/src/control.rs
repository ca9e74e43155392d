//! What hosts and routers say of packets, of each other and of groups: ICMP and ICMPv6.

use std::net::{IpAddr, Ipv6Addr};

use crate::bench::{OWN_V4, OWN_V6, host_v4, host_v6};
use crate::dice::Dice;
use crate::grammar::ends;
use crate::packet::{self, ICMP, ICMPV6};
use crate::peer::Peer;
use crate::read;

type Message = ((IpAddr, IpAddr), u8, Vec<u8>);

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 3);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// An echo request, or a reply: to what the stack asked if it did.
pub fn echo(dice: &mut Dice<'_>, peer: &Peer) -> Option<Message> {
    let (src, dst) = ends(dice);
    let (request, reply) = if src.is_ipv4() { (8, 0) } else { (128, 129) };
    let asked = peer.packets.iter().find_map(|whole| {
        // Read as a frame is, whose header does not matter here.
        let kind = if whole[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
        let frame = [&[0; 12][..], &kind, whole].concat();
        let packet = read::packet(&frame)?;
        let is_request = matches!(packet.protocol, ICMP | ICMPV6)
            && packet.payload.first() == Some(&request)
            && packet.src == dst;
        is_request.then(|| (packet.dst, packet.payload[4..].to_vec()))
    });
    let (src, kind, body) = match asked {
        Some((asked, body)) if !dice.one_in(3) => (asked, reply, body),
        _ => (src, dice.pick(&[request, reply]), dice.bytes(12).to_vec()),
    };
    let (protocol, message) = packet::icmp(src, dst, kind, 0, &body);
    Some(((src, dst), protocol, message))
}

/// A report that a packet did not arrive, with what it quotes: one of the stack's last packets.
pub fn error(dice: &mut Dice<'_>, peer: &Peer) -> Option<Message> {
    let len = peer.packets.len();
    if len == 0 {
        return None;
    }
    let mut quoted = peer.packets[dice.below(len)].clone();
    let is_v4 = quoted[0] >> 4 == 4;
    let (src, dst) = if is_v4 { (host_v4(dice.below(3)), OWN_V4) } else { (host_v6(1), OWN_V6) };
    let (kind, code) = match is_v4 {
        true => (dice.pick(&[3, 3, 3, 3, 4, 11, 12]), dice.below(16) as u8),
        false => (dice.pick(&[1, 1, 1, 2, 3, 4]), dice.below(8) as u8),
    };
    match dice.below(8) {
        0 => quoted.truncate(dice.below(quoted.len() + 1)),
        1 => {
            let at = dice.below(quoted.len().min(60));
            quoted[at] ^= dice.byte();
        }
        // As routers do it: the header, and eight bytes.
        2..=5 => quoted.truncate(if is_v4 { 28 } else { 48 }),
        _ => {}
    }
    let rest = dice.pick(&[[0; 4], [0, 0, 5, 0], [0, 0, 2, 0], [0xff; 4]]);
    let (protocol, message) = packet::icmp(src, dst, kind, code, &[&rest[..], &quoted].concat());
    Some(((src, dst), protocol, message))
}

/// A router says that there is a better one, or that the host is a neighbour.
pub fn redirect(dice: &mut Dice<'_>, peer: &Peer) -> Option<Message> {
    let len = peer.packets.len();
    if len == 0 {
        return None;
    }
    let quoted = &peer.packets[dice.below(len)];
    let number = dice.below(4);
    let (src, dst, kind, body) = if quoted[0] >> 4 == 4 {
        let body = [&packet::octets(host_v4(number))[..], quoted].concat();
        (host_v4(1), OWN_V4, 5, body)
    } else {
        let target = packet::octets(host_v6(number));
        let asked = &quoted[24..40];
        let target_mac = [&[2, 1], &packet::mac_of(host_v6(number))[..]].concat();
        let body = [&[0; 4], &target[..], asked, &target_mac].concat();
        (ROUTER.into(), OWN_V6, 137, body)
    };
    let (protocol, message) = packet::icmp(src, dst, kind, dice.below(4) as u8, &body);
    Some(((src, dst), protocol, message))
}

/// A router asks which groups there are members of: MLD, of either version.
pub fn listener_query(dice: &mut Dice<'_>) -> Message {
    let time = dice.word().to_be_bytes();
    let group = dice.pick(&[Ipv6Addr::UNSPECIFIED, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 99)]);
    let rest = dice.pick(&[&[][..], &[2, 125, 0, 0], &[2, 125, 0, 1]]);
    let body = [&time[..], &[0, 0], &group.octets(), rest].concat();
    let kind = dice.pick(&[130, 130, 131, 132, 143]);
    let ends = (ROUTER.into(), ALL_NODES.into());
    let (protocol, message) = packet::icmp(ends.0, ends.1, kind, 0, &body);
    (ends, protocol, message)
}

/// A router advertises itself and prefixes, in a frame.
pub fn advertisement(dice: &mut Dice<'_>) -> Vec<u8> {
    const LIFETIMES: [u32; 6] = [1_800, 0, 1, 30, 8_000, u32::MAX];
    let router: IpAddr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, dice.pick(&[3, 4, 3])).into();
    let lifetime = dice.pick(&LIFETIMES) as u16;
    let mut body = vec![64, dice.pick(&[0, 0x40, 0xc0])];
    body.extend(lifetime.to_be_bytes());
    body.extend([0; 8]);
    for _ in 0..dice.below(4) {
        match dice.below(5) {
            0 => body.extend([&[1, 1], &packet::mac_of(router)[..]].concat()),
            1 => body.extend([5, 1, 0, 0, 0, 0, 5, 0]),
            // An option of no length, or of a length that is not there.
            2 => body.extend([dice.byte(), dice.below(3) as u8, 0, 0, 0, 0, 0, 0]),
            _ => {
                body.extend([3, 4, dice.pick(&[64, 64, 64, 48, 128, 255]), dice.byte()]);
                for _ in 0..2 {
                    body.extend(dice.pick(&LIFETIMES).to_be_bytes());
                }
                body.extend([0; 4]);
                let prefixes = [0xfd01, 0xfd02, 0xfd00, 0xfe80, 0xff02, 0x2001];
                body.extend(Ipv6Addr::new(dice.pick(&prefixes), 0, 0, 0, 0, 0, 0, 0).octets());
            }
        }
    }
    let ends = (router, dice.pick(&[ALL_NODES.into(), OWN_V6]));
    let (protocol, message) = packet::icmp(ends.0, ends.1, 134, 0, &body);
    let dst = if ends.1 == OWN_V6 { crate::bench::OWN_MAC } else { [0x33, 0x33, 0, 0, 0, 1] };
    let packet = packet::ip(ends, protocol, dice.pick(&[255, 255, 255, 64]), false, &message);
    packet::ethernet(dst, packet::mac_of(router), &packet)
}
