//! What raw sockets do, between two stacks on one cable in virtual time.

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::packets::{
    FAR_MAC, echo_reply, introduce, ip, ipv4, ipv6, mend_header, sent_by_near, show, to_near,
};
use common::{DEAD, FAR, FAR_V6, NEAR, Random, assert_blocks, assert_error, failed};
use sockstate::device::{Cable, Plug};
use sockstate::state::Bound;
use sockstate::testing::Lab;
use sockstate::{
    AnyRawSocket, Config, Duration, Error, Heap, Instant, IpVersion, Memory, Protocol, RawSocket,
    RawStorage, Stack, Storage, nb,
};
use static_cell::ConstStaticCell;

/// For experiments, RFC 3692.
const PROTOCOL: u8 = 253;
const UDP: u8 = 17;

const NEAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

/// Both ends of the cable, once for each IP version: near, far.
fn ends() -> [(IpVersion, IpAddr, IpAddr); 2] {
    [(IpVersion::V4, NEAR.into(), FAR.into()), (IpVersion::V6, NEAR_V6.into(), FAR_V6.into())]
}

fn small(raw: usize) -> Heap {
    Heap { raw, raw_buf: 128, raw_packets: 2, ..Heap::default() }
}

fn bound(lab: &Lab, version: IpVersion, protocol: u8) -> RawSocket<'_, Bound> {
    lab.near.raw().unwrap().bind(version, protocol).unwrap()
}

/// A packet of the near stack's that can be sent.
fn good() -> Vec<u8> {
    ipv4(NEAR, FAR, PROTOCOL, b"payload")
}

#[test]
fn packets_go_both_ways_over_both_ip_versions() {
    for (version, near_addr, far_addr) in ends() {
        let lab = Lab::new(1);
        let mut near = bound(&lab, version, PROTOCOL);
        let mut far = lab.far.raw().unwrap().bind(version, PROTOCOL).unwrap();
        for payload in [&b"there"[..], b"", &[7; 1_400]] {
            let there = ip(near_addr, far_addr, PROTOCOL, payload);
            near.send(&there).unwrap();
            let mut buffer = [0; 1_500];
            let len = lab.block(|| far.receive(&mut buffer)).unwrap();
            assert_eq!(len, there.len());
            let back = ip(far_addr, near_addr, PROTOCOL, b"and back");
            let sent = far.send_with(1_000, |packet| {
                packet[..back.len()].copy_from_slice(&back);
                back.len()
            });
            assert_eq!(sent, Ok(back.len()));
            let header = if far_addr.is_ipv4() { 20 } else { 40 };
            let seen = lab.block(|| near.recv_with(|packet| packet[header..].to_vec())).unwrap();
            assert_eq!(seen, b"and back");
        }
    }
}

#[test]
fn the_header_is_written_anew() {
    let lab = Lab::new(1);
    introduce(&lab);
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    let mut packet = good();
    // Type of service, identification, hop limit, and a wrong checksum.
    packet[1] = 0xb8;
    packet[4..6].copy_from_slice(&[0x12, 0x34]);
    packet[8] = 3;
    packet[10..12].fill(0xff);
    socket.send(&packet).unwrap();
    let mut expected = good();
    expected[6] = 0x40;
    expected[8] = 3;
    mend_header(&mut expected);
    assert_eq!(sent_by_near(&lab), [expected]);
}

#[test]
fn an_ip_version_and_a_protocol_belong_to_one_socket() {
    let lab = Lab::new(1);
    let first = bound(&lab, IpVersion::V4, PROTOCOL);
    let _other_version = bound(&lab, IpVersion::V6, PROTOCOL);
    let _other_protocol = bound(&lab, IpVersion::V4, 254);
    let (second, error) = failed(lab.near.raw().unwrap().bind(IpVersion::V4, PROTOCOL));
    assert_eq!(error, Error::AddressInUse);
    drop(first);
    let mut second = second.bind(IpVersion::V4, PROTOCOL).unwrap();
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"payload")));
    assert_eq!(second.receive(&mut [0; 64]), Ok(27));
}

#[test]
fn each_socket_gets_its_own_packets() {
    // So few slots that sockets share buckets of the table, in another way with each seed.
    (0..16).for_each(each_socket_gets_its_own_packets_with);
}

