//! What the network reads of frames.

use smoltcp::wire::{EthernetFrame, PrettyPrinter, TcpPacket, UdpPacket};

use super::addresses::node_with;
use crate::content::key_of;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A connection, as its receiver tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    pub v6: bool,
    pub peer: usize,
    pub local_port: u16,
    pub remote_port: u16,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub flow: Flow,
    pub seq: u32,
    pub ack: Option<u32>,
    pub window: u16,
    pub is_fin: bool,
    pub len: usize,
    pub first_byte: Option<u8>,
}

/// The segment in a frame, as its sender sees it, or its receiver.
pub fn segment(frame: &[u8], is_sent: bool) -> Option<Segment> {
    const FIN: u8 = 0x01;
    const ACK: u8 = 0x10;
    let packet = parse(frame).filter(|packet| packet.protocol == TCP)?;
    let payload = packet.payload;
    let header = payload.first_chunk::<20>()?;
    let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let v6 = packet.is_v6;
    let flow = if is_sent {
        Flow { v6, peer: packet.to, local_port: port(0), remote_port: port(2) }
    } else {
        Flow { v6, peer: packet.from, local_port: port(2), remote_port: port(0) }
    };
    let header_len = usize::from(header[12] >> 4) * 4;
    Some(Segment {
        flow,
        seq: number(4),
        ack: (header[13] & ACK != 0).then(|| number(8)),
        window: port(14),
        is_fin: header[13] & FIN != 0,
        len: payload.len().saturating_sub(header_len),
        first_byte: payload.get(header_len).copied(),
    })
}

/// The key of the datagram in a frame.
pub fn datagram_key(frame: &[u8]) -> Option<u64> {
    let packet = parse(frame).filter(|packet| packet.protocol == UDP)?;
    key_of(packet.payload.get(8..)?)
}

/// An IP packet. No stack here sends options.
struct Packet<'f> {
    is_v6: bool,
    protocol: u8,
    /// The nodes whose addresses it has. What was damaged on the way may have any hardware address.
    from: usize,
    to: usize,
    payload: &'f [u8],
}

fn parse(frame: &[u8]) -> Option<Packet<'_>> {
    let (header, packet) = frame.split_first_chunk::<14>()?;
    let (protocol, addresses, payload) = match u16::from_be_bytes([header[12], header[13]]) {
        0x0800 => (9, packet.get(12..20)?, 20),
        0x86dd => (6, packet.get(8..40)?, 40),
        _ => return None,
    };
    let (from, to) = addresses.split_at(addresses.len() / 2);
    Some(Packet {
        is_v6: addresses.len() > 8,
        protocol: *packet.get(protocol)?,
        from: node_with(from)?,
        to: node_with(to)?,
        payload: packet.get(payload..)?,
    })
}

/// A frame as text.
pub fn describe(frame: &[u8]) -> String {
    let Some(Packet { is_v6, protocol, from, to, payload }) = parse(frame) else {
        return PrettyPrinter::<EthernetFrame<&[u8]>>::new("", &frame).to_string();
    };
    let text = match protocol {
        TCP => TcpPacket::new_checked(payload).map(|packet| packet.to_string()),
        UDP => UdpPacket::new_checked(payload).map(|packet| packet.to_string()),
        other => Ok(format!("protocol {other}")),
    };
    let version = if is_v6 { 6 } else { 4 };
    let text = text.unwrap_or_else(|_| "damaged".into());
    format!("IPv{version} {from} -> {to}: {text}, {} bytes", payload.len())
}
