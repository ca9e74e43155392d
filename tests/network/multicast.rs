//! Multicast groups: what they receive, and what routers are told of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sockstate::device::Cable;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, IpCidr};

use crate::common::{NEAR, assert_blocks};
use crate::wire::{ICMPV6, NEAR_V6, ROUTER, Wire, checksum, ethernet, icmpv6, ipv4, ipv6};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 0x1234);
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The group by which neighbours find the near stack's own address.
const OWN_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);

/// What a report says of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Joined,
    Left,
    /// An answer to a question.
    Member,
}

/// Reads the reports among packets: RFC 2236 section 2, RFC 3810 section 5.2.
fn reports(packets: &[Vec<u8>]) -> Vec<(IpAddr, Word)> {
    let mut words = Vec::new();
    for packet in packets {
        if packet[0] >> 4 == 4 && packet[9] == 2 {
            let message = &packet[20..];
            assert_eq!(checksum(message), 0, "{message:x?}");
            let group: [u8; 4] = message[4..8].try_into().unwrap();
            let word = match message[0] {
                // A report that a group was joined and an answer are the same.
                0x12 | 0x16 => Word::Joined,
                0x17 => Word::Left,
                other => panic!("{other:x}"),
            };
            words.push((IpAddr::V4(group.into()), word));
        } else if packet[0] >> 4 == 6 && packet[6] == 0 && packet[48] == 143 {
            let mut pseudo = packet[8..40].to_vec();
            pseudo.extend(((packet.len() - 48) as u32).to_be_bytes());
            pseudo.extend([0, 0, 0, ICMPV6]);
            pseudo.extend(&packet[48..]);
            assert_eq!(checksum(&pseudo), 0);
            for record in packet[56..].chunks(20) {
                let group: [u8; 16] = record[4..].try_into().unwrap();
                let word = match record[0] {
                    2 => Word::Member,
                    3 => Word::Left,
                    4 => Word::Joined,
                    other => panic!("{other:x}"),
                };
                words.push((IpAddr::V6(group.into()), word));
            }
        }
    }
    words
}

/// A question of a router with so many seconds for the answers.
fn ask_v4(wire: &mut Wire<'_>, group: Option<Ipv4Addr>, tenths: u8) {
    let mut message = vec![0x11, tenths, 0, 0];
    message.extend(group.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let packet = ipv4(ROUTER, group.unwrap_or(ALL_SYSTEMS), 2, &message);
    wire.send_frame(&ethernet([0x01, 0, 0x5e, 0, 0, 1], &packet));
}

fn ask_v6(wire: &mut Wire<'_>, group: Option<Ipv6Addr>, millis: u16) {
    let router = "fe80::fe".parse().unwrap();
    let dst = group.unwrap_or(ALL_NODES);
    let asked = group.unwrap_or(Ipv6Addr::UNSPECIFIED);
    let rest = [&asked.octets()[..], &[2, 125, 0, 0]].concat();
    let message = icmpv6((router, dst), 130, 0, u32::from(millis) << 16, &rest);
    let payload = [&[ICMPV6, 0, 5, 2, 0, 0, 1, 0][..], &message].concat();
    wire.send_frame(&ethernet([0x33, 0x33, 0, 0, 0, 1], &ipv6(router, dst, 0, 1, &payload)));
}

fn quiet_lab() -> Lab {
    let lab = Lab::new(1);
    lab.run_for(Duration::from_secs(1));
    lab
}

#[test]
fn a_group_is_received_while_it_is_joined() {
    for group in [IpAddr::V4(GROUP), IpAddr::V6(GROUP_V6)] {
        let lab = quiet_lab();
        let mut socket = lab.near.udp().unwrap().bind(5_353).unwrap();
        let mut sender = lab.far.udp().unwrap().bind(5_353).unwrap();
        let to = SocketAddr::new(group, 5_353);
        sender.send_to(b"early", to).unwrap();
        lab.run_for(Duration::from_secs(1));
        assert_blocks(socket.receive_from(&mut [0; 16]));

        lab.near.join_multicast(group).unwrap();
        sender.send_to(b"hello", to).unwrap();
        lab.run_for(Duration::from_secs(1));
        let mut buffer = [0; 16];
        assert_eq!(socket.receive_from(&mut buffer).unwrap().0, 5);
        assert_eq!(&buffer[..5], b"hello");

        lab.near.leave_multicast(group).unwrap();
        sender.send_to(b"late", to).unwrap();
        lab.run_for(Duration::from_secs(1));
        assert_blocks(socket.receive_from(&mut buffer));
    }
}

/// At once, and then there is nothing more to do.
#[test]
fn joining_and_leaving_are_reported() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    for group in [IpAddr::V4(GROUP), IpAddr::V6(GROUP_V6)] {
        assert_eq!(lab.near.poll_delay(), None);
        lab.near.join_multicast(group).unwrap();
        assert_eq!(lab.near.poll_delay(), Some(Duration::ZERO));
        assert_eq!(reports(&wire.sent()), [(group, Word::Joined)]);
        assert_eq!(lab.near.poll_delay(), None);
        // Again: nothing to say.
        lab.near.join_multicast(group).unwrap();
        assert_eq!(lab.near.poll_delay(), None);
        assert_eq!(lab.near.multicast_groups().unwrap(), [group]);

        lab.near.leave_multicast(group).unwrap();
        assert_eq!(lab.near.poll_delay(), Some(Duration::ZERO));
        assert_eq!(reports(&wire.sent()), [(group, Word::Left)]);
        assert_eq!(lab.near.poll_delay(), None);
        assert!(lab.near.multicast_groups().unwrap().is_empty());
    }
}

