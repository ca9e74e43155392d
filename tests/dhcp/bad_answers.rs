//! Answers that make no sense: none is taken, none harms.

use sockstate::smoltcp::wire::Ipv4Packet;

use super::*;
use crate::common::{Random, assert_blocks};
use crate::server::{Answer, HOST_NAME, MASK, NAK, SERVER, T1, T2, TIME, frame};

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn raw(lab: &Lab, frame: &[u8]) {
    lab.cable.plugs().1.inject(lab.clock.time(), frame);
}

/// Whether an answer, given to every question of a kind beside a sound one, is taken for good.
fn is_taken(kind: u8, spoil: impl Fn(Answer) -> Answer) -> bool {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let only_bad = |asked: &Asked| {
        let answer = asked.grant(LEASED, HOUR).with(ROUTER, &ROUTED.octets());
        vec![if asked.kind == kind { spoil(answer).bytes() } else { answer.bytes() }]
    };
    pass(&lab, &server, seconds(60), only_bad);
    let asked = server.asked.borrow().len();
    assert!(asked <= 15, "{asked} questions in a minute");
    // What stands in the way of the sound answer that follows?
    let taken = dhcp.poll().is_ok();
    if !taken {
        assert_eq!(addresses(&lab), []);
        assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
    }
    taken
}

#[test]
fn offers_that_make_no_sense() {
    let refused = |spoil: &dyn Fn(Answer) -> Answer| !is_taken(DISCOVER, spoil);
    for addr in ["0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "239.1.2.3", "127.0.0.1"] {
        assert!(refused(&|answer| Answer { addr: addr.parse().unwrap(), ..answer }), "{addr}");
    }
    assert!(refused(&|answer| Answer { xid: [1, 2, 3, 4], ..answer }));
    assert!(refused(&|answer| Answer { mac: [2, 0, 0, 0, 0, 9], ..answer }));
    assert!(refused(&|answer| Answer { kind: 99, ..answer }));
    assert!(refused(&|answer| Answer { kind: ACK, ..answer }));
    assert!(refused(&|answer| Answer { kind: NAK, ..answer }));
    assert!(refused(&|answer| answer.without(SERVER)));
    // What it lacks, the acknowledgement has.
    assert!(!refused(&|answer| answer.without(MASK).without(TIME).without(ROUTER)));
}

#[test]
fn acknowledgements_that_make_no_sense() {
    let refused = |spoil: &dyn Fn(Answer) -> Answer| !is_taken(REQUEST, spoil);
    for addr in [
        "0.0.0.0",
        "0.1.2.3",
        "255.255.255.255",
        "224.0.0.1",
        "127.0.0.1",
        "192.168.69.0",
        "192.168.69.255",
    ] {
        assert!(refused(&|answer| Answer { addr: addr.parse().unwrap(), ..answer }), "{addr}");
    }
    assert!(refused(&|answer| Answer { xid: [1, 2, 3, 4], ..answer }));
    assert!(refused(&|answer| Answer { mac: [2, 0, 0, 0, 0, 9], ..answer }));
    assert!(refused(&|answer| Answer { kind: OFFER, ..answer }));
    assert!(refused(&|answer| answer.without(SERVER)));
    assert!(refused(&|answer| answer.with(SERVER, &[192, 168, 69, 3])), "not the one asked");
    assert!(refused(&|answer| answer.without(MASK)));
    for mask in [[0, 0, 0, 0], [255, 0, 255, 0], [0, 0, 0, 255], [1, 2, 3, 4]] {
        assert!(refused(&|answer| answer.with(MASK, &mask)), "{mask:?}");
    }
    assert!(refused(&|answer| answer.with(MASK, &[255, 255])));
    for time in [0, 1_u32] {
        assert!(refused(&|answer| answer.with(TIME, &time.to_be_bytes())));
    }
    for option in [T1, T2] {
        assert!(refused(&|answer| answer.with(option, &[0; 4])));
    }
}

/// What is odd, and yet a lease.
#[test]
fn acknowledgements_that_lack_something() {
    let lease = |change: &dyn Fn(Answer) -> Answer| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut dhcp = lab.near.dhcp().unwrap();
        let answer = |asked: &Asked| {
            let sound = asked.grant(LEASED, HOUR);
            vec![change(sound.with(ROUTER, &ROUTED.octets()).with(NAMES, &FAR.octets())).bytes()]
        };
        let lease = next(&lab, &server, &mut dhcp, answer).unwrap().unwrap();
        assert_eq!(is_routed(&lab), lease.router.is_some());
        (lease, lab.clock.time())
    };
    let (bare, now) = lease(&|answer| answer.without(ROUTER).without(NAMES).without(TIME));
    assert_eq!((bare.router, bare.dns_servers.len()), (None, 0));
    assert_eq!(bare.until, Some(now + seconds(120)));

    // The shortest time there can be.
    let (short, now) = lease(&|answer| answer.with(TIME, &2_u32.to_be_bytes()));
    assert_eq!(short.until, Some(now + seconds(2)));

    // Routers that are none, or beyond the network, or this host itself.
    let elsewhere = [10, 0, 0, 1];
    for router in
        [[0; 4], [255; 4], [224, 0, 0, 1], elsewhere, LEASED.octets(), [192, 168, 69, 255]]
    {
        let (lease, _) = lease(&|answer| answer.with(ROUTER, &router));
        assert_eq!(lease.router, None, "{router:?}");
    }
    let two = [elsewhere, ROUTED.octets()].concat();
    assert_eq!(lease(&|answer| answer.with(ROUTER, &two)).0.router, Some(ip(ROUTED)));
    for rubbish in [&[][..], &[1, 2, 3]] {
        assert_eq!(lease(&|answer| answer.with(ROUTER, rubbish)).0.router, None);
    }
    // Name servers that are none are left out.
    let names = [[0; 4], FAR.octets(), [224, 0, 0, 1]].concat();
    assert_eq!(lease(&|answer| answer.with(NAMES, &names)).0.dns_servers[..], [ip(FAR)]);
    let many: Vec<u8> = (1..=60).flat_map(|host| [10, 0, 0, host]).collect();
    assert_eq!(lease(&|answer| answer.with(NAMES, &many)).0.dns_servers.len(), 3);
    assert_eq!(lease(&|answer| answer.with(NAMES, &many[..6])).0.dns_servers.len(), 1);

    // A host on a network of its own, and one of two.
    let (alone, _) = lease(&|answer| answer.with(MASK, &[255; 4]));
    assert_eq!((alone.address, alone.router), (cidr(LEASED, 32), None));
    let (pair, _) = lease(&|answer| {
        let answer = answer.with(MASK, &[255, 255, 255, 254]);
        answer.with(ROUTER, &OTHER.octets())
    });
    assert_eq!((pair.address, pair.router), (cidr(LEASED, 31), Some(ip(OTHER))));
    // Renewal times out of order, and options nobody knows.
    lease(&|answer| answer.with(T1, &[255; 4]).with(T2, &[0, 0, 0, 1]));
    lease(&|answer| answer.with(HOST_NAME, &[0xff; 255]).with(200, &[7; 200]).with(0, &[]));
}