fn each_socket_gets_its_own_packets_with(seed: u64) {
    let heap = Heap { tcp: 1, udp: 1, icmp: 1, ..Heap::default() };
    let lab = Lab::builder(seed).near(heap).build();
    let mut sockets = [
        bound(&lab, IpVersion::V4, 1),
        bound(&lab, IpVersion::V4, PROTOCOL),
        bound(&lab, IpVersion::V6, PROTOCOL),
        bound(&lab, IpVersion::V6, 0xff),
    ];
    show(&lab, &to_near(&ipv4(FAR, NEAR, 1, b"1")));
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"22")));
    show(&lab, &to_near(&ipv6(FAR_V6, NEAR_V6, PROTOCOL, b"333")));
    show(&lab, &to_near(&ipv6(FAR_V6, NEAR_V6, 0xff, b"4444")));
    show(&lab, &to_near(&ipv4(FAR, NEAR, 0xff, b"nobody's")));
    for (socket, len) in sockets.iter_mut().zip([21, 22, 43, 44]) {
        assert_eq!(socket.next_len(), Ok(Some(len)));
        assert_eq!(socket.receive(&mut [0; 64]), Ok(len));
        assert_eq!(socket.next_len(), Ok(None));
    }
}

/// What is wrong with each packet, and the packet.
fn bad_packets() -> Vec<(&'static str, Vec<u8>)> {
    let change = |at: usize, to: u8| {
        let mut packet = good();
        packet[at] = to;
        packet
    };
    let long = |packet: Vec<u8>| [&packet[..], &[0]].concat();
    let v6 = ipv6(NEAR_V6, FAR_V6, PROTOCOL, b"payload");
    vec![
        ("nothing", vec![]),
        ("a byte", vec![0x45]),
        ("19 bytes of a header", good()[..19].to_vec()),
        ("IP version 5", change(0, 0x55)),
        ("IP version 6", change(0, 0x65)),
        ("an IPv6 packet", v6),
        ("a header of nothing", change(0, 0x40)),
        ("a header of 16 bytes", change(0, 0x44)),
        ("a header with options", change(0, 0x46)),
        ("a header longer than the packet", change(0, 0x4f)),
        ("a total length of nothing", change(3, 0)),
        ("a total length within the header", change(3, 19)),
        ("a total length less than the packet", change(3, 26)),
        ("a total length more than the packet", change(3, 28)),
        ("a total length far beyond", change(2, 0xff)),
        ("a byte too many", long(good())),
        ("another protocol", change(9, 254)),
        ("a hop limit of 0", change(8, 0)),
        ("a first fragment", change(6, 0x20)),
        ("a last fragment", change(7, 1)),
    ]
}

fn bad_packets_v6() -> Vec<(&'static str, Vec<u8>)> {
    let good = ipv6(NEAR_V6, FAR_V6, PROTOCOL, b"payload");
    let change = |at: usize, to: u8| {
        let mut packet = good.clone();
        packet[at] = to;
        packet
    };
    let hop_by_hop = |payload: &[u8]| ipv6(NEAR_V6, FAR_V6, 0, payload);
    vec![
        ("39 bytes of a header", good[..39].to_vec()),
        ("an IPv4 packet", self::good()),
        ("a payload less than the packet", change(5, 6)),
        ("a payload more than the packet", change(5, 8)),
        ("another protocol", change(6, 254)),
        ("a hop limit of 0", change(7, 0)),
        ("a hop-by-hop header of one byte", hop_by_hop(&[PROTOCOL])),
        ("a hop-by-hop header cut short", hop_by_hop(&[PROTOCOL, 0, 1, 4, 0, 0, 0])),
        (
            "a hop-by-hop header longer than the packet",
            hop_by_hop(&[PROTOCOL, 1, 1, 4, 0, 0, 0, 0]),
        ),
    ]
}

#[test]
fn packets_that_lie_are_not_sent() {
    for (version, bad) in [(IpVersion::V4, bad_packets()), (IpVersion::V6, bad_packets_v6())] {
        let lab = Lab::new(1);
        introduce(&lab);
        let mut socket = bound(&lab, version, PROTOCOL);
        for (wrong, packet) in bad {
            assert_eq!(socket.send(&packet), Err(Error::InvalidPacket.into()), "{wrong}");
            let fill = |buffer: &mut [u8]| {
                buffer[..packet.len()].copy_from_slice(&packet);
                packet.len()
            };
            let sent = socket.send_with(100, fill);
            assert_eq!(sent, Err(Error::InvalidPacket.into()), "{wrong}");
            assert_eq!(sent_by_near(&lab), Vec::<Vec<u8>>::new(), "{wrong}");
            assert_eq!(socket.flush(), Ok(()), "{wrong}");
        }
        // The socket is as good as ever.
        let (near, far) = if version == IpVersion::V4 {
            (NEAR.into(), FAR.into())
        } else {
            (NEAR_V6.into(), FAR_V6.into())
        };
        let packet = ip(near, far, PROTOCOL, b"payload");
        socket.send(&packet).unwrap();
        assert_eq!(sent_by_near(&lab).len(), 1);
        for size in [0, 4, 19] {
            let sent = socket.send_with(size, |_| panic!("not to be called"));
            assert_eq!(sent, Err(Error::InvalidPacket.into()));
        }
        assert_eq!(socket.send_with(20, |_| usize::MAX), Err(Error::InvalidPacket.into()));
    }
}

