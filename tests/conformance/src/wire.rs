//! Frames of the peer, written and read with smoltcp's wire formats alone.

use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr, Icmpv6DstUnreachable,
    Icmpv6Packet, Icmpv6Repr, IpAddress, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, Ipv4Repr,
    Ipv6Address, Ipv6ExtHeader, Ipv6Packet, Ipv6Repr, MldRepr, NdiscNeighborFlags, NdiscRepr,
    TcpOption, TcpPacket, TcpSeqNumber,
};

use crate::line::Undelivered;
use crate::segment::Flags;

pub(crate) const STACK_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 2]);

const HOP_LIMIT: u8 = 64;
/// Of a neighbour's message, RFC 4861 section 7.1.
const LINK_ONLY: u8 = 255;
const TCP_HEADER: usize = 20;

/// A segment as it is on the wire.
#[derive(Clone, Debug)]
pub(crate) struct WireSegment {
    pub(crate) src: (IpAddress, u16),
    pub(crate) dst: (IpAddress, u16),
    pub(crate) flags: Flags,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_ok: bool,
    pub(crate) sack: Vec<(u32, u32)>,
    pub(crate) payload: Vec<u8>,
}

/// What a frame of the stack is.
#[derive(Debug)]
pub(crate) enum Heard {
    Segment(WireSegment),
    /// Who has the peer's address?
    Question,
    /// An answer to the peer's own question.
    Answer,
    /// Which groups it is in. There are such reports only with the feature `multicast`, which no
    /// script needs, but another package of the same build may have asked for.
    Groups,
}

/// Reads a frame of the stack. All of it must be right: addresses, lengths, checksums.
pub(crate) fn read(frame: &[u8]) -> Result<Heard, String> {
    let frame = EthernetFrame::new_checked(frame).map_err(|_| "a frame cut short")?;
    if frame.src_addr() != STACK_MAC {
        return Err(format!("a frame from {}", frame.src_addr()));
    }
    let packet = frame.payload();
    match frame.ethertype() {
        EthernetProtocol::Arp => read_arp(packet),
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(packet).map_err(|_| "a packet cut short")?;
            let repr = Ipv4Repr::parse(&ip, &ChecksumCapabilities::default())
                .map_err(|_| "a packet with a bad header")?;
            read_tcp(&IpRepr::Ipv4(repr), ip.payload())
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(packet).map_err(|_| "a packet cut short")?;
            let repr = Ipv6Repr::parse(&ip).map_err(|_| "a packet with a bad header")?;
            match repr.next_header {
                IpProtocol::Icmpv6 => read_ndisc(&repr, ip.payload()),
                IpProtocol::HopByHop => read_mld(&repr, ip.payload()),
                _ => read_tcp(&IpRepr::Ipv6(repr), ip.payload()),
            }
        }
        other => Err(format!("a frame of {other}")),
    }
}

fn read_arp(packet: &[u8]) -> Result<Heard, String> {
    let arp = ArpPacket::new_checked(packet).and_then(|arp| ArpRepr::parse(&arp));
    match arp {
        Ok(ArpRepr::EthernetIpv4 { operation: ArpOperation::Request, .. }) => Ok(Heard::Question),
        Ok(ArpRepr::EthernetIpv4 { operation: ArpOperation::Reply, .. }) => Ok(Heard::Answer),
        _ => Err("a bad message of ARP".into()),
    }
}

fn read_ndisc(ip: &Ipv6Repr, payload: &[u8]) -> Result<Heard, String> {
    let checks = ChecksumCapabilities::default();
    let packet = Icmpv6Packet::new_checked(payload).map_err(|_| "a message cut short")?;
    match Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &packet, &checks) {
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { .. })) => Ok(Heard::Question),
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { .. })) => Ok(Heard::Answer),
        _ => Err("a message of ICMPv6 that is none of a neighbour".into()),
    }
}

/// Its options come first: RFC 3810 section 5.
fn read_mld(ip: &Ipv6Repr, payload: &[u8]) -> Result<Heard, String> {
    let options = Ipv6ExtHeader::new_checked(payload).map_err(|_| "options cut short")?;
    if options.next_header() != IpProtocol::Icmpv6 {
        return Err(format!("a packet of {} after options", options.next_header()));
    }
    let message = &payload[options.payload().len() + 2..];
    let checks = ChecksumCapabilities::default();
    let packet = Icmpv6Packet::new_checked(message).map_err(|_| "a message cut short")?;
    match Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &packet, &checks) {
        Ok(Icmpv6Repr::Mld(MldRepr::Report { .. })) => Ok(Heard::Groups),
        _ => Err("a message of ICMPv6 that is no report of groups".into()),
    }
}

