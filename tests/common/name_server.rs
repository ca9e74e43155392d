//! A name server that is played by hand, at port 53 of the far stack.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use sockstate::state::Bound;
use sockstate::testing::Lab;
use sockstate::{Instant, Net, UdpSocket};

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const PTR: u16 = 12;
pub const AAAA: u16 = 28;

pub const NX_DOMAIN: u8 = 3;
pub const SERVER_FAILURE: u8 = 2;

/// What a server was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub at: Instant,
    pub from: SocketAddr,
    pub id: u16,
    pub name: String,
    pub kind: u16,
    pub message: Vec<u8>,
}

/// A server, and what it was asked.
pub struct Server<'net> {
    socket: RefCell<UdpSocket<'net, Bound>>,
    pub asked: RefCell<Vec<Asked>>,
}

impl<'net> Server<'net> {
    pub fn new(net: &'net Net) -> Self {
        let socket = RefCell::new(net.udp().unwrap().bind(53).unwrap());
        Server { socket, asked: RefCell::default() }
    }

    /// Answers what has arrived. `answer` says with which messages.
    pub fn step(&self, lab: &Lab, mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>) {
        let mut buffer = [0; 512];
        let mut socket = self.socket.borrow_mut();
        while let Ok((size, from)) = socket.receive_from(&mut buffer) {
            let asked = parse(&buffer[..size], lab.clock.time(), from);
            for message in answer(&asked) {
                socket.send_to(&message, from).unwrap();
            }
            self.asked.borrow_mut().push(asked);
        }
        lab.far.poll().unwrap();
    }

    /// Sends a message at another time.
    pub fn send(&self, message: &[u8], to: SocketAddr) {
        self.socket.borrow_mut().send_to(message, to).unwrap();
    }

    /// The milliseconds after the first question at which each was asked.
    pub fn times(&self) -> Vec<u64> {
        let asked = self.asked.borrow();
        asked.iter().map(|question| (question.at - asked[0].at).total_millis()).collect()
    }
}

fn parse(message: &[u8], at: Instant, from: SocketAddr) -> Asked {
    assert_eq!(&message[2..12], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0], "one question, recursion desired");
    let mut labels = Vec::new();
    let mut rest = &message[12..];
    while rest[0] != 0 {
        let (label, after) = rest[1..].split_at(rest[0].into());
        labels.push(String::from_utf8(label.to_vec()).unwrap());
        rest = after;
    }
    assert_eq!(rest[3..], [0, 1], "of class IN");
    Asked {
        at,
        from,
        id: u16::from_be_bytes([message[0], message[1]]),
        name: labels.join("."),
        kind: u16::from_be_bytes([rest[1], rest[2]]),
        message: message.to_vec(),
    }
}

/// A name in the form of RFC 1035 section 3.1.
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut encoded: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    encoded.push(0);
    encoded
}

/// A record of the answer.
pub struct Record {
    pub name: Vec<u8>,
    pub kind: u16,
    pub data: Vec<u8>,
}

pub fn address(owner: &str, addr: &str) -> Record {
    match addr.parse().unwrap() {
        IpAddr::V4(addr) => Record { name: name(owner), kind: A, data: addr.octets().to_vec() },
        IpAddr::V6(addr) => Record { name: name(owner), kind: AAAA, data: addr.octets().to_vec() },
    }
}

pub fn alias(owner: &str, target: &str) -> Record {
    Record { name: name(owner), kind: CNAME, data: name(target) }
}

pub fn pointer(owner: &str, target: &str) -> Record {
    Record { name: name(owner), kind: PTR, data: name(target) }
}

/// An answer with these records.
pub fn reply(asked: &Asked, code: u8, records: &[Record]) -> Vec<u8> {
    let mut message = asked.message.clone();
    message[2] |= 0x80;
    message[3] = 0x80 | code;
    append(&mut message, records);
    message
}

/// Makes of a question a message with these records, each good for ten seconds.
pub fn append(message: &mut Vec<u8>, records: &[Record]) {
    message[7] = records.len() as u8;
    for record in records {
        message.extend(&record.name);
        message.extend(record.kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 10]);
        message.extend((record.data.len() as u16).to_be_bytes());
        message.extend(&record.data);
    }
}