#[test]
fn packets_that_cannot_go_anywhere_are_refused_with_the_reason() {
    let lab = Lab::new(1);
    let mut v4 = bound(&lab, IpVersion::V4, PROTOCOL);
    let nowhere = Ipv4Addr::UNSPECIFIED;
    let elsewhere = Ipv4Addr::new(10, 0, 0, 1);
    for (src, dst, error) in [
        (NEAR, nowhere, Error::Unaddressable),
        (nowhere, FAR, Error::AddressNotAvailable),
        (FAR, NEAR, Error::AddressNotAvailable),
        (NEAR, elsewhere, Error::NoRoute),
        (NEAR, NEAR, Error::NoRoute),
        (NEAR, Ipv4Addr::LOCALHOST, Error::NoRoute),
    ] {
        assert_error(v4.send(&ipv4(src, dst, PROTOCOL, b"")), error);
    }
    let mut v6 = bound(&lab, IpVersion::V6, PROTOCOL);
    for (src, dst, error) in [
        (NEAR_V6, Ipv6Addr::UNSPECIFIED, Error::Unaddressable),
        (Ipv6Addr::UNSPECIFIED, FAR_V6, Error::AddressNotAvailable),
        (NEAR_V6, "2001:db8::1".parse().unwrap(), Error::NoRoute),
        (NEAR_V6, Ipv6Addr::LOCALHOST, Error::NoRoute),
    ] {
        assert_error(v6.send(&ipv6(src, dst, PROTOCOL, b"")), error);
    }
    // A source that was taken away while the socket was bound.
    lab.near.remove_address(NEAR_V6.into()).unwrap();
    assert_error(v6.send(&ipv6(NEAR_V6, FAR_V6, PROTOCOL, b"")), Error::AddressNotAvailable);
    lab.near.link_down().unwrap();
    assert_error(v4.send(&good()), Error::LinkDown);
    assert_error(v4.send_with(27, |_| panic!("not to be called")), Error::LinkDown);
    assert_error(v4.receive(&mut []), Error::LinkDown);
    assert_eq!(v4.next_len(), Err(Error::LinkDown));
    lab.near.link_up().unwrap();
    assert_eq!(v4.send(&good()), Ok(()));
}

#[test]
fn groups_and_broadcast_are_destinations() {
    let lab = Lab::new(1);
    let mut near = bound(&lab, IpVersion::V4, PROTOCOL);
    let mut far = lab.far.raw().unwrap().bind(IpVersion::V4, PROTOCOL).unwrap();
    for dst in [[192, 168, 69, 255], [255; 4], [224, 0, 0, 5]] {
        near.send(&ipv4(NEAR, dst.into(), PROTOCOL, b"")).unwrap();
        assert_eq!(lab.block(|| far.recv_with(|packet| packet[16..20] == dst)), Ok(true));
    }
}

#[test]
fn the_largest_packet_is_what_the_medium_and_the_buffer_carry() {
    let lab = Lab::builder(1).cable(Cable::ethernet().with_mtu(614)).build();
    for (version, near_addr, far_addr) in ends() {
        introduce(&lab);
        let mut socket = bound(&lab, version, PROTOCOL);
        let header = if near_addr.is_ipv4() { 20 } else { 40 };
        let in_fragments = near_addr.is_ipv4() && cfg!(feature = "proto-ipv4-fragmentation");
        let limit = if in_fragments { 1_500 } else { 600 };
        let fits = ip(near_addr, far_addr, PROTOCOL, &vec![7; limit - header]);
        let beyond = ip(near_addr, far_addr, PROTOCOL, &vec![7; limit + 1 - header]);
        let too_large = Error::DatagramTooLarge(limit as u16);
        assert_error(socket.send(&beyond), too_large);
        let filled = socket.send_with(limit + 1, |_| panic!("not to be called"));
        assert_error(filled, too_large);
        socket.send(&fits).unwrap();
        let on_wire = sent_by_near(&lab);
        assert!(on_wire.iter().all(|packet| packet.len() <= 600));
        let payload: Vec<_> = on_wire.iter().flat_map(|packet| &packet[header..]).collect();
        assert_eq!(payload, vec![&7; limit - header]);
    }
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    assert_error(socket.send(&ipv4(NEAR, FAR, PROTOCOL, &[0; 109])), Error::DatagramTooLarge(128));
    assert_eq!(socket.send(&ipv4(NEAR, FAR, PROTOCOL, &[0; 108])), Ok(()));
}