fn read_tcp(ip: &IpRepr, payload: &[u8]) -> Result<Heard, String> {
    if ip.next_header() != IpProtocol::Tcp {
        return Err(format!("a packet of {}", ip.next_header()));
    }
    let (src, dst) = (ip.src_addr(), ip.dst_addr());
    let tcp = TcpPacket::new_checked(payload).map_err(|_| "a segment cut short")?;
    if !tcp.verify_checksum(&src, &dst) {
        return Err("a segment with a bad checksum".into());
    }
    let mut segment = WireSegment {
        src: (src, tcp.src_port()),
        dst: (dst, tcp.dst_port()),
        flags: Flags {
            syn: tcp.syn(),
            fin: tcp.fin(),
            rst: tcp.rst(),
            psh: tcp.psh(),
            urg: tcp.urg(),
            ack: tcp.ack(),
        },
        seq: tcp.seq_number().0 as u32,
        ack: tcp.ack_number().0 as u32,
        window: tcp.window_len(),
        urgent: tcp.urgent_at(),
        mss: None,
        scale: None,
        sack_ok: false,
        sack: Vec::new(),
        payload: tcp.payload().to_vec(),
    };
    let mut rest = tcp.options();
    while !rest.is_empty() {
        let (after, option) = TcpOption::parse(rest).map_err(|_| "a bad option")?;
        match option {
            TcpOption::EndOfList => break,
            TcpOption::NoOperation => {}
            TcpOption::MaxSegmentSize(mss) => segment.mss = Some(mss),
            TcpOption::WindowScale(scale) => segment.scale = Some(scale),
            TcpOption::SackPermitted => segment.sack_ok = true,
            TcpOption::SackRange(ranges) => segment.sack.extend(ranges.iter().flatten()),
            other => return Err(format!("a segment with {other:?}")),
        }
        rest = after;
    }
    Ok(Heard::Segment(segment))
}

impl WireSegment {
    pub(crate) fn frame(&self, to: EthernetAddress, bad_checksum: bool) -> Vec<u8> {
        let options = self.options();
        let len = TCP_HEADER + options.len() + self.payload.len();
        let (src, dst) = (self.src.0, self.dst.0);
        let ip = IpRepr::new(src, dst, IpProtocol::Tcp, len, HOP_LIMIT);
        packet_frame(to, &ip, |buffer| {
            let mut tcp = TcpPacket::new_unchecked(buffer);
            tcp.set_src_port(self.src.1);
            tcp.set_dst_port(self.dst.1);
            tcp.set_seq_number(TcpSeqNumber(self.seq as i32));
            tcp.set_ack_number(TcpSeqNumber(self.ack as i32));
            tcp.set_window_len(self.window);
            tcp.set_urgent_at(self.urgent);
            tcp.clear_flags();
            tcp.set_header_len((TCP_HEADER + options.len()) as u8);
            tcp.set_syn(self.flags.syn);
            tcp.set_fin(self.flags.fin);
            tcp.set_rst(self.flags.rst);
            tcp.set_psh(self.flags.psh);
            tcp.set_urg(self.flags.urg);
            tcp.set_ack(self.flags.ack);
            tcp.options_mut().copy_from_slice(&options);
            tcp.payload_mut().copy_from_slice(&self.payload);
            tcp.fill_checksum(&src, &dst);
            if bad_checksum {
                tcp.set_checksum(tcp.checksum() ^ 0x0100);
            }
        })
    }

    /// The options, filled up to whole words.
    fn options(&self) -> Vec<u8> {
        let mut options = Vec::new();
        options.extend(self.mss.map(TcpOption::MaxSegmentSize));
        options.extend(self.scale.map(TcpOption::WindowScale));
        options.extend(self.sack_ok.then_some(TcpOption::SackPermitted));
        if !self.sack.is_empty() {
            let at = |index: usize| self.sack.get(index).copied();
            options.push(TcpOption::SackRange([at(0), at(1), at(2)]));
        }
        let len: usize = options.iter().map(|option| option.buffer_len()).sum();
        let mut bytes = vec![0; len.next_multiple_of(4)];
        let mut rest = &mut bytes[..];
        for option in options {
            rest = option.emit(rest);
        }
        bytes
    }
}

fn packet_frame(to: EthernetAddress, ip: &IpRepr, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let protocol = match ip {
        IpRepr::Ipv4(_) => EthernetProtocol::Ipv4,
        IpRepr::Ipv6(_) => EthernetProtocol::Ipv6,
    };
    ethernet_frame(to, protocol, ip.buffer_len(), |buffer| {
        ip.emit(&mut *buffer, &ChecksumCapabilities::default());
        fill(&mut buffer[ip.header_len()..]);
    })
}

