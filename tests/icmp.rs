//! What ICMP sockets do, between two stacks on one cable in virtual time.

mod common;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;

use common::packets::{
    FAR_MAC, echo_reply, introduce, ip, ipv4, mend_header, sent_by_near, show, to_near,
};
use common::{DEAD, FAR, FAR_V6, NEAR, assert_blocks, assert_error, failed};
use sockstate::testing::Lab;
use sockstate::{
    AnyIcmpSocket, Config, Duration, Echo, Error, Heap, IcmpSocket, IcmpStorage, Instant, Memory,
    Protocol, Stack, Storage, device::Plug, nb,
};
use static_cell::ConstStaticCell;

const IDENT: u16 = 0x1234;

fn near_v6() -> IpAddr {
    "fd00::1".parse().unwrap()
}

/// Both ends of the cable, once for each IP version: near, far.
fn ends() -> [(IpAddr, IpAddr); 2] {
    [(NEAR.into(), FAR.into()), (near_v6(), FAR_V6.into())]
}

fn small(icmp: usize) -> Heap {
    Heap { icmp, icmp_buf: 64, icmp_packets: 2, ..Heap::default() }
}

#[test]
fn hosts_reply_over_both_ip_versions() {
    for (_, far) in ends() {
        let lab = Lab::new(1);
        let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
        let mut buffer = [0; 64];
        for (seq_no, data) in [(1, &b"anybody there?"[..]), (0xfffe, b""), (3, &[0xaa; 64])] {
            socket.send_echo(far, seq_no, data).unwrap();
            let reply = lab.block(|| socket.receive_echo(&mut buffer));
            let expected = Echo { from: far, seq_no, hop_limit: 64, len: data.len() };
            assert_eq!(reply, Ok(expected));
            assert_eq!(&buffer[..data.len()], data);
        }
        assert_blocks(socket.receive_echo(&mut buffer));
    }
}

#[test]
fn requests_are_as_the_rfcs_have_them() {
    for (near, far) in ends() {
        let lab = Lab::new(1);
        introduce(&lab);
        let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
        socket.send_echo(far, 0x5678, b"data").unwrap();
        let [packet] = &sent_by_near(&lab)[..] else { panic!("one request") };
        // A reply differs in its type alone: 0 instead of 8, 129 instead of 128.
        let mut reply = echo_reply(near, far, IDENT, 0x5678, b"data");
        let (header, kind, step) = if far.is_ipv4() { (20, 8, 8) } else { (40, 128, 1) };
        reply[header] = kind;
        let sum = u16::from_be_bytes([reply[header + 2], reply[header + 3]]);
        let sum = if far.is_ipv4() { sum - (step << 8) } else { sum + (step << 8) };
        reply[header + 2..header + 4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(packet[header..], reply[header..], "{far}");
    }
}

/// Both ends use the same identifier: what one asks is no reply to what the other has asked.
#[test]
fn requests_of_a_peer_are_answered_and_not_received() {
    for (near, far) in ends() {
        let lab = Lab::new(1);
        introduce(&lab);
        let mut here = lab.near.icmp().unwrap().bind(IDENT).unwrap();
        let mut there = lab.far.icmp().unwrap().bind(IDENT).unwrap();
        there.send_echo(near, 1, b"from there").unwrap();
        let mut data = [0; 16];
        let reply = lab.block(|| there.receive_echo(&mut data)).unwrap();
        assert_eq!((reply.from, &data[..reply.len]), (near, &b"from there"[..]));
        assert_blocks(here.receive_echo(&mut data));
        here.send_echo(far, 1, b"from here").unwrap();
        assert_eq!(lab.block(|| here.receive_echo(&mut data)).unwrap().from, far);
    }
}

#[test]
fn each_socket_gets_the_replies_to_its_own_requests() {
    let lab = Lab::new(1);
    let mut sockets: Vec<_> =
        (0..4).map(|_| lab.near.icmp().unwrap().bind_any().unwrap()).collect();
    for seq_no in 0..3 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send_echo(FAR.into(), seq_no, &[number as u8]).unwrap();
        }
    }
    lab.run_for(Duration::from_secs(2));
    let mut data = [0; 1];
    for (number, socket) in sockets.iter_mut().enumerate() {
        for seq_no in 0..3 {
            assert_eq!(socket.receive_echo(&mut data).unwrap().seq_no, seq_no);
            assert_eq!(data, [number as u8]);
        }
        assert_blocks(socket.receive_echo(&mut data));
    }
}

