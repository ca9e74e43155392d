//! A peer that is played by hand: it stands at the far end of the cable, in the place of the far
//! stack, and says nothing but what a test lets it say.

use sockstate::device::Plug;
use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};
use sockstate::state::{Closed, Connected};
use sockstate::testing::Lab;
use sockstate::{Duration, TcpSocket};

use super::{FAR, NEAR, far};

const NEAR_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
const FAR_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 2]);

/// The first sequence number of the played peer.
const ISS: TcpSeqNumber = TcpSeqNumber(1_000);

/// A TCP segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub from: u16,
    pub to: u16,
    pub control: TcpControl,
    pub seq: TcpSeqNumber,
    pub ack: Option<TcpSeqNumber>,
    pub payload: Vec<u8>,
}

impl Segment {
    /// A connection request.
    pub fn syn(from: u16, to: u16) -> Self {
        Segment { from, to, control: TcpControl::Syn, seq: ISS, ack: None, payload: Vec::new() }
    }

    /// A segment that acknowledges all of this one.
    pub fn answer(&self, control: TcpControl, seq: TcpSeqNumber) -> Self {
        let len = self.payload.len() + self.control.len();
        let ack = Some(self.seq + len);
        Segment { from: self.to, to: self.from, control, seq, ack, payload: Vec::new() }
    }

    /// What a host answers to a connection request for a port that nobody listens to.
    pub fn refusal(&self) -> Self {
        self.answer(TcpControl::Rst, TcpSeqNumber(0))
    }
}

/// The played peer's side of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub here: u16,
    pub there: u16,
    pub seq: TcpSeqNumber,
    pub ack: TcpSeqNumber,
}

impl Line {
    /// A segment that acknowledges everything up to `ack`.
    pub fn segment(&self, control: TcpControl, payload: &[u8]) -> Segment {
        Segment {
            from: self.here,
            to: self.there,
            control,
            seq: self.seq,
            ack: Some(self.ack),
            payload: payload.to_vec(),
        }
    }
}

pub struct Script<'lab> {
    lab: &'lab Lab,
    plug: Plug,
}

impl<'lab> Script<'lab> {
    /// The near stack knows the hardware address of the played peer from here on.
    pub fn new(lab: &'lab Lab) -> Self {
        let mut script = Script { lab, plug: lab.cable.plugs().1 };
        script.send_arp(ArpOperation::Request);
        script.exchange();
        script
    }

    /// Lets the near stack do what it can do now, and gives the segments that it sends.
    pub fn exchange(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        loop {
            let moved = self.lab.near.poll().unwrap();
            let heard = self.hear();
            if !moved && heard.is_empty() {
                return segments;
            }
            segments.extend(heard);
        }
    }

    /// Lets so much time pass, and gives the segments that the near stack sends meanwhile.
    pub fn wait(&mut self, time: Duration) -> Vec<Segment> {
        let end = self.lab.clock.time() + time;
        let mut segments = self.exchange();
        while self.lab.clock.time() < end {
            let left = end - self.lab.clock.time();
            let delay = self.lab.near.poll_delay().unwrap_or(left);
            self.lab.clock.advance(delay.max(Duration::from_micros(1)).min(left));
            segments.extend(self.exchange());
        }
        segments
    }

    /// The next segment that the near stack sends.
    pub fn next(&mut self) -> Segment {
        let mut segments = self.exchange();
        if segments.is_empty() {
            segments = self.wait(Duration::from_millis(100));
        }
        assert_eq!(segments.len(), 1, "one segment was expected: {segments:?}");
        segments.remove(0)
    }

    /// Sends a segment, which the near stack has not seen yet when this returns.
    pub fn send(&mut self, segment: &Segment) {
        let frame = tcp_frame(segment);
        self.plug.inject(self.lab.clock.time(), &frame);
    }

    /// Connects the near stack to the played peer.
    pub fn connection(&mut self, port: u16) -> (TcpSocket<'lab, Connected>, Line) {
        let socket = self.lab.near.tcp().unwrap();
        self.connect(socket, port)
    }

