//! Frames of garbage, and real frames with something wrong in them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use sockstate::smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Protocol, TcpSocket};

use crate::common::packets::{introduce, ipv4, mend_header, show, to_near};
use crate::common::{DEAD, FAR, FAR_V6, NEAR, Random, assert_blocks, far, near, slots};

const FRAMES: usize = 100_000;
/// With more than one seed, the stack is now and then a fresh one.
const SEEDS: u64 = 4;

#[test]
fn random_frames() {
    for_each_seed(|lab, random| {
        flood(lab, random, |random, _| {
            let mut frame: Vec<u8> =
                (0..random.below(1_514)).map(|_| random.next() as u8).collect();
            // Without a destination and a known type most would end at the first look.
            if random.below(4) != 0 && frame.len() > 40 {
                frame[..6].copy_from_slice(&[0x02, 0, 0, 0, 0, 1]);
                let kinds = [([0x08, 0x00], 0x45), ([0x86, 0xdd], 0x60), ([0x08, 0x06], 0x00)];
                let (ethertype, version) = kinds[random.below(3)];
                frame[12..14].copy_from_slice(&ethertype);
                frame[14] = version;
            }
            frame
        });
    });
}

#[test]
fn mutated_frames() {
    for_each_seed(|lab, random| {
        flood(lab, random, |random, real| {
            let mut frame = real[random.below(real.len())].clone();
            for _ in 0..1 + random.below(4) {
                mutate(&mut frame, random);
            }
            // A wrong checksum would hide what else is wrong.
            if random.below(4) != 0 {
                mend_checksums(&mut frame);
            }
            frame
        });
    });
}

fn for_each_seed(test: impl Fn(&Lab, &mut Random)) {
    for seed in 0..SEEDS {
        let lab = Lab::builder(seed).near(slots(16, 8)).far(slots(64, 8)).build();
        let run = || test(&lab, &mut Random(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!("the seed was {seed}");
            resume_unwind(panic);
        }
    }
}

/// Sends frames to a stack in the middle of everything. One connection has to go on meanwhile,
/// and no slot may be lost.
fn flood(lab: &Lab, random: &mut Random, frame: impl Fn(&mut Random, &[Vec<u8>]) -> Vec<u8>) {
    let net = lab.near.net();
    let (mut near_end, mut far_end) = lab.cable.plugs();
    let real = real_frames(lab);
    let (mut survivor, mut peer) = lab.connection().unwrap();
    for side in [&mut survivor, &mut peer] {
        // A forged answer to a question for the hardware address may mislead either for a minute.
        side.set_timeout(None).unwrap();
    }
    let mut listener = net.tcp().unwrap().bind(80).unwrap().listen(3).unwrap();
    let _connecting = net.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    let mut udp = net.udp().unwrap().bind(7).unwrap();
    let _connected = net.udp().unwrap().bind(8).unwrap().connect(far(7)).unwrap();

    for number in 0..FRAMES / SEEDS as usize {
        far_end.inject(lab.clock.time(), &frame(random, &real));
        if number % 8 == 0 {
            while lab.near.poll().unwrap() | lab.far.poll().unwrap() {}
            assert_eq!(near_end.take(lab.clock.time()), None, "it does not listen any more");
            lab.clock.advance(Duration::from_millis(1));
            let _ = udp.receive_from(&mut [0; 64]);
            let _ = listener.accept();
        }
        if number % 1_000 == 0 {
            echo(lab, &mut survivor, &mut peer);
        }
    }
    echo(lab, &mut survivor, &mut peer);

    drop((survivor, peer, listener, _connecting, udp, _connected));
    lab.run_for(Duration::from_secs(300));
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(16));
    assert_eq!(net.free_slots(Protocol::Udp), Ok(8));
    let (mut fresh, mut peer) = lab.connection().unwrap();
    echo(lab, &mut fresh, &mut peer);
}

fn echo(lab: &Lab, socket: &mut TcpSocket<'_, Connected>, peer: &mut TcpSocket<'_, Connected>) {
    socket.send(b"ping").unwrap();
    assert_eq!(lab.block(|| peer.receive(&mut [0; 16])), Ok(4));
    peer.send(b"pong").unwrap();
    assert_eq!(lab.block(|| socket.receive(&mut [0; 16])), Ok(4));
}

