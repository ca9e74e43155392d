//! What there is to know of the link and the interface, and what passes them.

use sockstate::device::Cable;
use sockstate::state::Bound;
use sockstate::testing::{Lab, VirtualClock};
use sockstate::{Config, Duration, Error, Heap, IcmpSocket, IpVersion, Stack};

use crate::common::{FAR, NEAR, assert_error, far, slots};
use crate::wire::Wire;

#[test]
fn the_link_is_up_until_it_is_down() {
    let lab = Lab::new(1);
    assert_eq!(lab.near.is_link_up(), Ok(true));
    lab.near.link_down().unwrap();
    assert_eq!(lab.near.is_link_up(), Ok(false));
    lab.near.link_up().unwrap();
    assert_eq!(lab.near.is_link_up(), Ok(true));
}

#[test]
fn a_new_hardware_address_is_used() {
    let lab = Lab::new(1);
    let mac = [0x02, 0, 0, 0, 7, 7];
    assert_eq!(lab.near.hardware_addr(), Ok([0x02, 0, 0, 0, 0, 1]));
    lab.near.set_hardware_addr(mac).unwrap();
    assert_eq!(lab.near.hardware_addr(), Ok(mac));
    // A connection needs both directions, and so the far stack the new address.
    drop(lab.connection().unwrap());
    for bad in [[0xff; 6], [0x01, 0, 0x5e, 0, 0, 1]] {
        assert_eq!(lab.near.set_hardware_addr(bad), Err(Error::HardwareAddress));
    }
    assert_eq!(lab.near.hardware_addr(), Ok(mac));
}

/// Frames of plain IP have no hardware address; smoltcp panics when it is asked for one.
#[test]
fn a_device_of_plain_ip_packets_has_no_hardware_address() {
    let (device, _far) = Cable::ip().plugs();
    let stack = Stack::new(Heap::default(), device, VirtualClock::new(), Config::ip(1)).unwrap();
    assert_eq!(stack.hardware_addr(), Err(Error::HardwareAddress));
    assert_eq!(stack.set_hardware_addr([2; 6]), Err(Error::HardwareAddress));
    assert_eq!(stack.mtu(), Ok(1_500));
}

#[test]
fn the_mtu_is_that_of_an_ip_packet() {
    let lab = Lab::builder(1).cable(Cable::ethernet().with_mtu(614)).build();
    assert_eq!(lab.near.mtu(), Ok(600));
}

/// Every frame and every byte, both ways.
#[test]
fn statistics_count_what_the_cable_carries() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.send(&[7; 3_000]).unwrap();
    let mut received = 0;
    while received < 3_000 {
        received += lab.block(|| far.receive(&mut [0; 512])).unwrap();
    }
    lab.run_for(Duration::from_secs(1));
    let near = lab.near.statistics().unwrap();
    let far = lab.far.statistics().unwrap();
    assert_eq!((near.frames_sent, near.bytes_sent), (far.frames_received, far.bytes_received));
    assert_eq!((far.frames_sent, far.bytes_sent), (near.frames_received, near.bytes_received));
    assert!(near.bytes_sent > 3_000 && near.frames_sent >= 6, "{near:?}");
    assert!(far.frames_sent >= 3, "answers count as well: {far:?}");
}

/// To the byte, of one frame that is made by hand.
#[test]
fn statistics_count_bytes_of_frames() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut socket = lab.near.udp().unwrap().bind(6_000).unwrap();
    let before = lab.near.statistics().unwrap();
    socket.send_to(b"hello", far(7)).unwrap();
    assert_eq!(wire.sent().len(), 1);
    let datagram = [&[0, 7, 0x17, 0x70, 0, 13, 0, 0][..], b"hello"].concat();
    wire.send(&crate::wire::ipv4(FAR, NEAR, crate::wire::UDP, &datagram));
    let after = lab.near.statistics().unwrap();
    assert_eq!(after.frames_sent - before.frames_sent, 1);
    assert_eq!(after.bytes_sent - before.bytes_sent, 14 + 20 + 8 + 5);
    assert_eq!(after.frames_received - before.frames_received, 1);
    assert_eq!(after.bytes_received - before.bytes_received, 14 + 20 + 8 + 5);
    assert_eq!(after.frames_for_nobody, before.frames_for_nobody);
    // The same for a port that nobody has.
    wire.send(&crate::wire::ipv4(FAR, NEAR, crate::wire::UDP, &[0, 7, 0, 9, 0, 8, 0, 0]));
    let last = lab.near.statistics().unwrap();
    assert_eq!(last.frames_for_nobody - after.frames_for_nobody, 1);
    assert_eq!(last.frames_sent - after.frames_sent, 1, "an answer to it");
}