#[test]
fn an_identifier_belongs_to_one_socket_and_is_free_when_that_is_dropped() {
    let lab = Lab::new(1);
    let first = lab.near.icmp().unwrap().bind(0).unwrap();
    assert_eq!(first.ident(), Ok(0));
    let (second, error) = failed(lab.near.icmp().unwrap().bind(0));
    assert_eq!(error, Error::AddressInUse);
    drop(first);
    assert_eq!(second.bind(0).unwrap().ident(), Ok(0));
}

#[test]
fn any_identifier_is_a_random_one_that_is_free() {
    let idents = |seed| {
        let lab = Lab::builder(seed).near(Heap { icmp: 64, ..small(64) }).build();
        let sockets: Vec<_> =
            (0..64).map(|_| lab.near.icmp().unwrap().bind_any().unwrap()).collect();
        let mut idents: Vec<_> = sockets.iter().map(|socket| socket.ident().unwrap()).collect();
        assert_eq!(lab.near.icmp().unwrap_err(), Error::OutOfSlots(Protocol::Icmp));
        idents.sort_unstable();
        idents.dedup();
        assert_eq!(idents.len(), 64);
        idents
    };
    assert_ne!(idents(1), idents(2));
}

#[test]
fn requests_of_others_are_answered_by_the_stack() {
    let lab = Lab::new(1);
    let mut near = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    let mut far = lab.far.icmp().unwrap().bind(IDENT).unwrap();
    far.send_echo(NEAR.into(), 1, b"hello").unwrap();
    assert_eq!(lab.block(|| far.receive_echo(&mut [0; 8])).unwrap().from, NEAR);
    assert_blocks(near.receive_echo(&mut [0; 8]));
}

#[test]
fn everybody_may_reply_to_a_broadcast() {
    let lab = Lab::new(1);
    introduce(&lab);
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    for to in ["192.168.69.255", "255.255.255.255", "ff02::1"] {
        socket.send_echo(to.parse().unwrap(), 1, b"hello").unwrap();
        let reply = lab.block(|| socket.receive_echo(&mut [0; 8])).unwrap();
        assert!([IpAddr::from(FAR), FAR_V6.into()].contains(&reply.from), "{to}");
    }
}

#[test]
fn a_small_buffer_is_filled_and_the_size_told() {
    let lab = Lab::new(1);
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    assert_eq!(socket.next_len(), Ok(None));
    socket.send_echo(FAR.into(), 1, b"ten bytes.").unwrap();
    socket.send_echo(FAR.into(), 2, b"next").unwrap();
    lab.run_for(Duration::from_secs(2));
    assert_eq!(socket.next_len(), Ok(Some(10)));
    let mut buffer = [0; 3];
    assert_error(socket.receive_echo(&mut buffer), Error::Truncated(10));
    assert_eq!(&buffer, b"ten");
    assert_eq!(socket.receive_echo(&mut [0; 4]).unwrap().seq_no, 2);
}