/// What the near stack hears in a short life: address resolution, connections in both directions
/// and over both IP versions, from the first SYN to the last ACK, a RST, and datagrams.
fn real_frames(lab: &Lab) -> Vec<Vec<u8>> {
    let (mut near_end, mut far_end) = lab.cable.plugs();
    let mut frames = Vec::new();
    // Takes what is on the cable off it, and puts it back: some of it more than once.
    let mut look = || {
        let now = lab.clock.time();
        let heard: Vec<_> = std::iter::from_fn(|| near_end.take(now)).collect();
        for frame in heard {
            far_end.inject(now, &frame);
            if !frames.contains(&frame) {
                frames.push(frame);
            }
        }
    };
    let mut record = || {
        look();
        lab.step();
        look();
    };
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut far_listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut udp = lab.far.udp().unwrap().bind(7).unwrap();
    for remote in [far(80), (FAR_V6, 80).into()] {
        let client = lab.near.tcp().unwrap().connect(remote).unwrap();
        let mut client = client.wait_with(|_| record()).unwrap();
        client.send(b"to be echoed").unwrap();
        let (mut server, _) = lab.far.block_with(|_| record(), || far_listener.accept()).unwrap();
        server.send(&[7; 2_000]).unwrap();
        drop(server);
        let mut buffer = [0; 2_000];
        while lab.near.block_with(|_| record(), || client.receive(&mut buffer)).is_ok() {}
    }
    let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    let mut client = client.wait_with(|_| record()).unwrap();
    client.send(b"hello").unwrap();
    let _ = lab.near.block_with(|_| record(), || listener.accept()).unwrap();
    let refused = lab.near.tcp().unwrap().connect(far(81)).unwrap();
    assert_eq!(refused.wait_with(|_| record()).unwrap_err().error(), Error::Refused);
    for remote in ["192.168.69.1:7", "192.168.69.255:7", "[fd00::1]:7"] {
        udp.send_to(b"hello", remote.parse().unwrap()).unwrap();
    }
    for _ in 0..10 {
        record();
    }
    assert!(frames.len() > 15, "{} frames", frames.len());
    frames
}

fn mutate(frame: &mut Vec<u8>, random: &mut Random) {
    if frame.is_empty() {
        return;
    }
    // Most of what can go wrong is in the headers.
    let reach = if random.below(4) == 0 { frame.len() } else { frame.len().min(78) };
    let at = random.below(reach);
    match random.below(8) {
        0 => frame.truncate(at),
        1 => frame.extend((0..random.below(64)).map(|_| random.next() as u8)),
        2 => drop(frame.remove(at)),
        3 => frame.insert(at, random.next() as u8),
        4 => frame[at] = [0x00, 0xff, 0x7f, 0x80][random.below(4)],
        5 => frame[at] = random.next() as u8,
        _ => frame[at] ^= 1 << random.below(8),
    }
}

/// Puts the right checksums of IPv4, TCP and UDP into a frame, as far as it can still be read.
fn mend_checksums(frame: &mut [u8]) {
    let Ok(mut frame) = EthernetFrame::new_checked(frame) else { return };
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let Ok(mut packet) = Ipv4Packet::new_checked(frame.payload_mut()) else { return };
            packet.fill_checksum();
            let (src, dst, protocol) = (packet.src_addr(), packet.dst_addr(), packet.next_header());
            mend_payload(packet.payload_mut(), protocol, src.into(), dst.into());
        }
        EthernetProtocol::Ipv6 => {
            let Ok(mut packet) = Ipv6Packet::new_checked(frame.payload_mut()) else { return };
            let (src, dst, protocol) = (packet.src_addr(), packet.dst_addr(), packet.next_header());
            mend_payload(packet.payload_mut(), protocol, src.into(), dst.into());
        }
        _ => {}
    }
}

fn mend_payload(
    payload: &mut [u8],
    protocol: IpProtocol,
    src: sockstate::smoltcp::wire::IpAddress,
    dst: sockstate::smoltcp::wire::IpAddress,
) {
    match protocol {
        IpProtocol::Tcp => {
            if let Ok(mut packet) = TcpPacket::new_checked(payload) {
                packet.fill_checksum(&src, &dst);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut packet) = UdpPacket::new_checked(payload) {
                packet.fill_checksum(&src, &dst);
            }
        }
        _ => {}
    }
}

/// Four bytes of options that are the ports of a connection, and behind them those of another one.
#[test]
fn options_of_a_packet_are_no_ports() {
    let lab = Lab::new(1);
    introduce(&lab);
    let connect = |port| lab.near.udp().unwrap().bind(port).unwrap().connect(far(port)).unwrap();
    let (mut one, mut other) = (connect(2_000), connect(3_000));
    let datagram = |port: u16, data: &[u8]| {
        let len = (8 + data.len() as u16).to_be_bytes();
        // Over IPv4 a datagram may do without a checksum.
        [&port.to_be_bytes()[..], &port.to_be_bytes(), &len, &[0, 0], data].concat()
    };
    let mut data = [0; 8];
    // The last one that heard something is looked at first.
    show(&lab, &to_near(&ipv4(FAR, NEAR, 17, &datagram(2_000, b"one"))));
    assert_eq!(one.receive(&mut data), Ok(3));

    let show_with_options = |datagram: &[u8]| {
        let ports = [2_000_u16.to_be_bytes(), 2_000_u16.to_be_bytes()].concat();
        let mut packet = ipv4(FAR, NEAR, 17, &[&ports, datagram].concat());
        packet[0] = 0x46;
        mend_header(&mut packet);
        show(&lab, &to_near(&packet));
    };
    show_with_options(&datagram(3_000, b"other"));
    assert_blocks(one.receive(&mut data));
    assert_eq!(other.receive(&mut data), Ok(5));
    show_with_options(&datagram(2_000, b"one"));
    assert_eq!(one.receive(&mut data), Ok(3));
    assert_blocks(other.receive(&mut data));
}