#[test]
fn statistics_count_refusals_of_the_device() {
    let lab = Lab::builder(1).cable(Cable::ethernet().with_capacity(1)).build();
    let mut socket = lab.near.udp().unwrap().bind(6_000).unwrap();
    // Nobody takes the first one off the cable, so that the second has no room.
    for _ in 0..2 {
        socket.send_to(b"hello", "192.168.69.255:7".parse().unwrap()).unwrap();
    }
    lab.near.poll().unwrap();
    let counted = lab.near.statistics().unwrap();
    assert_eq!((counted.frames_sent, counted.device_full), (1, 1));
    lab.near.poll().unwrap();
    assert_eq!(lab.near.statistics().unwrap().device_full, 2);
}

#[test]
fn statistics_count_what_a_full_backlog_ignores() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let _listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let _first = lab.far.tcp().unwrap().connect((NEAR, 80).into()).unwrap();
    lab.run_for(Duration::from_millis(100));
    assert_eq!(lab.near.statistics().unwrap().frames_dropped, 0);
    let _second = lab.far.tcp().unwrap().connect((NEAR, 80).into()).unwrap();
    lab.run_for(Duration::from_millis(100));
    assert_eq!(lab.near.statistics().unwrap().frames_dropped, 1);
}

/// What is changed on smoltcp's interface is noticed.
#[test]
fn the_interface_itself_can_be_worked_on() {
    let lab = Lab::new(1);
    let (mut connected, _far) = lab.connection().unwrap();
    let seen = lab.near.with_interface(|interface| {
        assert_eq!(lab.near.poll(), Err(Error::Reentrant));
        interface.update_ip_addrs(|addrs| addrs.retain(|cidr| cidr.prefix_len() == 64));
        interface.ip_addrs().len()
    });
    assert_eq!(seen, Ok(1));
    assert_error(connected.send(b"hello"), Error::AddressLost);
}

/// What an ICMP or a raw socket takes was for somebody.
#[test]
fn statistics_count_what_sockets_take() {
    let lab = Lab::new(1);
    let mut ping = lab.near.icmp().unwrap().bind(1).unwrap();
    let mut raw = lab.near.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    let mut peer = lab.far.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    let echo = |ping: &mut IcmpSocket<'_, Bound>| {
        ping.send_echo(FAR.into(), 1, b"x").unwrap();
        lab.block(|| ping.receive_echo(&mut [0; 8])).unwrap();
    };
    // The first one finds the neighbours.
    echo(&mut ping);
    lab.run_for(Duration::from_secs(1));
    let before = lab.near.statistics().unwrap();
    echo(&mut ping);
    let mut packet = vec![0x45, 0, 0, 21, 0, 0, 0, 0, 64, 253, 0, 0];
    packet.extend([FAR.octets(), NEAR.octets()].concat());
    packet.push(7);
    peer.send(&packet).unwrap();
    lab.block(|| raw.receive(&mut packet)).unwrap();
    let after = lab.near.statistics().unwrap();
    assert_eq!(after.frames_received - before.frames_received, 2);
    assert_eq!(after.frames_for_nobody, before.frames_for_nobody);
    assert_eq!(after.frames_dropped, before.frames_dropped);
}

#[test]
fn each_half_of_a_poll_says_whether_it_moved_a_frame() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect((NEAR, 7).into()).unwrap();
    peer.send(b"the neighbours are known").unwrap();
    lab.run_for(Duration::from_secs(1));
    near.receive_from(&mut [0; 32]).unwrap();
    assert_eq!((lab.near.poll_ingress(), lab.near.poll_egress()), (Ok(false), Ok(false)));

    peer.send(b"hello").unwrap();
    lab.far.poll().unwrap();
    assert_eq!(lab.near.poll_egress(), Ok(false));
    assert_eq!(near.next_len(), Ok(None));
    assert_eq!(lab.near.poll_ingress(), Ok(true));
    assert_eq!(near.next_len(), Ok(Some(5)));

    near.send_to(b"hello", far(7)).unwrap();
    assert_eq!(lab.near.poll_ingress(), Ok(false));
    assert_eq!(lab.cable.next_arrival(), None);
    assert_eq!(lab.near.poll_egress(), Ok(true));
    assert!(lab.cable.next_arrival().is_some());
}