/// What a reply may be that is none for this socket. Each is one change to a right one.
fn bad_replies(near: IpAddr, far: IpAddr) -> Vec<(&'static str, Vec<u8>)> {
    let good = echo_reply(far, near, IDENT, 1, b"data");
    let header = if far.is_ipv4() { 20 } else { 40 };
    let frame = |packet: &[u8]| to_near(packet);
    let change = |at: usize, to: u8| {
        let mut packet = good.clone();
        packet[at] = to;
        if far.is_ipv4() {
            mend_header(&mut packet);
        }
        packet
    };
    let protocol = if far.is_ipv4() { 1 } else { 58 };
    let mut bad = vec![
        ("a foreign identifier", frame(&echo_reply(far, near, !IDENT, 1, b"data"))),
        ("a wrong checksum", frame(&change(header + 2, !good[header + 2]))),
        ("another code", frame(&change(header + 1, 1))),
        ("another source, with the checksum of this one", frame(&change(header - 17, 9))),
        ("another hardware address", {
            let mut frame = frame(&good);
            frame[..6].copy_from_slice(&FAR_MAC);
            frame
        }),
        ("the type of another IP version", {
            let mut frame = frame(&good);
            frame[12..14].copy_from_slice(if far.is_ipv4() { &[0x86, 0xdd] } else { &[8, 0] });
            frame
        }),
        ("cut short on the wire", frame(&good[..good.len() - 1])),
    ];
    for len in 0..8 {
        let cut = ip(far, near, protocol, &good[header..header + len]);
        bad.push(("less than a header", frame(&cut)));
    }
    if far.is_ipv4() {
        let to_other = echo_reply(far, DEAD.into(), IDENT, 1, b"data");
        let group = Ipv4Addr::new(224, 0, 0, 1);
        let all = Ipv4Addr::new(192, 168, 69, 255);
        let nowhere = Ipv4Addr::UNSPECIFIED;
        bad.extend([
            ("to another host", frame(&to_other)),
            ("from a group", frame(&echo_reply(group.into(), near, IDENT, 1, b"data"))),
            ("from all", frame(&echo_reply(all.into(), near, IDENT, 1, b"data"))),
            ("from nowhere", frame(&echo_reply(nowhere.into(), near, IDENT, 1, b"data"))),
            ("to all", frame(&echo_reply(far, all.into(), IDENT, 1, b"data"))),
            ("a first fragment", frame(&change(6, 0x20))),
            ("a last fragment", frame(&change(7, 0x01))),
            ("a wrong checksum of the IP header", {
                let mut packet = good.clone();
                packet[10] = !packet[10];
                frame(&packet)
            }),
            ("a header of 16 bytes", frame(&change(0, 0x44))),
            ("a header longer than the packet", frame(&change(0, 0x4f))),
            ("a total length longer than the frame", frame(&change(3, 33))),
            ("a total length within the header", frame(&change(3, 19))),
        ]);
    } else {
        bad.push(("a payload longer than the frame", frame(&change(5, 13))));
        bad.push(("a payload of nothing", frame(&change(5, 0))));
    }
    bad
}

#[test]
fn what_is_no_right_reply_to_this_socket_is_not_delivered() {
    for (near, far) in ends() {
        let lab = Lab::new(1);
        let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
        for (wrong, frame) in bad_replies(near, far) {
            show(&lab, &frame);
            assert_eq!(socket.next_len(), Ok(None), "{wrong}, from {far}");
        }
        // The stack does listen: the unchanged one is delivered.
        show(&lab, &to_near(&echo_reply(far, near, IDENT, 1, b"data")));
        assert_eq!(socket.receive_echo(&mut [0; 8]).unwrap().len, 4);
    }
}

/// RFC 8200 section 4.3: it may be of any multiple of eight bytes.
#[test]
fn a_reply_behind_a_hop_by_hop_header_is_delivered() {
    let lab = Lab::new(1);
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    let good = echo_reply(FAR_V6.into(), near_v6(), IDENT, 1, b"data");
    for words in 0..3 {
        let padding = 8 * (words + 1) - 4;
        let mut header = vec![58, words, 1, padding];
        header.extend(vec![0; padding.into()]);
        let payload = [&header[..], &good[40..]].concat();
        show(&lab, &to_near(&ip(FAR_V6.into(), near_v6(), 0, &payload)));
        let mut buffer = [0; 8];
        assert_eq!(socket.receive_echo(&mut buffer).unwrap().len, 4, "{words}");
        assert_eq!(&buffer[..4], b"data");
    }
}

