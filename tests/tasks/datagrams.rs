//! Dropped while datagrams are sent and received: each arrives once.

use sockstate::testing::Lab;
use sockstate::{Error, Heap, IpVersion, Ready};

use super::common::drive::sweep;
use super::common::drive::{Stop, drive, finish};
use super::common::{FAR, NEAR, Random, far, near, slow_cable};
use super::lab;

fn random_stop(random: &mut Random) -> Stop {
    match random.below(2) {
        0 => Stop::AfterPolls(random.below(4)),
        _ => Stop::AfterSteps(random.below(12)),
    }
}

#[test]
fn receiving_takes_a_datagram_or_leaves_it() {
    for seed in 0..8 {
        println!("seed {seed}");
        let lab = lab();
        let mut random = Random(seed);
        let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
        let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
        let (mut next, mut received, mut dropped) = (0u32, Vec::new(), 0);
        while received.len() < 200 {
            let taken = received.len() as u32;
            let mut peers = || {
                // No more on their way than the queues hold.
                if next < 200 && next < taken + 4 && peer.send(&next.to_be_bytes()).is_ok() {
                    next += 1;
                }
            };
            let mut buffer = [0; 4];
            match drive(
                &lab,
                random_stop(&mut random),
                socket.receive_from_async(&mut buffer),
                &mut peers,
            ) {
                Some(Ok((4, _))) => received.push(u32::from_be_bytes(buffer)),
                Some(other) => panic!("{other:?}"),
                None => dropped += 1,
            }
        }
        assert!(received.iter().copied().eq(0..200), "{received:?}");
        assert!(dropped > 20, "{dropped}");
    }
}

#[test]
fn sending_queues_a_datagram_or_does_not() {
    for seed in 0..8 {
        println!("seed {seed}");
        // Room for two at a time.
        let heap = Heap { udp: 2, udp_packets: 2, udp_buf: 600, ..Heap::default() };
        let wide = Heap { udp_packets: 128, udp_buf: 65_535, ..Heap::default() };
        let lab = Lab::builder(seed).near(heap).far(wide).cable(slow_cable()).build();
        let mut random = Random(seed);
        let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
        let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
        let (mut sent, mut received) = (0u32, Vec::new());
        while sent < 100 {
            let mut peers = || {
                let mut buffer = [0; 300];
                while let Ok((_, _)) = peer.receive_from(&mut buffer) {
                    received.push(u32::from_be_bytes(buffer[..4].try_into().unwrap()));
                }
            };
            let mut data = [0; 256];
            data[..4].copy_from_slice(&sent.to_be_bytes());
            let stop = random_stop(&mut random);
            if let Some(result) = drive(&lab, stop, socket.send_async(&data), &mut peers) {
                result.unwrap();
                sent += 1;
            }
        }
        let mut peers = || {
            let mut buffer = [0; 300];
            while peer.receive_from(&mut buffer).is_ok() {
                received.push(u32::from_be_bytes(buffer[..4].try_into().unwrap()));
            }
        };
        finish(&lab, socket.flush_async(), &mut peers).unwrap();
        for _ in 0..50 {
            peers();
            lab.step();
        }
        assert!(received.iter().copied().eq(0..100), "{received:?}");
    }
}

#[test]
fn a_datagram_longer_than_a_frame_waits_for_all_the_room() {
    let heap = Heap { udp: 1, udp_packets: 4, udp_buf: 1_400, ..Heap::default() };
    let lab = Lab::builder(1).near(heap).cable(slow_cable()).build();
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    // It has to wait for the neighbour, and each of these for the one before.
    for _ in 0..5 {
        finish(&lab, socket.send_async(&[7; 1_300]), || {}).unwrap();
    }
    finish(&lab, socket.flush_async(), || {}).unwrap();
}

#[test]
fn flush_and_ready_change_nothing() {
    sweep(|stop| {
        let lab = lab();
        let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
        let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
        socket.send(b"hello").unwrap();
        let flushed = drive(&lab, stop, socket.flush_async(), || {});
        let _ = drive(&lab, stop, socket.ready(Ready::SEND), || {});
        drop(socket);
        let mut buffer = [0; 8];
        let (size, _) = finish(&lab, peer.receive_from_async(&mut buffer), || {}).unwrap();
        assert_eq!(&buffer[..size], b"hello");
        drop(peer);
        super::assert_nothing_leaked(&lab);
        flushed.is_some()
    });
}

#[test]
fn an_echo_is_received_once() {
    sweep(|stop| {
        let lab = Lab::builder(3)
            .near(Heap { icmp: 1, ..super::common::slots(4, 4) })
            .far(super::common::slots(4, 4))
            .cable(slow_cable())
            .build();
        let mut socket = lab.near.icmp().unwrap().bind(1).unwrap();
        let sent = drive(&lab, stop, socket.send_echo_async(FAR.into(), 1, b"there?"), || {});
        if sent.is_none() {
            finish(&lab, socket.send_echo_async(FAR.into(), 1, b"there?"), || {}).unwrap();
        }
        let first = drive(&lab, stop, socket.receive_echo_async(&mut [0; 16]), || {});
        let done = first.is_some();
        let reply =
            first.unwrap_or_else(|| finish(&lab, socket.receive_echo_async(&mut [0; 16]), || {}));
        assert_eq!(reply.unwrap().seq_no, 1);
        assert_eq!(
            drive(&lab, Stop::AfterSteps(20), socket.receive_echo_async(&mut [0; 16]), || {}),
            None
        );
        done
    });
}