/// Within the time for the answer, and not at once.
#[test]
fn questions_of_ipv4_routers_are_answered() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    let groups = [GROUP, Ipv4Addr::new(239, 1, 2, 4), Ipv4Addr::new(239, 1, 2, 5)];
    for group in groups {
        lab.near.join_multicast(group.into()).unwrap();
    }
    wire.sent();
    // All groups; one group; all of them by a router of old.
    for (asked, tenths, count, seconds) in [
        (None, 100, 3, 10),
        (Some(GROUP), 40, 1, 4),
        (None, 0, 3, 1),
        (None, 0x88, 3, 20),
        (None, 0xa8, 3, 77),
    ] {
        ask_v4(&mut wire, asked, tenths);
        assert_eq!(wire.sent(), Vec::<Vec<u8>>::new(), "it did not wait");
        let answers = wire.wait(Duration::from_secs(90));
        let packets: Vec<_> = answers.iter().map(|(_, packet)| packet.clone()).collect();
        let told = reports(&packets);
        assert_eq!(told.len(), count, "{answers:?}");
        for group in groups.iter().take(count) {
            assert!(told.contains(&(IpAddr::V4(*group), Word::Joined)), "{told:?}");
        }
        let last = answers.last().unwrap().0;
        assert!(last <= Duration::from_secs(seconds), "{last}");
        // It sleeps again.
        assert_eq!(lab.near.poll_delay(), None);
        wire = Wire::new(&lab);
    }
}

/// A router of old gives no time: each group has a unit of its own, be there as many as there can.
#[test]
fn questions_of_old_routers_are_answered_for_all_groups() {
    let lab = quiet_lab();
    lab.near.remove_address(NEAR_V6.into()).unwrap();
    let mut wire = Wire::bare(&lab);
    wire.sent();
    let groups: Vec<_> = (1..=4).map(|host| Ipv4Addr::new(239, 1, 2, host)).collect();
    for group in &groups {
        lab.near.join_multicast((*group).into()).unwrap();
    }
    wire.sent();
    ask_v4(&mut wire, None, 0);
    let answers = wire.wait(Duration::from_secs(60));
    let packets: Vec<_> = answers.iter().map(|(_, packet)| packet.clone()).collect();
    let told = reports(&packets);
    assert_eq!(told.len(), 4, "{answers:?}");
    assert!(answers.last().unwrap().0 <= Duration::from_millis(500), "{answers:?}");
}