#[test]
fn replies_that_do_not_fit_are_lost() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    let reply =
        |seq_no, len| to_near(&echo_reply(FAR.into(), NEAR.into(), IDENT, seq_no, &vec![1; len]));
    show(&lab, &reply(1, 65));
    assert_eq!(socket.next_len(), Ok(None));
    for seq_no in 2..5 {
        show(&lab, &reply(seq_no, 30));
    }
    let mut seen = Vec::new();
    while let Ok(echo) = socket.receive_echo(&mut [0; 64]) {
        seen.push(echo.seq_no);
    }
    assert_eq!(seen, [2, 3]);
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_reason() {
    let lab = Lab::new(1);
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    let largest = [(IpAddr::from(FAR), 1_472), (FAR_V6.into(), 1_452)];
    for (to, limit) in largest {
        assert_error(
            socket.send_echo(to, 1, &vec![0; limit + 1]),
            Error::DatagramTooLarge(limit as u16),
        );
        socket.send_echo(to, 1, &vec![7; limit]).unwrap();
        let mut buffer = [0; 1_500];
        let reply = lab.block(|| socket.receive_echo(&mut buffer)).unwrap();
        assert_eq!((reply.from, reply.len), (to, limit));
        assert!(buffer[..limit].iter().all(|byte| *byte == 7));
    }
    for (to, error) in [
        ("0.0.0.0", Error::Unaddressable),
        ("::", Error::Unaddressable),
        ("192.168.69.1", Error::NoRoute),
        ("127.0.0.1", Error::NoRoute),
        ("10.0.0.1", Error::NoRoute),
        ("2001:db8::1", Error::NoRoute),
    ] {
        assert_error(socket.send_echo(to.parse().unwrap(), 1, b""), error);
    }
    lab.near.remove_address(near_v6()).unwrap();
    assert_error(socket.send_echo(FAR_V6.into(), 1, b""), Error::NoAddress);
    lab.near.link_down().unwrap();
    assert_error(socket.send_echo(FAR.into(), 1, b""), Error::LinkDown);
    assert_error(socket.receive_echo(&mut []), Error::LinkDown);
    assert_eq!(socket.next_len(), Err(Error::LinkDown));
    lab.near.link_up().unwrap();
    socket.send_echo(FAR.into(), 1, b"").unwrap();
    assert_eq!(lab.block(|| socket.receive_echo(&mut [])).unwrap().len, 0);
}

#[test]
fn the_buffer_of_the_socket_is_a_limit_too() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    assert_error(socket.send_echo(FAR.into(), 1, &[0; 57]), Error::DatagramTooLarge(56));
    assert_eq!(socket.send_echo(FAR.into(), 1, &[0; 56]), Ok(()));
}

#[test]
fn a_full_queue_blocks_until_there_is_room() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    lab.cable.cut();
    assert_eq!(socket.send_echo(FAR.into(), 1, &[0; 8]), Ok(()));
    assert_eq!(socket.send_echo(FAR.into(), 2, &[0; 8]), Ok(()));
    assert_blocks(socket.send_echo(FAR.into(), 3, &[0; 8]));
    assert_blocks(socket.flush());
    lab.cable.mend();
    lab.block(|| socket.send_echo(FAR.into(), 3, &[0; 8])).unwrap();
    lab.block(|| socket.flush()).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(socket.receive_echo(&mut [0; 8]).unwrap().seq_no, 1);
}

/// A host that comes to life late, and tells where it is.
fn appear(lab: &Lab, host: Ipv4Addr) {
    const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 77];
    let arp =
        [&[0, 1, 8, 0, 6, 4, 0, 2][..], &MAC, &host.octets(), &[2, 0, 0, 0, 0, 1], &NEAR.octets()];
    show(lab, &[&[2, 0, 0, 0, 0, 1], &MAC, &[0x08, 0x06][..], &arp.concat()].concat());
}

#[test]
fn requests_to_a_next_hop_that_never_answers_are_given_up_and_reported_once() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(3)))
        .build();
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    let dead_v6 = "fd00::77".parse().unwrap();
    for to in [DEAD.into(), dead_v6] {
        // What was received before is kept.
        socket.send_echo(FAR.into(), 0, b"kept").unwrap();
        lab.run_for(Duration::from_secs(2));
        for (seq_no, len) in [(1, 0), (2, 1), (3, 12), (4, 1_400)] {
            socket.send_echo(to, seq_no, &vec![0; len]).unwrap();
        }
        lab.run_for(Duration::from_secs(2));
        assert_blocks(socket.flush());
        lab.run_for(Duration::from_secs(8));
        assert_eq!(socket.receive_echo(&mut [0; 8]).unwrap().len, 4);
        assert_error(socket.send_echo(FAR.into(), 5, b"hello"), Error::TimedOut);
        // Nothing of it is left, even if the host comes to life.
        appear(&lab, DEAD);
        assert_eq!(sent_by_near(&lab), Vec::<Vec<u8>>::new());
        socket.send_echo(FAR.into(), 5, b"hello").unwrap();
        assert_eq!(lab.block(|| socket.receive_echo(&mut [0; 8])).unwrap().seq_no, 5);
    }
}

