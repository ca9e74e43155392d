//! What the network reads of frames.

use crate::content::key_of;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A connection, as its receiver tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    pub peer: usize,
    pub local_port: u16,
    pub remote_port: u16,
}

/// The connection that a frame belongs to, and whether it closes the window.
pub fn flow(frame: &[u8]) -> Option<(Flow, bool)> {
    let (TCP, peer, segment) = parse(frame)? else { return None };
    let header = segment.first_chunk::<16>()?;
    let flow = Flow {
        peer,
        local_port: u16::from_be_bytes([header[2], header[3]]),
        remote_port: u16::from_be_bytes([header[0], header[1]]),
    };
    Some((flow, header[14..] == [0, 0]))
}

/// The key of the datagram in a frame.
pub fn datagram_key(frame: &[u8]) -> Option<u64> {
    let (UDP, _, datagram) = parse(frame)? else { return None };
    key_of(datagram.get(8..)?)
}

/// Protocol, node of the sender, and what the IP packet carries. No stack here sends options.
fn parse(frame: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (header, packet) = frame.split_first_chunk::<14>()?;
    let sender = usize::from(header[11]);
    match u16::from_be_bytes([header[12], header[13]]) {
        0x0800 => Some((*packet.get(9)?, sender, packet.get(20..)?)),
        0x86dd => Some((*packet.get(6)?, sender, packet.get(40..)?)),
        _ => None,
    }
}
