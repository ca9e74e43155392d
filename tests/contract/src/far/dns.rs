//! A name server with a few names, and answers made by hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockstate::state::Bound;
use sockstate::{Error, Net, UdpSocket};

/// The addresses of `both.test`.
pub const BOTH: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 0, 2, 7), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

/// The name with both kinds of addresses, which is also what its addresses are called.
pub const NAME: &str = "both.test";

const A: u16 = 1;
const PTR: u16 = 12;
const AAAA: u16 = 28;

/// Bytes of a message before its question.
const HEADER: usize = 12;

pub(super) struct Server<'net> {
    socket: UdpSocket<'net, Bound>,
    silent: bool,
}

impl<'net> Server<'net> {
    pub(super) fn new(net: &'net Net, silent: bool) -> Result<Self, Error> {
        Ok(Server { socket: net.udp()?.bind(53)?, silent })
    }

    /// Answers what was asked. How much that was.
    pub(super) fn step(&mut self) -> usize {
        let mut count = 0;
        let mut buffer = [0; 512];
        while let Ok((size, from)) = self.socket.receive_from(&mut buffer) {
            count += 1;
            if !self.silent
                && let Some(answer) = buffer.get(..size).and_then(answer)
            {
                // No room: the answer is lost, and will be asked for again.
                let _ = self.socket.send_to(&answer, from);
            }
        }
        count
    }
}

/// What is known: records of the type asked for, or that there is no such name.
enum Known {
    Records(Vec<Vec<u8>>),
    NoName,
}

fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let (name, after) = name_at(query, HEADER)?;
    let kind = u16::from_be_bytes(query.get(after..after + 2)?.try_into().ok()?);
    let question = query.get(HEADER..after + 4)?;
    let (records, code) = match known(&name, kind) {
        Known::Records(records) => (records, 0),
        Known::NoName => (Vec::new(), 3),
    };
    let mut message = query.get(..2)?.to_vec();
    message.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    message.extend_from_slice(question);
    for record in records {
        // The name is that of the question; the record is of class IN and good for a minute.
        message.extend([0xc0, HEADER as u8]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((record.len() as u16).to_be_bytes());
        message.extend(record);
    }
    Some(message)
}

/// A name in lower case, and the place behind it.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = message.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}

fn known(name: &str, kind: u16) -> Known {
    let (four, six) = match name {
        NAME => (Some(BOTH.0), Some(BOTH.1)),
        "four.test" => (Some(BOTH.0), None),
        "six.test" => (None, Some(BOTH.1)),
        _ if reverse_names().iter().any(|known| known == name) => {
            let records = if kind == PTR { vec![encoded(NAME)] } else { Vec::new() };
            return Known::Records(records);
        }
        // For look-ups that are many and all different.
        _ if name.ends_with(".many.test") => (Some(BOTH.0), Some(BOTH.1)),
        _ => return Known::NoName,
    };
    Known::Records(match kind {
        A => four.into_iter().map(|four| four.octets().to_vec()).collect(),
        AAAA => six.into_iter().map(|six| six.octets().to_vec()).collect(),
        _ => Vec::new(),
    })
}

fn reverse_names() -> [String; 2] {
    [IpAddr::from(BOTH.0), IpAddr::from(BOTH.1)].map(|addr| match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(addr) => {
            let digits = addr
                .octets()
                .into_iter()
                .rev()
                .map(|byte| format!("{:x}.{:x}", byte & 0xf, byte >> 4));
            format!("{}.ip6.arpa", digits.collect::<Vec<_>>().join("."))
        }
    })
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