#[test]
fn a_dropped_socket_still_sends_what_it_accepted() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    socket.send_echo(FAR.into(), 1, b"first").unwrap();
    socket.send_echo(FAR.into(), 2, b"").unwrap();
    drop(socket);
    assert_eq!(lab.near.icmp().unwrap_err(), Error::OutOfSlots(Protocol::Icmp));
    // Address resolution, and then both.
    lab.near.poll().unwrap();
    lab.far.poll().unwrap();
    assert_eq!(sent_by_near(&lab).len(), 2);
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(1));
    // What comes for the one before is not for the next owner of the slot.
    let mut next = lab.near.icmp().unwrap().bind_any().unwrap();
    lab.run_for(Duration::from_secs(2));
    show(&lab, &to_near(&echo_reply(FAR.into(), NEAR.into(), IDENT, 1, b"first")));
    assert_blocks(next.receive_echo(&mut [0; 8]));
}

#[test]
fn the_slot_of_a_dropped_socket_comes_back_in_time_and_empty() {
    let lab = Lab::builder(1).near(small(1)).build();
    // Received and not taken, sent and not deliverable.
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    socket.set_hop_limit(NonZeroU8::new(1)).unwrap();
    show(&lab, &to_near(&echo_reply(FAR.into(), NEAR.into(), IDENT, 1, b"old")));
    assert_eq!(socket.next_len(), Ok(Some(3)));
    socket.send_echo(DEAD.into(), 2, b"lost").unwrap();
    drop(socket);
    lab.run_for(Duration::from_secs(29));
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(0));
    lab.run_for(Duration::from_secs(2));
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(1));

    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    assert_eq!(socket.next_len(), Ok(None));
    appear(&lab, DEAD);
    introduce(&lab);
    sent_by_near(&lab);
    socket.send_echo(FAR.into(), 3, b"new").unwrap();
    let [packet] = &sent_by_near(&lab)[..] else { panic!("one request") };
    assert_eq!((packet[8], &packet[28..]), (64, &b"new"[..]));
}

#[test]
fn the_identifier_of_a_dropped_socket_is_free_at_once() {
    let lab = Lab::builder(1).near(small(2)).build();
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    socket.send_echo(DEAD.into(), 1, b"in a while").unwrap();
    drop(socket);
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(1));
    let mut socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    socket.send_echo(FAR.into(), 2, b"").unwrap();
    assert_eq!(lab.block(|| socket.receive_echo(&mut [])).unwrap().seq_no, 2);
}

#[test]
fn a_link_that_goes_down_takes_what_dropped_sockets_had_to_send() {
    let lab = Lab::builder(1).near(small(2)).build();
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    socket.send_echo(DEAD.into(), 2, b"lost").unwrap();
    let mut other = lab.near.icmp().unwrap().bind_any().unwrap();
    other.send_echo(DEAD.into(), 2, b"lost").unwrap();
    drop(socket);
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(0));
    lab.near.link_down().unwrap();
    assert_error(other.flush(), Error::LinkDown);
    drop(other);
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(2));
}

#[test]
fn a_socket_dropped_within_a_closure_of_the_stack_gives_its_slot_back() {
    let lab = Lab::builder(1).near(small(2)).build();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let icmp = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    let kept = lab.near.icmp().unwrap().bind(1).unwrap();
    udp.send_to_with(1, "192.168.69.255:7".parse().unwrap(), |_| {
        assert_eq!(icmp.next_len(), Err(Error::Reentrant));
        drop(icmp);
        1
    })
    .unwrap();
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(1));
    assert_eq!(kept.ident(), Ok(1));
}