#[test]
fn a_raw_packet_is_received_once() {
    let packet = super::common::packets::ipv4(NEAR, FAR, 253, b"data");
    sweep(|stop| {
        let heap = Heap { raw: 1, ..super::common::slots(4, 4) };
        let lab = Lab::builder(3).near(heap).far(heap).cable(slow_cable()).build();
        let mut socket = lab.near.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
        let mut peer = lab.far.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
        finish(&lab, socket.send_async(&packet), || {}).unwrap();
        let flushed = drive(&lab, stop, socket.flush_async(), || {});
        let mut buffer = [0; 64];
        let first = drive(&lab, stop, peer.receive_async(&mut buffer), || {});
        let done = first.is_some() && flushed.is_some();
        let size = first.unwrap_or_else(|| finish(&lab, peer.receive_async(&mut buffer), || {}));
        assert_eq!(size, Ok(24));
        assert_eq!(&buffer[20..24], b"data");
        assert_eq!(drive(&lab, Stop::AfterSteps(20), peer.receive_async(&mut buffer), || {}), None);
        done
    });
}

#[test]
fn no_event_is_missed() {
    sweep(|stop| {
        let lab = lab();
        let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&socket, 3, Ready::RECEIVE).unwrap();
        let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
        peer.send(b"hello").unwrap();
        let first = drive(&lab, stop, watch.event_async(), || {});
        let done = first.is_some();
        let event = first.unwrap_or_else(|| finish(&lab, watch.event_async(), || {})).unwrap();
        assert_eq!((event.key, event.ready), (3, Ready::RECEIVE));
        assert_eq!(socket.receive_from(&mut [0; 8]).map(|(size, _)| size), Ok(5));
        assert_eq!(drive(&lab, Stop::AfterSteps(20), watch.event_async(), || {}), None);
        done
    });
}

#[test]
fn an_address_that_is_lost_ends_the_wait() {
    let lab = lab();
    let mut socket = lab.near.udp().unwrap().bind((NEAR, 7)).unwrap();
    let mut steps = 0;
    let received = finish(&lab, socket.receive_from_async(&mut [0; 8]), || {
        steps += 1;
        if steps == 3 {
            lab.near.remove_address(NEAR.into()).unwrap();
        }
    });
    assert_eq!(received, Err(Error::AddressLost));
}

#[test]
fn who_receives_outlasts_a_link_that_is_down() {
    let lab = lab();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    lab.near.link_down().unwrap();
    let mut steps = 0;
    let received = finish(&lab, socket.receive_from_async(&mut [0; 8]), || {
        steps += 1;
        match steps {
            3 => lab.near.link_up().unwrap(),
            5 => peer.send(b"hello").unwrap(),
            _ => {}
        }
    });
    assert_eq!(received, Ok((5, peer.local_endpoint().map(|local| far(local.port)).unwrap())));
    assert!(steps >= 5, "{steps}");
}

#[test]
fn a_socket_is_ready_when_there_is_something_and_not_before() {
    let lab = lab();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut icmp = lab.near.icmp().unwrap().bind(1).unwrap();
    let mut raw = lab.near.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    let a_while = Stop::AfterSteps(20);
    assert_eq!(drive(&lab, a_while, udp.ready(Ready::RECEIVE), || {}), None);
    assert_eq!(drive(&lab, a_while, icmp.ready(Ready::RECEIVE), || {}), None);
    assert_eq!(drive(&lab, a_while, raw.ready(Ready::RECEIVE), || {}), None);

    lab.far.udp().unwrap().connect(near(7)).unwrap().send(b"hello").unwrap();
    assert_eq!(finish(&lab, udp.ready(Ready::RECEIVE), || {}), Ok(Ready::RECEIVE));
    icmp.send_echo(FAR.into(), 1, b"there?").unwrap();
    assert_eq!(finish(&lab, icmp.ready(Ready::RECEIVE), || {}), Ok(Ready::RECEIVE));
    let packet = super::common::packets::ipv4(FAR, NEAR, 253, b"data");
    lab.far.raw().unwrap().bind(IpVersion::V4, 253).unwrap().send(&packet).unwrap();
    assert_eq!(finish(&lab, raw.ready(Ready::RECEIVE), || {}), Ok(Ready::RECEIVE));
}

#[test]
fn flushing_waits_until_the_device_has_everything() {
    let packet = super::common::packets::ipv4(NEAR, FAR, 253, b"data");
    let lab = lab();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut icmp = lab.near.icmp().unwrap().bind(1).unwrap();
    let mut raw = lab.near.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    finish(&lab, udp.send_to_async(b"hello", far(7)), || {}).unwrap();
    icmp.send_echo(FAR.into(), 1, b"there?").unwrap();
    raw.send(&packet).unwrap();
    // The neighbour is not known yet.
    assert_eq!(drive(&lab, Stop::AfterPolls(1), udp.flush_async(), || {}), None);
    assert_eq!(drive(&lab, Stop::AfterPolls(1), icmp.flush_async(), || {}), None);
    assert_eq!(drive(&lab, Stop::AfterPolls(1), raw.flush_async(), || {}), None);
    finish(&lab, udp.flush_async(), || {}).unwrap();
    finish(&lab, icmp.flush_async(), || {}).unwrap();
    finish(&lab, raw.flush_async(), || {}).unwrap();
    assert_eq!(finish(&lab, peer.receive_from_async(&mut [0; 8]), || {}), Ok((5, near(7))));
}