fn ethernet_frame(
    to: EthernetAddress,
    ethertype: EthernetProtocol,
    len: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let repr = EthernetRepr { src_addr: PEER_MAC, dst_addr: to, ethertype };
    let mut bytes = vec![0; repr.buffer_len() + len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    repr.emit(&mut frame);
    fill(frame.payload_mut());
    bytes
}

/// The peer's question for the hardware address of the stack, or the answer to that of the stack.
pub(crate) fn neighbour_frame(peer: IpAddress, stack: IpAddress, is_answer: bool) -> Vec<u8> {
    match (peer, stack) {
        (IpAddress::Ipv4(peer), IpAddress::Ipv4(stack)) => arp_frame(peer, stack, is_answer),
        (IpAddress::Ipv6(peer), IpAddress::Ipv6(stack)) => ndisc_frame(peer, stack, is_answer),
        _ => unreachable!("both ends have one IP version"),
    }
}

fn arp_frame(peer: Ipv4Address, stack: Ipv4Address, is_answer: bool) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: if is_answer { ArpOperation::Reply } else { ArpOperation::Request },
        source_hardware_addr: PEER_MAC,
        source_protocol_addr: peer,
        target_hardware_addr: STACK_MAC,
        target_protocol_addr: stack,
    };
    ethernet_frame(STACK_MAC, EthernetProtocol::Arp, arp.buffer_len(), |buffer| {
        arp.emit(&mut ArpPacket::new_unchecked(buffer));
    })
}

fn ndisc_frame(peer: Ipv6Address, stack: Ipv6Address, is_answer: bool) -> Vec<u8> {
    let lladdr = Some(PEER_MAC.into());
    let message = Icmpv6Repr::Ndisc(if is_answer {
        let flags = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
        NdiscRepr::NeighborAdvert { flags, target_addr: peer, lladdr }
    } else {
        NdiscRepr::NeighborSolicit { target_addr: stack, lladdr }
    });
    icmpv6_frame(peer, stack, LINK_ONLY, &message)
}

fn icmpv6_frame(
    peer: Ipv6Address,
    stack: Ipv6Address,
    hop_limit: u8,
    message: &Icmpv6Repr<'_>,
) -> Vec<u8> {
    let len = message.buffer_len();
    let ip = IpRepr::new(peer.into(), stack.into(), IpProtocol::Icmpv6, len, hop_limit);
    packet_frame(STACK_MAC, &ip, |buffer| {
        let mut packet = Icmpv6Packet::new_unchecked(buffer);
        message.emit(&peer, &stack, &mut packet, &ChecksumCapabilities::default());
    })
}

/// Says of a segment of the stack that it was not delivered.
pub(crate) fn undelivered_frame(segment: &WireSegment, why: Undelivered) -> Vec<u8> {
    const QUOTED: usize = 8;
    let (src, dst) = (segment.src.0, segment.dst.0);
    let whole = segment.frame(PEER_MAC, false);
    let header = IpRepr::new(src, dst, IpProtocol::Tcp, TCP_HEADER, HOP_LIMIT);
    let tcp = &whole[EthernetFrame::<&[u8]>::header_len() + header.header_len()..];
    let checks = ChecksumCapabilities::default();
    match header {
        IpRepr::Ipv4(header) => {
            let reason = match why {
                Undelivered::Port => Icmpv4DstUnreachable::PortUnreachable,
                Undelivered::Host => Icmpv4DstUnreachable::HostUnreachable,
            };
            let message = Icmpv4Repr::DstUnreachable { reason, header, data: &tcp[..QUOTED] };
            let ip = IpRepr::new(dst, src, IpProtocol::Icmp, message.buffer_len(), HOP_LIMIT);
            packet_frame(STACK_MAC, &ip, |buffer| {
                message.emit(&mut Icmpv4Packet::new_unchecked(buffer), &checks);
            })
        }
        IpRepr::Ipv6(header) => {
            let reason = match why {
                Undelivered::Port => Icmpv6DstUnreachable::PortUnreachable,
                Undelivered::Host => Icmpv6DstUnreachable::AddrUnreachable,
            };
            let message = Icmpv6Repr::DstUnreachable { reason, header, data: &tcp[..TCP_HEADER] };
            icmpv6_frame(header.dst_addr, header.src_addr, HOP_LIMIT, &message)
        }
    }
}
