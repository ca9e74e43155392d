//! What a DHCP server says.

use std::net::{Ipv4Addr, SocketAddr};

use crate::bench::OWN_MAC;
use crate::dice::Dice;
use crate::packet::{self, UDP};
use crate::peer::Peer;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 2);

/// An answer to what a client has asked, in a frame.
pub fn answer(dice: &mut Dice<'_>, peer: &Peer) -> Option<Vec<u8>> {
    let asked = peer.datagrams.iter().find(|datagram| datagram.dst.port() == 67)?;
    let granted = dice.pick(&[
        Ipv4Addr::new(192, 168, 70, 9),
        Ipv4Addr::new(192, 168, 69, 9),
        Ipv4Addr::new(192, 168, 69, 1),
        Ipv4Addr::new(10, 0, 0, 9),
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
    ]);
    let mut message = vec![2, 1, 6, 0];
    message.extend(asked.data.get(4..8)?);
    message.extend([0; 8]);
    message.extend(granted.octets());
    message.extend([0; 8]);
    message.extend(OWN_MAC);
    message.extend([0; 10 + 192]);
    message.extend([0x63, 0x82, 0x53, 0x63]);
    // What it was asked decides what fits: an offer after a discovery, else a grant.
    let is_discovery = asked.data.windows(3).any(|option| option == [53, 1, 1]);
    let fitting = if is_discovery { 2 } else { 5 };
    message.extend([53, 1, dice.pick(&[fitting, fitting, fitting, fitting, 2, 5, 6])]);
    if !dice.one_in(16) {
        message.extend([54, 4]);
        message.extend(dice.pick(&[SERVER, SERVER, SERVER, Ipv4Addr::UNSPECIFIED]).octets());
    }
    if !dice.one_in(16) {
        let masks: [[u8; 4]; 6] = [
            [255, 255, 255, 0],
            [255, 255, 0, 0],
            [255, 255, 255, 255],
            [0; 4],
            [255, 0, 255, 0],
            [255, 255, 255, 254],
        ];
        message.extend([1, 4]);
        message.extend(dice.pick(&masks));
    }
    for option in [51, 58, 59] {
        if !dice.one_in(3) {
            message.extend([option, 4]);
            message.extend(dice.pick(&[600_u32, 60, 2, 1, 0, u32::MAX, 40]).to_be_bytes());
        }
    }
    for option in [3, 6] {
        let addrs = dice.below(5);
        message.extend([option, 4 * addrs as u8]);
        for _ in 0..addrs {
            message.extend([192, 168, dice.pick(&[70, 69]), dice.byte()]);
        }
    }
    if dice.one_in(8) {
        let len = dice.below(30);
        message.extend([dice.byte(), dice.byte()]);
        message.extend(dice.bytes(len));
    }
    message.push(255);
    let (src, dst) = (SocketAddr::new(SERVER.into(), 67), (Ipv4Addr::BROADCAST, 68).into());
    let datagram = packet::udp(src, dst, &message);
    let packet = packet::ip((src.ip(), dst.ip()), UDP, 64, false, &datagram);
    Some(packet::ethernet(packet::EVERYBODY, packet::mac_of(SERVER.into()), &packet))
}