#[test]
fn the_hop_limit_is_on_the_wire() {
    let lab = Lab::new(1);
    introduce(&lab);
    let mut socket = lab.near.icmp().unwrap().bind_any().unwrap();
    for (to, at) in [(IpAddr::from(FAR), 8), (FAR_V6.into(), 7)] {
        for (limit, expected) in [(NonZeroU8::new(1), 1), (NonZeroU8::new(255), 255), (None, 64)] {
            socket.set_hop_limit(limit).unwrap();
            socket.send_echo(to, 1, b"").unwrap();
            let [packet] = &sent_by_near(&lab)[..] else { panic!("one request") };
            assert_eq!(packet[at], expected);
        }
    }
}

#[test]
fn other_slots_are_none_of_its_business() {
    // A TCP connection and a UDP socket, with as many ICMP slots beside them as there can be.
    let heap = Heap { tcp: 2, udp: 1, icmp: 300, icmp_buf: 64, icmp_packets: 1, ..Heap::default() };
    let lab = Lab::builder(1).near(heap).build();
    let (mut near, mut far) = lab.connection().unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut sockets: Vec<_> =
        (0..300).map(|_| lab.near.icmp().unwrap().bind_any().unwrap()).collect();
    for socket in &mut sockets {
        socket.send_echo(FAR.into(), 1, b"hello").unwrap();
    }
    near.send(b"stream").unwrap();
    lab.far
        .udp()
        .unwrap()
        .bind(8)
        .unwrap()
        .send_to(b"datagram", "192.168.69.1:7".parse().unwrap())
        .unwrap();
    lab.run_for(Duration::from_secs(2));
    assert_eq!(far.receive(&mut [0; 16]), Ok(6));
    assert_eq!(udp.next_len(), Ok(Some(8)));
    assert!(udp.receive_from(&mut [0; 8]).is_ok());
    assert!(sockets.iter_mut().all(|socket| socket.receive_echo(&mut [0; 8]).is_ok()));
    drop(sockets);
    assert_eq!(lab.near.free_slots(Protocol::Icmp), Ok(300));
}

static STORAGE: ConstStaticCell<Storage<1, 1>> = ConstStaticCell::new(Storage::new());
static ICMP: ConstStaticCell<IcmpStorage<2, 64, 2>> = ConstStaticCell::new(IcmpStorage::new());

#[test]
fn a_stack_works_on_statics() {
    let (device, _far) = Plug::pair();
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let memory = Memory::from(STORAGE.take()).with_icmp(ICMP.take());
    assert_eq!(format!("{memory:?}"), "Memory { tcp: 1, udp: 1, icmp: 2, raw: 0 }");
    let stack = Stack::new(memory, device, || Instant::ZERO, config).unwrap();
    stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    let mut socket = stack.icmp().unwrap().bind(IDENT).unwrap();
    let _other = stack.icmp().unwrap();
    assert_eq!(stack.icmp().unwrap_err(), Error::OutOfSlots(Protocol::Icmp));
    let too_large = socket.send_echo(FAR.into(), 1, &[0; 57]);
    assert_eq!(too_large, Err(nb::Error::Other(Error::DatagramTooLarge(56))));
    assert_eq!(socket.send_echo(FAR.into(), 1, &[0; 56]), Ok(()));
}

#[test]
fn an_erased_socket_converts_back_to_its_own_state_only() {
    use sockstate::state::{Bound, Closed};
    let lab = Lab::new(1);
    let any = AnyIcmpSocket::from(lab.near.icmp().unwrap().bind_any().unwrap());
    let any = IcmpSocket::<Closed>::try_from(any).unwrap_err();
    assert_eq!(any.state(), "Bound");
    assert!(IcmpSocket::<Bound>::try_from(any).is_ok());
}

#[test]
fn a_packet_in_the_wrong_protocol_is_no_reply() {
    let lab = Lab::new(1);
    let socket = lab.near.icmp().unwrap().bind(IDENT).unwrap();
    let reply = echo_reply(FAR.into(), NEAR.into(), IDENT, 1, b"data");
    show(&lab, &to_near(&ipv4(FAR, NEAR, 58, &reply[20..])));
    show(&lab, &to_near(&ipv4(FAR, NEAR, 253, &reply[20..])));
    assert_eq!(socket.next_len(), Ok(None));
}