    /// Connects a socket to the played peer.
    pub fn connect(
        &mut self,
        socket: TcpSocket<'lab, Closed>,
        port: u16,
    ) -> (TcpSocket<'lab, Connected>, Line) {
        let connecting = socket.connect(far(port)).unwrap();
        let syn = self.next();
        let line = Line { here: port, there: syn.from, seq: ISS + 1, ack: syn.seq + 1 };
        self.send(&syn.answer(TcpControl::Syn, ISS));
        self.exchange();
        (connecting.finish().unwrap(), line)
    }

    /// Takes the frames off the cable, and answers questions for the hardware address.
    fn hear(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        while let Some(frame) = self.plug.take(self.lab.clock.time()) {
            let frame = EthernetFrame::new_checked(&frame[..]).unwrap();
            match frame.ethertype() {
                EthernetProtocol::Arp if asks_for_far(frame.payload()) => {
                    self.send_arp(ArpOperation::Reply);
                }
                EthernetProtocol::Ipv4 => segments.extend(parse_segment(frame.payload())),
                _ => {}
            }
        }
        segments
    }

    fn send_arp(&mut self, operation: ArpOperation) {
        let arp = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: FAR_MAC,
            source_protocol_addr: FAR,
            target_hardware_addr: NEAR_MAC,
            target_protocol_addr: NEAR,
        };
        let frame = ethernet_frame(EthernetProtocol::Arp, arp.buffer_len(), |payload| {
            arp.emit(&mut ArpPacket::new_unchecked(payload));
        });
        self.plug.inject(self.lab.clock.time(), &frame);
    }
}

fn asks_for_far(packet: &[u8]) -> bool {
    let arp = ArpRepr::parse(&ArpPacket::new_checked(packet).unwrap()).unwrap();
    matches!(
        arp,
        ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, target_protocol_addr: FAR, .. }
    )
}

fn parse_segment(packet: &[u8]) -> Option<Segment> {
    let checks = ChecksumCapabilities::default();
    let ip = Ipv4Packet::new_checked(packet).unwrap();
    if ip.next_header() != IpProtocol::Tcp {
        return None;
    }
    let (src, dst) = (ip.src_addr().into(), ip.dst_addr().into());
    let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
    let tcp = TcpRepr::parse(&tcp, &src, &dst, &checks).unwrap();
    Some(Segment {
        from: tcp.src_port,
        to: tcp.dst_port,
        // Whether it was pushed says nothing that a test is about.
        control: tcp.control.quash_psh(),
        seq: tcp.seq_number,
        ack: tcp.ack_number,
        payload: tcp.payload.to_vec(),
    })
}

/// A frame from the far end to the near one.
pub fn tcp_frame(segment: &Segment) -> Vec<u8> {
    let checks = ChecksumCapabilities::default();
    let (src, dst): (IpAddress, IpAddress) = (FAR.into(), NEAR.into());
    let tcp = TcpRepr {
        src_port: segment.from,
        dst_port: segment.to,
        control: segment.control,
        seq_number: segment.seq,
        ack_number: segment.ack,
        window_len: 4_096,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &segment.payload,
    };
    let ip = Ipv4Repr {
        src_addr: FAR,
        dst_addr: NEAR,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    ethernet_frame(EthernetProtocol::Ipv4, ip.buffer_len() + tcp.buffer_len(), |payload| {
        let mut packet = Ipv4Packet::new_unchecked(payload);
        ip.emit(&mut packet, &checks);
        tcp.emit(&mut TcpPacket::new_unchecked(packet.payload_mut()), &src, &dst, &checks);
    })
}

fn ethernet_frame(
    ethertype: EthernetProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ethernet = EthernetRepr { src_addr: FAR_MAC, dst_addr: NEAR_MAC, ethertype };
    let mut bytes = vec![0; ethernet.buffer_len() + payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    ethernet.emit(&mut frame);
    emit(frame.payload_mut());
    bytes
}