#[test]
fn a_packet_arrives_whole_and_without_what_the_medium_added() {
    let lab = Lab::new(1);
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    let mut packet = ipv4(FAR, NEAR, PROTOCOL, b"tiny");
    packet[1] = 0xb8;
    packet[4..6].copy_from_slice(&[0x12, 0x34]);
    packet[8] = 3;
    mend_header(&mut packet);
    let mut options = packet.clone();
    options[0] = 0x46;
    options[3] += 4;
    options.splice(20..20, [0x94, 4, 0, 0]);
    mend_header(&mut options);
    let mut fragment = packet.clone();
    fragment[6] = 0x20;
    mend_header(&mut fragment);
    for packet in [packet, options, fragment] {
        // Ethernet pads short frames to 60 bytes.
        show(&lab, &[to_near(&packet), vec![0xee; 18]].concat());
        assert_eq!(socket.recv_with(<[u8]>::to_vec), Ok(packet));
    }
}

#[test]
fn what_follows_a_hop_by_hop_header_is_the_protocol() {
    let lab = Lab::new(1);
    introduce(&lab);
    let mut socket = bound(&lab, IpVersion::V6, PROTOCOL);
    let header = [PROTOCOL, 0, 1, 4, 0, 0, 0, 0];
    let packet = ipv6(FAR_V6, NEAR_V6, 0, &[&header[..], b"data"].concat());
    show(&lab, &to_near(&packet));
    assert_eq!(socket.recv_with(<[u8]>::to_vec), Ok(packet));
    let packet = ipv6(NEAR_V6, FAR_V6, 0, &[&header[..], b"data"].concat());
    sent_by_near(&lab);
    socket.send(&packet).unwrap();
    assert_eq!(sent_by_near(&lab), [packet]);
}

#[test]
fn packets_that_lie_are_not_delivered() {
    let lab = Lab::new(1);
    let mut v4 = bound(&lab, IpVersion::V4, PROTOCOL);
    let good = ipv4(FAR, NEAR, PROTOCOL, b"payload");
    let change = |at: usize, to: u8| {
        let mut packet = good.clone();
        packet[at] = to;
        mend_header(&mut packet);
        to_near(&packet)
    };
    let from = |src: [u8; 4]| to_near(&ipv4(src.into(), NEAR, PROTOCOL, b"payload"));
    let mut to_other_hardware = to_near(&good);
    to_other_hardware[..6].copy_from_slice(&FAR_MAC);
    let mut as_ipv6 = to_near(&good);
    as_ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    let mut wrong_checksum = to_near(&good);
    wrong_checksum[14 + 10] ^= 1;
    for (wrong, frame) in [
        ("nothing", vec![]),
        ("no packet", to_near(&good)[..14].to_vec()),
        ("19 bytes of a header", to_near(&good)[..33].to_vec()),
        ("cut short", to_near(&good)[..14 + 26].to_vec()),
        ("a header of 16 bytes", change(0, 0x44)),
        ("a header of nothing", change(0, 0x40)),
        ("a header longer than the packet", change(0, 0x4f)),
        ("a total length more than the frame", change(3, 28)),
        ("a total length within the header", change(3, 19)),
        ("a total length of nothing", change(3, 0)),
        ("a wrong checksum", wrong_checksum),
        ("another protocol", change(9, 254)),
        ("to another host", to_near(&ipv4(FAR, DEAD, PROTOCOL, b"payload"))),
        ("to another hardware address", to_other_hardware),
        ("of another type", as_ipv6),
        ("from a group", from([224, 0, 0, 1])),
        ("from all", from([255; 4])),
        ("from all of this network", from([192, 168, 69, 255])),
    ] {
        show(&lab, &frame);
        assert_eq!(v4.next_len(), Ok(None), "{wrong}");
    }
    show(&lab, &to_near(&good));
    assert_eq!(v4.receive(&mut [0; 64]), Ok(27));

    let mut v6 = bound(&lab, IpVersion::V6, PROTOCOL);
    let good = ipv6(FAR_V6, NEAR_V6, PROTOCOL, b"payload");
    let change = |at: usize, to: u8| {
        let mut packet = good.clone();
        packet[at] = to;
        to_near(&packet)
    };
    let group = "ff02::1".parse().unwrap();
    for (wrong, frame) in [
        ("39 bytes of a header", to_near(&good[..39])),
        ("a payload more than the frame", change(5, 8)),
        ("another protocol", change(6, 254)),
        ("to another host", to_near(&ipv6(NEAR_V6, FAR_V6, PROTOCOL, b"payload"))),
        ("from a group", to_near(&ipv6(group, NEAR_V6, PROTOCOL, b"payload"))),
    ] {
        show(&lab, &frame);
        assert_eq!(v6.next_len(), Ok(None), "{wrong}");
    }
    show(&lab, &change(5, 6));
    assert_eq!(v6.receive(&mut [0; 64]), Ok(46), "the rest of the frame is none of the packet");
}

