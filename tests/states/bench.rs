//! A stack, and the other end of its cable in the test's hands.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{
    IpAddress, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};
use sockstate::testing::VirtualClock;
use sockstate::{Config, Duration, Heap, Net, Stack};

pub const OWN: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
const PEER: Ipv4Address = Ipv4Address::new(192, 168, 69, 2);
pub const OWN_PORT: u16 = 6_000;
pub const PEER_PORT: u16 = 7;
/// A name of the peer, which is its own name server.
pub const HOST: &str = "host.test";

pub struct Bench {
    pub stack: Stack<Plug, VirtualClock>,
    wire: Plug,
    clock: VirtualClock,
    /// The peer's next sequence number, and the one it expects.
    next: Cell<(TcpSeqNumber, TcpSeqNumber)>,
    /// The last datagram to the peer: the port it came from, and what it said.
    heard: RefCell<(u16, Vec<u8>)>,
}

/// A segment of the peer: the next one that it would send, but for what is said here.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub control: TcpControl,
    pub ack: bool,
    pub data: &'static [u8],
    /// How far its sequence number is from the right one.
    pub off: i32,
}

pub const PLAIN: Segment = Segment { control: TcpControl::None, ack: true, data: b"", off: 0 };
pub const SYN: Segment = Segment { control: TcpControl::Syn, ack: false, ..PLAIN };
pub const SYN_ACK: Segment = Segment { control: TcpControl::Syn, ..PLAIN };
pub const FIN: Segment = Segment { control: TcpControl::Fin, ..PLAIN };
pub const RST: Segment = Segment { control: TcpControl::Rst, ..PLAIN };
pub const DATA: Segment = Segment { control: TcpControl::Psh, data: b"hello", ..PLAIN };

impl Bench {
    pub fn new() -> Self {
        let clock = VirtualClock::new();
        let (plug, wire) = Cable::ip().plugs();
        let heap = Heap { tcp: 4, udp: 2, ..Heap::default() };
        let stack = Stack::new(heap, plug, clock.clone(), Config::ip(1)).unwrap();
        stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
        let next = Cell::new((TcpSeqNumber(1_000), TcpSeqNumber(0)));
        stack.set_dns_servers(&[PEER.into()]).unwrap();
        Bench { stack, wire, clock, next, heard: RefCell::default() }
    }

    pub fn net(&self) -> &Net {
        self.stack.net()
    }

    pub fn peer(&self) -> SocketAddr {
        (PEER, PEER_PORT).into()
    }

    /// A segment of the peer, and what is sent.
    pub fn exchange(&self, segment: Segment) -> String {
        let (seq, ack) = self.next.get();
        let repr = TcpRepr {
            src_port: PEER_PORT,
            dst_port: OWN_PORT,
            control: segment.control,
            seq_number: TcpSeqNumber(seq.0.wrapping_add(segment.off)),
            ack_number: segment.ack.then_some(ack),
            window_len: 4_096,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: segment.data,
        };
        if segment.off == 0 {
            self.next.set((seq + repr.segment_len(), ack));
        }
        self.inject(IpProtocol::Tcp, repr.buffer_len(), |bytes| {
            let packet = &mut TcpPacket::new_unchecked(bytes);
            repr.emit(packet, &PEER.into(), &OWN.into(), &ChecksumCapabilities::default());
        });
        self.poll()
    }

    /// A datagram of the peer, or of another port of it, and what is sent.
    pub fn datagram(&self, src_port: u16) -> String {
        self.send(UdpRepr { src_port, dst_port: OWN_PORT }, b"hello");
        self.poll()
    }

    /// The name server's answer to the last question: the peer's address, or an error.
    pub fn answer(&self, error: Option<u8>) -> String {
        let (dst_port, mut message) = self.heard.take();
        message[2] |= 0x80;
        message[3] = 0x80 | error.unwrap_or(0);
        if error.is_none() {
            message[7] = 1;
            // The name of the question, type A, class IN, a minute, four bytes.
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            message.extend(PEER.octets());
        }
        self.send(UdpRepr { src_port: 53, dst_port }, &message);
        self.poll()
    }

