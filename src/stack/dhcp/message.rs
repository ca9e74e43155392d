//! What a DHCP server says, as far as it makes sense (RFC 2131, RFC 2132).
//!
//! smoltcp takes what it understands. Some of that would make it panic later, some would make it
//! ask a server without end, and some leads nowhere. Such messages are not shown to it.

use smoltcp::time::Duration;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetFrame, IpAddress, Ipv4Address, Ipv4Cidr,
    Ipv4Packet, UdpPacket,
};

use super::{CLIENT_PORT, MOST_SERVERS, SERVER_PORT};

/// How long a lease is whose server does not say so. smoltcp takes the same.
const UNSAID: u32 = 120;

/// The shortest lease, in seconds. Half of it is the pause between two requests, and a server that
/// leases for no time at all would be asked as fast as it answers.
const SHORTEST: u32 = 2;

/// Option 3, RFC 2132 section 3.5.
const ROUTER: u8 = 3;

/// A message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// DHCPOFFER of this address.
    Offer { server: Ipv4Address, address: Ipv4Address },
    /// DHCPACK.
    Ack { server: Ipv4Address, terms: Terms },
    /// DHCPNAK.
    Nak { server: Ipv4Address },
}

/// What a server grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) address: Ipv4Cidr,
    pub(super) router: Option<Ipv4Address>,
    pub(super) name_servers: heapless::Vec<Ipv4Address, MOST_SERVERS>,
    /// How long; `None` for ever (RFC 2131 section 3.3).
    pub(super) time: Option<Duration>,
}

/// Reads an Ethernet frame. `None` if it is no message of a server, or one that makes no sense.
///
/// Fragments are none: what they are put together to would be shown unread.
pub(super) fn read(frame: &[u8]) -> Option<Message> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    // smoltcp asks the server at the address that it answered from, and panics if that is none.
    if packet.more_frags() || packet.frag_offset() != 0 || !is_host(packet.src_addr()) {
        return None;
    }
    let datagram = UdpPacket::new_checked(packet.payload()).ok()?;
    if (datagram.src_port(), datagram.dst_port()) != (SERVER_PORT, CLIENT_PORT) {
        return None;
    }
    let payload = datagram.payload();
    let packet = DhcpPacket::new_checked(payload).ok()?;
    let message = DhcpRepr::parse(&packet).ok()?;
    let server = message.server_identifier.filter(|server| is_host(*server))?;
    match message.message_type {
        DhcpMessageType::Offer => {
            let address = message.your_ip;
            is_host(address).then_some(Message::Offer { server, address })
        }
        DhcpMessageType::Ack => Some(Message::Ack { server, terms: terms(&packet, &message)? }),
        DhcpMessageType::Nak => Some(Message::Nak { server }),
        _ => None,
    }
}

fn terms(packet: &DhcpPacket<&[u8]>, message: &DhcpRepr<'_>) -> Option<Terms> {
    let mask = IpAddress::Ipv4(message.subnet_mask?);
    let prefix_len = mask.prefix_len().filter(|len| *len > 0)?;
    let address = Ipv4Cidr::new(message.your_ip, prefix_len);
    if !is_host_of(address, message.your_ip) {
        return None;
    }
    let time = message.lease_duration.unwrap_or(UNSAID);
    if time < SHORTEST || message.renew_duration == Some(0) || message.rebind_duration == Some(0) {
        return None;
    }
    let routers = packet.options().filter(|option| option.kind == ROUTER).last();
    let router = routers
        .iter()
        .flat_map(|option| option.data.as_chunks().0)
        .map(|bytes: &[u8; 4]| Ipv4Address::from_octets(*bytes))
        // Others cannot be reached: smoltcp takes no ARP answer from beyond the network.
        .find(|router| is_host_of(address, *router) && *router != address.address());
    let name_servers = message.dns_servers.iter().flatten().copied();
    Some(Terms {
        address,
        router,
        name_servers: name_servers.filter(|server| is_host(*server)).take(MOST_SERVERS).collect(),
        time: (time != u32::MAX).then(|| Duration::from_secs(time.into())),
    })
}

/// Whether this can be the address of a host (RFC 1122 section 3.2.1.3).
fn is_host(addr: Ipv4Address) -> bool {
    let this_network = addr.octets().first() == Some(&0);
    !(this_network || addr.is_loopback() || addr.is_multicast() || addr.is_broadcast())
}

/// Whether this can be the address of a host of this network. In one of two addresses, both are
/// (RFC 3021).
fn is_host_of(network: Ipv4Cidr, addr: Ipv4Address) -> bool {
    let is_edge = network.prefix_len() < 31
        && (Some(addr) == network.broadcast() || addr == network.network().address());
    is_host(addr) && network.contains_addr(&addr) && !is_edge
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    /// An offer of 10.0.0.9 by 10.0.0.1, in a frame.
    fn offer() -> Vec<u8> {
        let mut message = vec![0; 240];
        message[..3].copy_from_slice(&[2, 1, 6]);
        message[16..20].copy_from_slice(&[10, 0, 0, 9]);
        message[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        message.extend_from_slice(&[53, 1, 2, 54, 4, 10, 0, 0, 1, 255]);
        let len = message.len() as u16 + 8;
        let [ip_len, udp_len] = [len + 20, len].map(u16::to_be_bytes);
        [
            &[0xff; 6][..],
            &[2, 0, 0, 0, 0, 1, 0x08, 0x00],
            &[0x45, 0, ip_len[0], ip_len[1], 0, 0, 0, 0, 64, 17, 0, 0],
            &[10, 0, 0, 1, 255, 255, 255, 255],
            &[0, 67, 0, 68, udp_len[0], udp_len[1], 0, 0],
            &message,
        ]
        .concat()
    }

    /// Not even one that has a whole message in it: another fragment may replace a part of that.
    #[test]
    fn fragments_are_not_read() {
        let mut frame = offer();
        let offered = Message::Offer {
            server: Ipv4Address::new(10, 0, 0, 1),
            address: Ipv4Address::new(10, 0, 0, 9),
        };
        assert_eq!(read(&frame), Some(offered));
        for fragment in [0x2000_u16, 1] {
            frame[20..22].copy_from_slice(&fragment.to_be_bytes());
            assert_eq!(read(&frame), None);
        }
    }
}