#[test]
fn other_sockets_still_get_theirs() {
    let lab = Lab::new(1);
    let mut udp_packets = bound(&lab, IpVersion::V4, UDP);
    let mut tcp_packets = bound(&lab, IpVersion::V4, 6);
    let mut icmp_packets = bound(&lab, IpVersion::V4, 1);
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut icmp = lab.near.icmp().unwrap().bind(1).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(8).unwrap();
    peer.send_to(b"datagram", "192.168.69.1:7".parse().unwrap()).unwrap();
    assert_eq!(lab.block(|| udp.receive_from(&mut [0; 8])).unwrap().0, 8);
    assert_eq!(udp_packets.receive(&mut [0; 64]), Ok(36));

    let (mut near, mut far) = lab.connection().unwrap();
    far.send(b"stream").unwrap();
    assert_eq!(lab.block(|| near.receive(&mut [0; 8])), Ok(6));
    // The second step of the handshake, and the data.
    assert!(tcp_packets.receive(&mut [0; 64]).is_ok() && tcp_packets.receive(&mut [0; 64]).is_ok());

    icmp.send_echo(FAR.into(), 1, b"hello").unwrap();
    assert_eq!(lab.block(|| icmp.receive_echo(&mut [0; 8])).unwrap().len, 5);
    assert_eq!(icmp_packets.receive(&mut [0; 64]), Ok(33));
}

/// What the near stack answers to a packet.
fn answers(lab: &Lab, packet: &[u8]) -> Vec<Vec<u8>> {
    sent_by_near(lab);
    show(lab, &to_near(packet));
    sent_by_near(lab)
}

#[test]
fn nobody_else_answers_for_what_is_bound() {
    let lab = Lab::new(1);
    introduce(&lab);
    let datagram = [0, 9, 0, 99, 0, 8, 0, 0];
    let mut request = vec![0; 20];
    request[..16].copy_from_slice(&[0, 9, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0]);
    let mut sum = sockstate::smoltcp::wire::TcpPacket::new_unchecked(&mut request);
    sum.fill_checksum(&FAR.into(), &NEAR.into());
    let cases = [
        (IpVersion::V4, PROTOCOL, ipv4(FAR, NEAR, PROTOCOL, b"what?")),
        (IpVersion::V6, PROTOCOL, ipv6(FAR_V6, NEAR_V6, PROTOCOL, b"what?")),
        (IpVersion::V4, UDP, ipv4(FAR, NEAR, UDP, &datagram)),
        (IpVersion::V4, 6, ipv4(FAR, NEAR, 6, &request)),
    ];
    for (version, protocol, packet) in &cases {
        assert_eq!(answers(&lab, packet).len(), 1, "unreachable, or a RST");
        let mut socket = bound(&lab, *version, *protocol);
        // Nor when the queue is full.
        for _ in 0..70 {
            assert_eq!(answers(&lab, packet), Vec::<Vec<u8>>::new());
        }
        assert_eq!(socket.receive(&mut [0; 64]), Ok(packet.len()));
        drop(socket);
        assert_eq!(answers(&lab, packet).len(), 1, "again, once the socket is gone");
    }
}

#[test]
fn icmp_is_answered_all_the_same() {
    let lab = Lab::new(1);
    let mut v4 = bound(&lab, IpVersion::V4, 1);
    let mut v6 = bound(&lab, IpVersion::V6, 58);
    let mut far = lab.far.icmp().unwrap().bind_any().unwrap();
    for (to, socket) in [(IpAddr::from(NEAR), &mut v4), (NEAR_V6.into(), &mut v6)] {
        // Neighbour discovery needs the stack, too.
        far.send_echo(to, 1, b"hello").unwrap();
        assert_eq!(lab.block(|| far.receive_echo(&mut [0; 8])).unwrap().from, to);
        let mut requests = 0;
        while let Ok(kind) = socket.recv_with(|packet| packet[if to.is_ipv4() { 20 } else { 40 }]) {
            requests += usize::from([8, 128].contains(&kind));
        }
        assert_eq!(requests, 1);
    }
}

/// An echo request counts as nobody's, though the interface answers it; not so one that a raw socket
/// has taken.
#[test]
fn what_a_socket_has_taken_is_not_counted_as_nobodys() {
    let lab = Lab::new(1);
    introduce(&lab);
    let request = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
    let packet = ipv4(FAR, NEAR, 1, &request);
    let counted = || lab.near.statistics().unwrap().frames_for_nobody;
    let before = counted();
    assert_eq!(answers(&lab, &packet).len(), 1);
    assert_eq!(counted() - before, 1, "nobody's");
    let mut socket = bound(&lab, IpVersion::V4, 1);
    assert_eq!(answers(&lab, &packet).len(), 1);
    assert_eq!(socket.receive(&mut [0; 64]), Ok(28));
    assert_eq!(counted() - before, 1);
}