#[test]
fn a_message_from_nowhere_from_another_port_in_fragments_or_cut_short() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let bad = |asked: &Asked| {
        let message = asked.grant(LEASED, HOUR).bytes();
        for from in [ANY, Ipv4Addr::BROADCAST, Ipv4Addr::LOCALHOST, Ipv4Addr::new(224, 0, 0, 1)] {
            raw(&lab, &frame(from, 67, &message));
        }
        raw(&lab, &frame(FAR, 66, &message));
        let whole = frame(FAR, 67, &message);
        // Fragments: one that has a successor, and one that has a predecessor.
        for fragment in [0x2000, 1_u16] {
            let mut frame = whole.clone();
            frame[20..22].copy_from_slice(&fragment.to_be_bytes());
            Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
            raw(&lab, &frame);
        }
        for size in [0, 1, 4, 28, 239, 240, 243, 248] {
            raw(&lab, &frame(FAR, 67, &message[..size]));
        }
        for size in (0..whole.len()).step_by(7) {
            raw(&lab, &whole[..size]);
        }
        Vec::new()
    };
    pass(&lab, &server, seconds(60), bad);
    assert_blocks(dhcp.poll());
    assert_eq!(server.kinds(), [DISCOVER; 6]);
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

#[test]
fn a_server_whose_name_for_itself_is_no_address() {
    for server_id in [[0; 4], [255; 4], [224, 0, 0, 1], [127, 0, 0, 1]] {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut dhcp = lab.near.dhcp().unwrap();
        let answer =
            |asked: &Asked| vec![asked.grant(LEASED, HOUR).with(SERVER, &server_id).bytes()];
        pass(&lab, &server, seconds(60), answer);
        assert_blocks(dhcp.poll());
        assert_eq!(server.kinds(), [DISCOVER; 6]);
    }
}

/// While a lease is held, what nobody asked for changes nothing.
#[test]
fn nobody_takes_a_lease_away_who_does_not_know_the_transaction() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    next(&lab, &server, &mut dhcp, sound).unwrap();
    let lease = dhcp.lease().unwrap();
    let asked = server.last();
    for answer in [asked.refuse(), asked.grant(OTHER, 10), asked.answer(OFFER, OTHER)] {
        raw(&lab, &frame(FAR, 67, &Answer { xid: [9; 4], ..answer }.bytes()));
    }
    raw(&lab, &frame(FAR, 67, &asked.answer(OFFER, OTHER).bytes()));
    lab.run_for(seconds(60));
    assert_blocks(dhcp.poll());
    assert_eq!(dhcp.lease().unwrap(), lease);
}

/// Sound answers with something changed: no panic, and what is leased can be an address.
#[test]
fn mutated_answers() {
    let mut taken = 0;
    for seed in 0..60 {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut dhcp = lab.near.dhcp().unwrap();
        let mut random = Random(seed);
        pass(&lab, &server, seconds(7_200), |asked| {
            for _ in 0..20 {
                let mut message = leasing(LEASED, 60)(asked).remove(0);
                for _ in 0..1 + random.below(3) {
                    let at = if random.below(2) == 0 { 240 } else { 16 };
                    let at = at + random.below(message.len() - at);
                    message[at] = random.next() as u8;
                }
                message.truncate(message.len() - random.below(8) * random.below(8));
                raw(&lab, &frame(FAR, 67, &message));
            }
            Vec::new()
        });
        while let Ok(lease) = dhcp.poll() {
            taken += usize::from(lease.is_some());
        }
        if let Some(lease) = dhcp.lease().unwrap() {
            let IpAddr::V4(addr) = IpAddr::from(lease.address.address()) else { panic!() };
            assert!(!addr.is_unspecified() && !addr.is_multicast() && !addr.is_loopback());
            assert!(lease.address.prefix_len() > 0);
        }
        let asked = server.asked.borrow().len();
        assert!(asked < 7_200, "seed {seed}: {asked} questions in two hours");
    }
    assert!(taken > 0, "something must have been taken");
}