/// The next question does not put off the answer to the one before.
#[test]
fn a_question_with_time_does_not_delay_the_answer_to_a_hurried_one() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    lab.near.join_multicast(GROUP.into()).unwrap();
    wire.sent();
    ask_v4(&mut wire, None, 10);
    ask_v6(&mut wire, None, 60_000);
    let answers = wire.wait(Duration::from_secs(60));
    let hurried = [(GROUP.into(), Word::Joined)];
    let answer =
        answers.iter().find(|(_, packet)| reports(std::slice::from_ref(packet)) == hurried);
    assert!(answer.is_some_and(|(at, _)| *at <= Duration::from_secs(1)), "{answers:?}");
}

/// A report that is due at once does not make the stack look for later answers without end.
#[test]
fn a_question_beside_a_group_that_is_joined_does_not_keep_the_stack_awake() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    lab.near.join_multicast(GROUP.into()).unwrap();
    ask_v4(&mut wire, None, 100);
    let mut polls = 0;
    while let Some(delay) = lab.near.poll_delay() {
        lab.clock.advance(delay.max(Duration::from_micros(1)));
        lab.near.poll().unwrap();
        polls += 1;
        assert!(polls < 50, "it does not sleep");
    }
}

#[test]
fn questions_of_ipv6_routers_are_answered() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    lab.near.join_multicast(GROUP_V6.into()).unwrap();
    wire.sent();
    for asked in [None, Some(GROUP_V6)] {
        ask_v6(&mut wire, asked, 10_000);
        let answers = wire.wait(Duration::from_secs(60));
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(answers[0].0 <= Duration::from_secs(10), "{answers:?}");
        let told = reports(&[answers[0].1.clone()]);
        assert!(told.contains(&(IpAddr::V6(GROUP_V6), Word::Member)), "{told:?}");
        assert_eq!(told.len(), if asked.is_some() { 1 } else { 2 }, "its own group as well");
        assert_eq!(lab.near.poll_delay(), None);
        wire = Wire::new(&lab);
    }
}

/// A question with no time for the answer does not keep the stack awake for as long as one has that
/// went before.
#[test]
fn a_hurried_question_beside_one_with_time_does_not_keep_the_stack_awake() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    ask_v6(&mut wire, None, 60_000);
    lab.near.poll().unwrap();
    ask_v6(&mut wire, None, 0);
    let mut polls = 0;
    loop {
        lab.near.poll().unwrap();
        polls += 1;
        let Some(delay) = lab.near.poll_delay() else { break };
        lab.clock.advance(delay);
    }
    assert!(polls < 200, "{polls}");
}

/// Nobody asked, or for what was not joined.
#[test]
fn other_questions_are_not_answered() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    ask_v4(&mut wire, None, 100);
    ask_v4(&mut wire, Some(GROUP), 100);
    ask_v6(&mut wire, Some(GROUP_V6), 1_000);
    assert_eq!(wire.wait(Duration::from_secs(60)), []);
    assert_eq!(lab.near.poll_delay(), None);
}

/// A switch that was just plugged in knows of no group.
#[test]
fn groups_are_reported_again_when_the_link_is_back() {
    let lab = quiet_lab();
    let mut wire = Wire::new(&lab);
    let groups = [IpAddr::V4(GROUP), IpAddr::V6(GROUP_V6)];
    for group in groups {
        lab.near.join_multicast(group).unwrap();
    }
    wire.sent();
    lab.near.link_down().unwrap();
    assert_eq!(lab.near.poll_delay(), None);
    lab.near.link_up().unwrap();
    assert_eq!(lab.near.poll_delay(), Some(Duration::ZERO));
    let told = reports(&wire.sent());
    for group in groups.into_iter().chain([IpAddr::V6(OWN_GROUP)]) {
        let last = told.iter().rev().find(|(about, _)| *about == group);
        assert_eq!(last.map(|(_, word)| *word), Some(Word::Joined), "{group}: {told:?}");
    }
    assert_eq!(lab.near.poll_delay(), None);
    let mut socket = lab.near.udp().unwrap().bind(5_353).unwrap();
    let mut sender = lab.far.udp().unwrap().bind(5_353).unwrap();
    sender.send_to(b"hello", (GROUP, 5_353).into()).unwrap();
    assert_eq!(lab.block(|| socket.receive_from(&mut [0; 16])).unwrap().0, 5);
}