#[test]
fn fragments_are_answered_by_nobody() {
    let lab = Lab::new(1);
    introduce(&lab);
    let mut socket = bound(&lab, IpVersion::V4, UDP);
    let mut last = ipv4(FAR, NEAR, UDP, b"the end");
    last[7] = 1;
    mend_header(&mut last);
    assert_eq!(answers(&lab, &last), Vec::<Vec<u8>>::new());
    assert_eq!(socket.recv_with(<[u8]>::to_vec), Ok(last));
}

/// A UDP socket gets its datagram, whichever fragment comes first.
#[cfg(feature = "proto-ipv4-fragmentation")]
#[test]
fn fragments_for_another_socket_are_not_kept_from_it() {
    let lab = Lab::new(1);
    let mut packets = bound(&lab, IpVersion::V4, UDP);
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut first =
        ipv4(FAR, NEAR, UDP, &[0, 8, 0, 7, 0, 16, 0, 0, b'd', b'a', b't', b'a', 0, 0, 0, 0]);
    first[6] = 0x20;
    mend_header(&mut first);
    first[20 + 5] = 24;
    let mut last = ipv4(FAR, NEAR, UDP, b"the end.");
    last[7] = 2;
    mend_header(&mut last);
    for (ident, fragments) in [(1, [&first, &last]), (2, [&last, &first])] {
        for fragment in fragments {
            let mut fragment = fragment.clone();
            fragment[5] = ident;
            mend_header(&mut fragment);
            show(&lab, &to_near(&fragment));
            assert_eq!(packets.receive(&mut [0; 64]), Ok(fragment.len()));
        }
        assert_eq!(udp.next_len(), Ok(Some(16)));
        assert!(udp.receive_from(&mut [0; 16]).is_ok());
    }
}

/// Whoever waits for a packet that another caller's poll took in does not sleep first.
#[test]
fn a_packet_that_somebody_else_took_in_wakes_who_waits_for_it() {
    let lab = Lab::new(1);
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    let mut calls = 0;
    let received = lab.near.block_with(
        |_| panic!("there is a packet"),
        || {
            calls += 1;
            if calls == 1 {
                show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"payload")));
                return Err(nb::Error::WouldBlock);
            }
            socket.receive(&mut [0; 64])
        },
    );
    assert_eq!(received, Ok(27));
}

#[test]
fn packets_that_do_not_fit_are_lost() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, &[0; 109])));
    assert_eq!(socket.next_len(), Ok(None));
    for len in [10, 11, 12] {
        show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, &vec![0; len])));
    }
    let mut buffer = [0xee; 25];
    assert_error(socket.receive(&mut buffer), Error::Truncated(30));
    assert_eq!(buffer[..2], [0x45, 0]);
    assert_eq!(socket.receive(&mut [0; 31]), Ok(31));
    assert_blocks(socket.receive(&mut [0; 31]));
    assert_blocks(socket.recv_with(|_| panic!("there is nothing")));
}

#[test]
fn a_full_queue_blocks_until_there_is_room() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    lab.cable.cut();
    assert_eq!(socket.send(&good()), Ok(()));
    assert_eq!(socket.send(&good()), Ok(()));
    assert_blocks(socket.send(&good()));
    assert_blocks(socket.send_with(27, |_| panic!("there is no room")));
    assert_blocks(socket.flush());
    lab.cable.mend();
    lab.block(|| socket.send(&good())).unwrap();
    lab.block(|| socket.flush()).unwrap();
}

#[test]
fn packets_to_a_next_hop_that_never_answers_are_given_up_and_reported_once() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(3)))
        .build();
    let mut far = lab.far.raw().unwrap().bind(IpVersion::V4, PROTOCOL).unwrap();
    let mut v6 = bound(&lab, IpVersion::V6, PROTOCOL);
    let dead_v6 = "fd00::77".parse().unwrap();
    v6.send(&ipv6(NEAR_V6, dead_v6, PROTOCOL, &[0; 100])).unwrap();
    let mut v4 = bound(&lab, IpVersion::V4, PROTOCOL);
    for len in [0, 8, 9, 1_400] {
        v4.send(&ipv4(NEAR, DEAD, PROTOCOL, &vec![0; len])).unwrap();
    }
    lab.run_for(Duration::from_secs(10));
    assert_error(v4.flush(), Error::TimedOut);
    assert_eq!(v4.send(&good()), Ok(()));
    assert_eq!(lab.block(|| far.receive(&mut [0; 64])), Ok(27));
    assert_error(v6.send(&ipv6(NEAR_V6, FAR_V6, PROTOCOL, b"")), Error::TimedOut);
}