    fn send(&self, repr: UdpRepr, data: &[u8]) {
        self.inject(IpProtocol::Udp, 8 + data.len(), |bytes| {
            repr.emit(
                &mut UdpPacket::new_unchecked(bytes),
                &PEER.into(),
                &OWN.into(),
                data.len(),
                |payload| payload.copy_from_slice(data),
                &ChecksumCapabilities::default(),
            );
        });
    }

    fn inject(&self, next_header: IpProtocol, len: usize, emit: impl FnOnce(&mut [u8])) {
        let (src_addr, dst_addr) = (PEER, OWN);
        let repr = IpRepr::Ipv4(Ipv4Repr {
            src_addr,
            dst_addr,
            next_header,
            payload_len: len,
            hop_limit: 64,
        });
        let mut packet = vec![0; repr.buffer_len()];
        repr.emit(&mut packet, &ChecksumCapabilities::default());
        emit(&mut packet[repr.header_len()..]);
        self.wire.clone().inject(self.clock.time(), &packet);
    }

    /// Lets the stack run, and says what it sent.
    pub fn poll(&self) -> String {
        let mut sent = Vec::new();
        while self.stack.poll().unwrap() {}
        while let Some(packet) = self.wire.clone().take(self.clock.time()) {
            sent.push(self.read(&packet));
        }
        counted(&sent)
    }

    /// Lets time pass until nothing more will happen, at most for so long. What was sent, and
    /// after how many seconds the last thing happened.
    pub fn wait(&self, limit: Duration) -> (String, u64) {
        let (mut sent, mut last, mut passed) = (Vec::new(), 0, Duration::ZERO);
        while let Some(delay) = self.stack.poll_delay()
            && passed + delay <= limit
        {
            let delay = delay.max(Duration::from_micros(1));
            self.clock.advance(delay);
            passed += delay;
            let now_sent = self.poll();
            if now_sent != NOTHING {
                sent.push(now_sent);
            }
            last = passed.secs();
        }
        (counted(&sent), last)
    }

    fn read(&self, packet: &[u8]) -> String {
        let ip = Ipv4Packet::new_checked(packet).unwrap();
        let addrs: [IpAddress; 2] = [ip.src_addr().into(), ip.dst_addr().into()];
        match ip.next_header() {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
                let checks = ChecksumCapabilities::default();
                let repr = TcpRepr::parse(&tcp, &addrs[0], &addrs[1], &checks).unwrap();
                if repr.control != TcpControl::Rst {
                    let (seq, _) = self.next.get();
                    self.next.set((seq, repr.seq_number + repr.segment_len()));
                }
                let control = match repr.control {
                    TcpControl::None | TcpControl::Psh => None,
                    TcpControl::Syn => Some("SYN"),
                    TcpControl::Fin => Some("FIN"),
                    TcpControl::Rst => Some("RST"),
                };
                let ack = repr.ack_number.map(|_| "ACK");
                let flags: Vec<_> = control.into_iter().chain(ack).collect();
                match repr.payload.len() {
                    0 => flags.join("+"),
                    len => format!("{} with {len} B", flags.join("+")),
                }
            }
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(ip.payload()).unwrap();
                self.heard.replace((udp.src_port(), udp.payload().to_vec()));
                format!("datagram of {} B", udp.payload().len())
            }
            IpProtocol::Icmp => "ICMP unreachable".into(),
            other => other.to_string(),
        }
    }
}

pub const NOTHING: &str = "-";

/// What repeats is counted.
fn counted(sent: &[String]) -> String {
    let runs = sent.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => run[0].clone(),
        n => format!("{n} x {}", run[0]),
    });
    let text = runs.collect::<Vec<_>>().join(", ");
    if text.is_empty() { NOTHING.into() } else { text }
}