/// What was joined without an address to report it from is reported when there is one.
#[test]
fn groups_are_reported_with_the_first_address() {
    let lab = quiet_lab();
    lab.near.remove_address(NEAR.into()).unwrap();
    let mut wire = Wire::bare(&lab);
    lab.near.join_multicast(GROUP.into()).unwrap();
    assert_eq!(reports(&wire.sent()), []);
    assert_eq!(lab.near.poll_delay(), None);
    lab.near.add_address(IpCidr::new(NEAR.into(), 24)).unwrap();
    let told = reports(&wire.sent());
    assert!(told.contains(&(IpAddr::V4(GROUP), Word::Joined)), "{told:?}");
}

/// A new address of IPv6 is a new group, by which neighbours find it.
#[test]
fn a_new_address_of_ipv6_is_reported() {
    let lab = quiet_lab();
    lab.near.remove_address(NEAR.into()).unwrap();
    let mut wire = Wire::bare(&lab);
    wire.sent();
    lab.near.add_address("fd00::77/64".parse().unwrap()).unwrap();
    assert_eq!(lab.near.poll_delay(), Some(Duration::ZERO));
    let group = "ff02::1:ff00:77".parse().unwrap();
    assert_eq!(reports(&wire.sent()), [(group, Word::Joined)]);
    lab.near.remove_address("fd00::77".parse().unwrap()).unwrap();
    assert_eq!(reports(&wire.sent()), [(group, Word::Left)]);
}

/// A report that the device has no room for is not lost.
#[test]
fn a_report_waits_for_room() {
    let lab = Lab::builder(1).cable(Cable::ethernet().with_capacity(1)).build();
    lab.run_for(Duration::from_secs(1));
    let mut wire = Wire::bare(&lab);
    let groups = [GROUP, Ipv4Addr::new(239, 1, 2, 4), Ipv4Addr::new(239, 1, 2, 5)];
    for group in groups {
        lab.near.join_multicast(group.into()).unwrap();
    }
    let mut told = Vec::new();
    for _ in 0..10 {
        told.extend(reports(&wire.sent()));
    }
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(lab.near.poll_delay(), None);
}

#[test]
fn what_cannot_be_joined_or_left_is_an_error() {
    let lab = quiet_lab();
    for addr in ["192.168.69.9", "fd00::9", "0.0.0.0", "255.255.255.255", "::"] {
        let joined = lab.near.join_multicast(addr.parse().unwrap());
        assert_eq!(joined, Err(Error::Unaddressable), "{addr}");
    }
    let left = lab.near.leave_multicast(GROUP.into());
    assert_eq!(left, Err(Error::AddressNotAvailable));
    // One of four is the stack's own, by its address of IPv6.
    for host in 1..4 {
        lab.near.join_multicast(Ipv4Addr::new(239, 0, 0, host).into()).unwrap();
    }
    assert_eq!(lab.near.join_multicast(GROUP.into()), Err(Error::OutOfGroups));
    lab.near.leave_multicast(Ipv4Addr::new(239, 0, 0, 1).into()).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(lab.near.join_multicast(GROUP.into()), Ok(()));
}

/// Reports and questions under way do not disturb what sockets do.
#[test]
fn connections_go_on_beside_reports() {
    let lab = quiet_lab();
    lab.near.join_multicast(GROUP.into()).unwrap();
    lab.near.join_multicast(GROUP_V6.into()).unwrap();
    let (mut near, mut far) = lab.connection().unwrap();
    let mut wire = Wire::bare(&lab);
    for round in 0..50 {
        ask_v4(&mut wire, None, 10);
        ask_v6(&mut wire, None, 1_000);
        let start = lab.clock.time();
        near.send(&[round; 100]).unwrap();
        let len = lab.block(|| far.receive(&mut [0; 200])).unwrap();
        assert_eq!(len, 100);
        far.send(&[round; 100]).unwrap();
        assert_eq!(lab.block(|| near.receive(&mut [0; 200])).unwrap(), 100);
        assert!(lab.clock.time() - start < Duration::from_millis(100), "round {round}");
        lab.run_for(Duration::from_millis(333));
    }
}