#[test]
fn a_dropped_socket_still_sends_what_it_accepted() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut far = lab.far.raw().unwrap().bind(IpVersion::V4, PROTOCOL).unwrap();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    socket.send(&good()).unwrap();
    drop(socket);
    assert_eq!(lab.near.raw().unwrap_err(), Error::OutOfSlots(Protocol::Raw));
    assert_eq!(lab.block(|| far.receive(&mut [0; 64])), Ok(27));
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(1));
}

#[test]
fn the_slot_of_a_dropped_socket_comes_back_in_time_and_empty() {
    let lab = Lab::builder(1).near(small(1)).build();
    introduce(&lab);
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"old")));
    assert_eq!(socket.next_len(), Ok(Some(23)));
    socket.send(&ipv4(NEAR, DEAD, PROTOCOL, b"lost")).unwrap();
    drop(socket);
    lab.run_for(Duration::from_secs(29));
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(0));
    lab.run_for(Duration::from_secs(2));
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(1));
    // Nobody is bound, and the stack answers again.
    assert_eq!(answers(&lab, &ipv4(FAR, NEAR, PROTOCOL, b"what?")).len(), 1);
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    assert_eq!(socket.next_len(), Ok(None));
    socket.send(&good()).unwrap();
    assert_eq!(sent_by_near(&lab).len(), 1);
}

#[test]
fn what_a_dropped_socket_was_bound_to_is_free_at_once() {
    let lab = Lab::builder(1).near(small(2)).build();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    socket.send(&ipv4(NEAR, DEAD, PROTOCOL, b"in a while")).unwrap();
    drop(socket);
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(1));
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"payload")));
    assert_eq!(socket.receive(&mut [0; 64]), Ok(27));
    drop(socket);
    // However often.
    for _ in 0..70_000 {
        bound(&lab, IpVersion::V4, PROTOCOL);
    }
}

#[test]
fn closures_may_not_call_the_stack_but_drop_sockets() {
    let lab = Lab::builder(1).near(small(2)).build();
    let mut socket = bound(&lab, IpVersion::V4, PROTOCOL);
    let other = bound(&lab, IpVersion::V6, PROTOCOL);
    let sent = socket.send_with(27, |packet| {
        assert_eq!(other.next_len(), Err(Error::Reentrant));
        drop(other);
        packet.copy_from_slice(&good());
        27
    });
    assert_eq!(sent, Ok(27));
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(1));
    show(&lab, &to_near(&ipv4(FAR, NEAR, PROTOCOL, b"payload")));
    let read = socket.recv_with(|packet| {
        assert_eq!(lab.near.raw().unwrap_err(), Error::Reentrant);
        packet.len()
    });
    assert_eq!(read, Ok(27));
}

/// Whatever bytes a program sends, nothing panics, and what is accepted goes out as it was.
#[test]
fn random_packets_are_refused_or_sent() {
    let mut random = Random(1);
    let lab = Lab::new(1);
    for (version, near_addr, far_addr) in ends() {
        introduce(&lab);
        let mut socket = bound(&lab, version, PROTOCOL);
        let mut accepted = 0;
        for _ in 0..5_000 {
            let len = random.below(80);
            let mut packet = ip(near_addr, far_addr, PROTOCOL, &vec![0xaa; len]);
            for _ in 0..random.below(4) {
                let at = random.below(packet.len().min(44));
                packet[at] = if random.below(2) == 0 {
                    random.next() as u8
                } else {
                    packet[at] ^ 1 << random.below(8)
                };
            }
            if random.below(4) == 0 {
                packet.truncate(random.below(packet.len() + 1));
            }
            let sent = if random.below(2) == 0 {
                socket.send(&packet)
            } else {
                socket
                    .send_with(200, |buffer| {
                        buffer[..packet.len()].copy_from_slice(&packet);
                        packet.len()
                    })
                    .map(drop)
            };
            let on_wire = sent_by_near(&lab);
            if let Err(error) = sent {
                assert!(matches!(error, nb::Error::Other(_)), "the queue was empty");
                assert_eq!(on_wire.len(), 0);
                continue;
            }
            if on_wire.is_empty() {
                // It waits for a host that is not there, and is in the way until it is given up.
                lab.run_for(Duration::from_secs(61));
                assert_error(socket.flush(), Error::TimedOut);
                introduce(&lab);
                sent_by_near(&lab);
                continue;
            }
            let header = if near_addr.is_ipv4() { 20 } else { 40 };
            let [on_wire] = &on_wire[..] else { panic!("one packet") };
            assert_eq!(on_wire[header..], packet[header..]);
            accepted += 1;
        }
        assert!(accepted > 500, "only {accepted} were sent");
    }
}

