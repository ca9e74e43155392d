//! What a frame says, read by hand: nothing here shares code with the stack.

use std::net::{IpAddr, SocketAddr};

use crate::packet::{TCP, UDP};

/// An IP packet in an Ethernet frame.
#[derive(Clone, Debug)]
pub struct Packet<'f> {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub payload: &'f [u8],
    pub whole: &'f [u8],
}

pub fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn v4(bytes: &[u8], at: usize) -> Option<IpAddr> {
    Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?.into())
}

fn v6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    Some(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?.into())
}

/// Reads a frame as far as it holds an IP packet.
pub fn packet(frame: &[u8]) -> Option<Packet<'_>> {
    let whole = frame.get(14..)?;
    match word(frame, 12)? {
        0x0800 => {
            let header = usize::from(whole.first()? & 15) * 4;
            let payload = whole.get(header..word(whole, 2)?.into())?;
            let (src, dst) = (v4(whole, 12)?, v4(whole, 16)?);
            Some(Packet { src, dst, protocol: *whole.get(9)?, payload, whole })
        }
        0x86dd => {
            let (src, dst) = (v6(whole, 8)?, v6(whole, 24)?);
            let payload = whole.get(40..40 + usize::from(word(whole, 4)?))?;
            match *whole.get(6)? {
                // Hop-by-hop options.
                0 => {
                    let end = (usize::from(*payload.get(1)?) + 1) * 8;
                    let protocol = *payload.first()?;
                    Some(Packet { src, dst, protocol, payload: payload.get(end..)?, whole })
                }
                protocol => Some(Packet { src, dst, protocol, payload, whole }),
            }
        }
        _ => None,
    }
}

impl<'f> Packet<'f> {
    /// From where to where, of TCP and UDP.
    pub fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let has_ports = matches!(self.protocol, TCP | UDP);
        let (src, dst) = (word(self.payload, 0)?, word(self.payload, 2)?);
        has_ports.then_some(((self.src, src).into(), (self.dst, dst).into()))
    }

    /// What a datagram holds.
    pub fn datagram(&self) -> Option<&'f [u8]> {
        self.payload.get(8..word(self.payload, 4)?.into()).filter(|_| self.protocol == UDP)
    }
}

/// Who is asked for its hardware address.
pub fn wanted_neighbor(frame: &[u8]) -> Option<IpAddr> {
    match word(frame, 12)? {
        0x0806 if word(frame, 20)? == 1 => v4(frame, 38),
        0x86dd => {
            let packet = packet(frame)?;
            let is_solicitation = packet.protocol == 58 && *packet.payload.first()? == 135;
            v6(packet.payload, 8).filter(|_| is_solicitation)
        }
        _ => None,
    }
}
