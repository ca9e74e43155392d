//! A DHCP server that is played by hand, at port 67 of the far stack.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet,
    Ipv4Repr, UdpPacket, UdpRepr,
};
use sockstate::state::Bound;
use sockstate::testing::Lab;
use sockstate::{Instant, Net, UdpSocket};

use crate::common::FAR;

pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;

pub const MASK: u8 = 1;
pub const ROUTER: u8 = 3;
pub const NAMES: u8 = 6;
pub const HOST_NAME: u8 = 12;
const REQUESTED: u8 = 50;
pub const TIME: u8 = 51;
const KIND: u8 = 53;
pub const SERVER: u8 = 54;
pub const T1: u8 = 58;
pub const T2: u8 = 59;

const NEAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];

/// What a server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub from: Ipv4Addr,
    pub kind: u8,
    pub xid: [u8; 4],
    pub client: Ipv4Addr,
    pub requested: Option<Ipv4Addr>,
    pub server: Option<Ipv4Addr>,
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Asked {
    fn parse(message: &[u8], from: Ipv4Addr, at: Instant) -> Self {
        assert_eq!(message[..4], [1, 1, 6, 0], "a request, from Ethernet");
        assert_eq!(message[28..34], NEAR_MAC);
        assert_eq!(message[236..240], [0x63, 0x82, 0x53, 0x63]);
        let mut options = Vec::new();
        let mut rest = &message[240..];
        while rest[0] != 255 {
            let (data, after) = rest[2..].split_at(rest[1].into());
            options.push((rest[0], data.to_vec()));
            rest = after;
        }
        let find = |wanted| {
            options.iter().find(|(kind, _)| *kind == wanted).map(|(_, data): &(u8, Vec<u8>)| data)
        };
        let addr = |data: &Vec<u8>| Ipv4Addr::from(<[u8; 4]>::try_from(&data[..]).unwrap());
        Asked {
            at,
            from,
            kind: find(KIND).unwrap()[0],
            xid: message[4..8].try_into().unwrap(),
            client: Ipv4Addr::from(<[u8; 4]>::try_from(&message[12..16]).unwrap()),
            requested: find(REQUESTED).map(addr),
            server: find(SERVER).map(addr),
            options,
        }
    }

    /// An answer of the far stack's server.
    pub fn answer(&self, kind: u8, addr: Ipv4Addr) -> Answer {
        Answer { kind, xid: self.xid, mac: NEAR_MAC, addr, options: Vec::new() }
            .with(SERVER, &FAR.octets())
    }

    /// What a sound server answers that leases this address for so many seconds.
    pub fn grant(&self, addr: Ipv4Addr, seconds: u32) -> Answer {
        let kind = if self.kind == DISCOVER { OFFER } else { ACK };
        self.answer(kind, addr).with(MASK, &[255, 255, 255, 0]).with(TIME, &seconds.to_be_bytes())
    }

    pub fn refuse(&self) -> Answer {
        self.answer(NAK, Ipv4Addr::UNSPECIFIED)
    }
}

/// What a server says.
#[derive(Clone, Debug)]
pub struct Answer {
    pub kind: u8,
    pub xid: [u8; 4],
    pub mac: [u8; 6],
    pub addr: Ipv4Addr,
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Answer {
    /// With an option, in the place of one that it has.
    pub fn with(self, option: u8, data: &[u8]) -> Self {
        let mut answer = self.without(option);
        answer.options.push((option, data.to_vec()));
        answer
    }

    pub fn without(mut self, option: u8) -> Self {
        self.options.retain(|(kind, _)| *kind != option);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut message = vec![0; 240];
        message[..3].copy_from_slice(&[2, 1, 6]);
        message[4..8].copy_from_slice(&self.xid);
        message[16..20].copy_from_slice(&self.addr.octets());
        message[28..34].copy_from_slice(&self.mac);
        message[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        for (kind, data) in std::iter::once(&(KIND, vec![self.kind])).chain(&self.options) {
            message.extend_from_slice(&[*kind, data.len() as u8]);
            message.extend_from_slice(data);
        }
        message.push(255);
        message
    }
}

/// A server, and what it was asked.
pub struct Server<'net> {
    socket: RefCell<UdpSocket<'net, Bound>>,
    pub asked: RefCell<Vec<Asked>>,
}

impl<'net> Server<'net> {
    pub fn new(net: &'net Net) -> Self {
        let socket = RefCell::new(net.udp().unwrap().bind(67).unwrap());
        Server { socket, asked: RefCell::default() }
    }

    /// Answers what has arrived, to all hosts. `answer` says with which messages.
    pub fn step(&self, lab: &Lab, mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>) {
        let mut buffer = [0; 1_500];
        let mut socket = self.socket.borrow_mut();
        while let Ok((size, from)) = socket.receive_from(&mut buffer) {
            assert_eq!(from.port(), 68);
            let std::net::IpAddr::V4(from) = from.ip() else { panic!("{from}") };
            let asked = Asked::parse(&buffer[..size], from, lab.clock.time());
            for message in answer(&asked) {
                socket.send_to(&message, (Ipv4Addr::BROADCAST, 68).into()).unwrap();
            }
            self.asked.borrow_mut().push(asked);
        }
        lab.far.poll().unwrap();
    }

    /// The kinds of what it was asked.
    pub fn kinds(&self) -> Vec<u8> {
        self.asked.borrow().iter().map(|asked| asked.kind).collect()
    }

    pub fn last(&self) -> Asked {
        self.asked.borrow().last().unwrap().clone()
    }

    pub fn forget(&self) {
        self.asked.borrow_mut().clear();
    }
}

/// A message in a frame to all hosts, from any address and port.
pub fn frame(from: Ipv4Addr, port: u16, message: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: port, dst_port: 68 };
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: Ipv4Addr::BROADCAST,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + message.len(),
        hop_limit: 64,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress([0x02, 0, 0, 0, 0, 2]),
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Ipv4,
    };
    let checksums = ChecksumCapabilities::default();
    let mut frame = vec![0; ethernet.buffer_len() + ip.buffer_len() + ip.payload_len];
    let mut eth = EthernetFrame::new_unchecked(&mut frame[..]);
    ethernet.emit(&mut eth);
    let mut packet = Ipv4Packet::new_unchecked(eth.payload_mut());
    ip.emit(&mut packet, &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(packet.payload_mut()),
        &ip.src_addr.into(),
        &ip.dst_addr.into(),
        message.len(),
        |payload| payload.copy_from_slice(message),
        &checksums,
    );
    frame
}