/// Whatever frames arrive, nothing panics, and what is delivered is a packet.
#[test]
fn random_frames_are_passed_over_or_delivered() {
    let mut random = Random(2);
    let lab = Lab::new(1);
    let mut v4 = bound(&lab, IpVersion::V4, PROTOCOL);
    let mut v6 = bound(&lab, IpVersion::V6, PROTOCOL);
    let mut icmp = lab.near.icmp().unwrap().bind(1).unwrap();
    let real = [
        to_near(&ipv4(FAR, NEAR, PROTOCOL, b"payload")),
        to_near(&ipv6(FAR_V6, NEAR_V6, PROTOCOL, b"payload")),
        to_near(&ipv6(FAR_V6, NEAR_V6, 0, &[PROTOCOL, 0, 1, 4, 0, 0, 0, 0, 1])),
        to_near(&echo_reply(FAR.into(), NEAR.into(), 1, 1, b"data")),
        to_near(&echo_reply(FAR_V6.into(), NEAR_V6.into(), 1, 1, b"data")),
    ];
    let (mut delivered, mut replies) = (0, 0);
    for _ in 0..20_000 {
        let mut frame = real[random.below(real.len())].clone();
        for _ in 0..random.below(4) {
            let at = random.below(frame.len());
            frame[at] ^= 1 << random.below(8);
        }
        if random.below(8) == 0 {
            frame.truncate(random.below(frame.len() + 1));
        }
        if frame.len() > 34 && frame[14] >> 4 == 4 && random.below(4) != 0 {
            mend_header(&mut frame[14..]);
        }
        show(&lab, &frame);
        sent_by_near(&lab);
        for (socket, version) in [(&mut v4, 4), (&mut v6, 6)] {
            while let Ok(packet) = socket.recv_with(<[u8]>::to_vec) {
                assert_eq!(packet[0] >> 4, version);
                assert!(frame[14..].starts_with(&packet));
                delivered += 1;
            }
        }
        replies += usize::from(icmp.receive_echo(&mut [0; 64]).is_ok());
    }
    assert!(delivered > 1_000 && replies > 1_000, "{delivered} packets, {replies} replies");
}

static STORAGE: ConstStaticCell<Storage<1, 1>> = ConstStaticCell::new(Storage::new());
static RAW: ConstStaticCell<RawStorage<2, 100, 2>> = ConstStaticCell::new(RawStorage::new());

#[test]
fn a_stack_works_on_statics() {
    let (device, _far) = Plug::pair();
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let memory = Memory::from(STORAGE.take()).with_raw(RAW.take());
    let stack = Stack::new(memory, device, || Instant::ZERO, config).unwrap();
    stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    assert_eq!(stack.free_slots(Protocol::Raw), Ok(2));
    assert_eq!(stack.free_slots(Protocol::Icmp), Ok(0));
    assert_eq!(stack.icmp().unwrap_err(), Error::OutOfSlots(Protocol::Icmp));
    let mut socket = stack.raw().unwrap().bind(IpVersion::V4, PROTOCOL).unwrap();
    let _other = stack.raw().unwrap();
    assert_eq!(stack.raw().unwrap_err(), Error::OutOfSlots(Protocol::Raw));
    assert_error(socket.send(&ipv4(NEAR, FAR, PROTOCOL, &[0; 81])), Error::DatagramTooLarge(100));
    assert_eq!(socket.send(&ipv4(NEAR, FAR, PROTOCOL, &[0; 80])), Ok(()));
}

#[test]
fn slots_beyond_what_can_be_told_apart_are_left_out() {
    let heap = Heap {
        tcp: 65_530,
        udp: 1,
        icmp: 2,
        raw: 100,
        tcp_rx: 1,
        tcp_tx: 1,
        icmp_buf: 1,
        icmp_packets: 1,
        raw_buf: 1,
        raw_packets: 1,
        ..Heap::default()
    };
    let lab = Lab::builder(1).near(heap).build();
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(2));
    assert_eq!(lab.near.free_slots(Protocol::Raw), Ok(1));
    let (last, first) = (lab.near.raw().unwrap(), lab.near.tcp().unwrap());
    assert_eq!(format!("{last:?} {first:?}"), "RawSocket<Closed>(#65533) TcpSocket<Closed>(#0)");
}

#[test]
fn an_erased_socket_converts_back_to_its_own_state_only() {
    use sockstate::state::Closed;
    let lab = Lab::new(1);
    let any = AnyRawSocket::from(bound(&lab, IpVersion::V4, PROTOCOL));
    let any = RawSocket::<Closed>::try_from(any).unwrap_err();
    assert_eq!(any.state(), "Bound");
    assert!(RawSocket::<Bound>::try_from(any).is_ok());
}
