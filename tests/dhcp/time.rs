//! Leases that are renewed, moved, refused and lost.

use super::*;
use crate::common::{assert_blocks, assert_error};
use crate::server::{T1, T2};

/// When a server was asked, in seconds after a moment, and by whom.
fn asked(server: &Server<'_>, start: sockstate::Instant) -> Vec<(u64, u8, Ipv4Addr)> {
    let asked = server.asked.borrow();
    asked.iter().map(|asked| ((asked.at - start).secs(), asked.kind, asked.from)).collect()
}

#[test]
fn half_of_a_lease_later_it_is_renewed_and_sockets_go_on() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    let (mut near, _far) = connection(&lab);
    near.set_keep_alive(Some(seconds(2_000))).unwrap();
    lab.run_for(seconds(1));
    assert_eq!(lab.near.poll_delay(), Some(seconds(1_800) - (lab.clock.time() - start)));

    pass(&lab, &server, seconds(18_001), sound);
    assert_eq!(
        asked(&server, start),
        (1..=10).map(|n| (n * 1_800, REQUEST, LEASED)).collect::<Vec<_>>()
    );
    let request = server.last();
    assert_eq!((request.client, request.requested, request.server), (LEASED, None, None));
    assert_blocks(dhcp.poll());
    let lease = dhcp.lease().unwrap().unwrap();
    assert_eq!(lease.since, start);
    assert_eq!(lease.until, Some(start + seconds(18_000 + 3_600)));
    assert_blocks(near.receive(&mut [0; 16]));
}

/// The server repeats nothing: it is asked until the lease ends.
#[test]
fn a_server_that_is_gone_is_asked_until_the_lease_ends() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    let (mut near, _far) = connection(&lab);
    let mut udp = lab.near.udp().unwrap().bind((LEASED, 9)).unwrap();
    let mut any = lab.near.udp().unwrap().bind(10).unwrap();

    // It ends a call that waits for something else, at the very moment.
    let end = lab.block(|| {
        server.step(&lab, silent);
        near.receive(&mut [0; 16])
    });
    assert_eq!(end, Err(Error::AddressLost));
    assert_eq!(lab.clock.time(), start + seconds(HOUR.into()));
    assert_eq!(dhcp.poll(), Ok(None));
    assert_eq!(dhcp.lease(), Ok(None));
    assert_error(udp.receive_from(&mut [0; 16]), Error::AddressLost);
    assert_blocks(any.receive_from(&mut [0; 16]));
    assert_error(any.send_to(b"hello", far(9)), Error::NoAddress);
    assert_eq!(addresses(&lab), []);
    assert!(!is_routed(&lab));
    // RFC 2131 section 4.4.5: half of the time that is left, a minute at least.
    let asked = asked(&server, start);
    let times: Vec<_> = asked.iter().map(|(at, _, _)| *at).collect();
    assert_eq!(times, [1_800, 2_475, 2_812, 2_981, 3_065, 3_125, 3_150, 3_375, 3_487, 3_547]);
    assert!(asked.iter().all(|(_, kind, from)| (*kind, *from) == (REQUEST, LEASED)));

    // A server that comes back is found.
    let lease = next(&lab, &server, &mut dhcp, sound).unwrap().unwrap();
    assert_eq!(lease.address, cidr(LEASED, 24));
    assert!(is_routed(&lab));
}

#[test]
fn another_server_takes_the_lease_over_before_it_ends() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    let (mut near, _far) = connection(&lab);
    let other = Ipv4Addr::new(192, 168, 69, 3);
    // It hears only what is for all.
    let late = |asked: &Asked| {
        let is_late = asked.at >= start + seconds(3_150);
        let answer = asked.grant(LEASED, HOUR).with(server::SERVER, &other.octets());
        if is_late { vec![answer.bytes()] } else { vec![] }
    };
    let lease = next(&lab, &server, &mut dhcp, late).unwrap().unwrap();
    assert_eq!(lease.server, ip(other));
    assert_eq!(lease.since, start);
    assert_eq!(lease.until, Some(start + seconds(3_150 + 3_600)));
    assert_eq!((lease.router, lease.dns_servers.len()), (None, 0));
    assert!(!is_routed(&lab));
    assert_blocks(near.receive(&mut [0; 16]));
}

#[test]
fn another_address_on_renewal_ends_the_sockets_of_the_old_one() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lease(&lab, &server, &mut dhcp, sound);
    let (mut near, _far) = connection(&lab);
    let mut udp = lab.near.udp().unwrap().bind((LEASED, 9)).unwrap();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();

    let lease = next(&lab, &server, &mut dhcp, leasing(OTHER, HOUR)).unwrap().unwrap();
    assert_eq!(lease.address, cidr(OTHER, 24));
    assert_eq!(lease.since, lab.clock.time());
    assert_error(near.receive(&mut [0; 16]), Error::AddressLost);
    assert_error(udp.receive_from(&mut [0; 16]), Error::AddressLost);
    assert_eq!(addresses(&lab), [cidr(OTHER, 24)]);
    drop(near);
    let (near, _far) = connection(&lab);
    assert_eq!(near.local_endpoint().unwrap().addr, Some(ip(OTHER)));
    let client = lab.far.tcp().unwrap().connect((OTHER, 80).into()).unwrap();
    let _client = client.wait().unwrap();
    assert!(lab.block(|| listener.accept()).is_ok());
}

#[test]
fn another_prefix_router_or_name_server_leaves_sockets_alone() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lease(&lab, &server, &mut dhcp, sound);
    let (mut near, _far) = connection(&lab);
    let lease = next(&lab, &server, &mut dhcp, |asked| {
        let answer = asked.grant(LEASED, HOUR).with(server::MASK, &[255, 255, 0, 0]);
        vec![answer.with(ROUTER, &FAR.octets()).with(NAMES, &[1, 1, 1, 1]).bytes()]
    });
    let lease = lease.unwrap().unwrap();
    assert_eq!((lease.address, lease.router), (cidr(LEASED, 16), Some(ip(FAR))));
    assert_eq!(lease.dns_servers[..], ["1.1.1.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(addresses(&lab), [cidr(LEASED, 16)]);
    assert!(is_routed(&lab));
    assert_blocks(near.receive(&mut [0; 16]));
}

#[test]
fn a_refusal_ends_a_lease_and_a_new_one_is_asked_for_at_once() {
    // On renewal, and when all servers are asked.
    for refused_at in [1_800, 3_150] {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut dhcp = lab.near.dhcp().unwrap();
        let start = lease(&lab, &server, &mut dhcp, sound);
        let (mut near, _far) = connection(&lab);
        let refuse = |asked: &Asked| {
            if asked.at < start + seconds(refused_at) {
                vec![]
            } else {
                vec![asked.refuse().bytes()]
            }
        };
        assert_eq!(next(&lab, &server, &mut dhcp, refuse), Ok(None));
        assert_error(near.receive(&mut [0; 16]), Error::AddressLost);
        assert_eq!(addresses(&lab), []);
        let lease = next(&lab, &server, &mut dhcp, leasing(OTHER, HOUR)).unwrap().unwrap();
        assert_eq!(lease.address, cidr(OTHER, 24));
        assert_eq!(lab.clock.time(), start + seconds(refused_at));
    }
}

#[test]
fn a_server_that_offers_and_refuses_is_not_asked_without_end() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let confused = |asked: &Asked| match asked.kind {
        DISCOVER => sound(asked),
        _ => vec![asked.refuse().bytes()],
    };
    pass(&lab, &server, seconds(120), confused);
    let requests = server.kinds().iter().filter(|kind| **kind == REQUEST).count();
    assert!((10..=25).contains(&requests), "{requests} requests in two minutes");
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

/// That a neighbour is found is no reason to ask it again.
#[test]
fn a_neighbour_that_is_found_does_not_end_the_pause_after_refusals() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let _dhcp = lab.near.dhcp().unwrap();
    let confused = |asked: &Asked| match asked.kind {
        DISCOVER => sound(asked),
        _ => vec![asked.refuse().bytes()],
    };
    pass(&lab, &server, seconds(2), confused);
    assert_eq!(server.kinds(), [DISCOVER, REQUEST, DISCOVER, REQUEST]);
    let _far = lab.far.udp().unwrap().bind(9).unwrap();
    let mut near = lab.near.udp().unwrap().connect("[fd00::2]:9".parse().unwrap()).unwrap();
    near.send(b"hello").unwrap();
    pass(&lab, &server, seconds(6), confused);
    assert_eq!(near.flush(), Ok(()), "it was found");
    assert_eq!(server.kinds().len(), 4);
}

/// The offer of another server that comes too late does not stand in the way of what was asked for.
#[test]
fn a_late_offer_of_another_server_delays_nothing() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lab.clock.time();
    let other = Ipv4Addr::new(192, 168, 69, 3);
    let answer = |asked: &Asked| {
        let offer = asked.answer(OFFER, OTHER).with(server::SERVER, &other.octets()).bytes();
        let late = (asked.kind == REQUEST).then_some(offer);
        late.into_iter().chain(sound(asked)).collect()
    };
    let lease = next(&lab, &server, &mut dhcp, answer).unwrap().unwrap();
    assert_eq!(lease.address, cidr(LEASED, 24));
    assert_eq!((lab.clock.time() - start).secs(), 0);
}

#[test]
fn a_server_that_offers_and_says_no_more_is_left() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lab.clock.time();
    pass(&lab, &server, seconds(61), |asked| match asked.kind {
        DISCOVER => sound(asked),
        _ => silent(asked),
    });
    let expected = [
        (0, DISCOVER),
        (0, REQUEST),
        (5, REQUEST),
        (10, REQUEST),
        (20, REQUEST),
        (30, REQUEST),
        (50, DISCOVER),
        (50, REQUEST),
        (55, REQUEST),
        (60, REQUEST),
    ];
    let asked = asked(&server, start);
    assert_eq!(asked.iter().map(|(at, kind, _)| (*at, *kind)).collect::<Vec<_>>(), expected);
    // Another server.
    let other = Ipv4Addr::new(192, 168, 69, 3);
    let answer = |asked: &Asked| {
        vec![asked.grant(LEASED, HOUR).with(server::SERVER, &other.octets()).bytes()]
    };
    let lease = next(&lab, &server, &mut dhcp, answer).unwrap().unwrap();
    assert_eq!(lease.server, ip(other));
}

#[test]
fn a_lease_for_ever_is_never_renewed() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lease(&lab, &server, &mut dhcp, leasing(LEASED, u32::MAX));
    assert_eq!(dhcp.lease().unwrap().unwrap().until, None);
    lab.run_for(seconds(10 * 365 * 24 * 3_600));
    server.step(&lab, silent);
    assert_eq!(server.kinds(), []);
    assert_blocks(dhcp.poll());
}

#[test]
fn a_lease_is_as_long_as_the_application_says() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut config = sockstate::DhcpConfig::default();
    config.max_lease = Some(seconds(60));
    let mut dhcp = lab.near.dhcp_with(config).unwrap();
    let start = lease(&lab, &server, &mut dhcp, leasing(LEASED, u32::MAX));
    assert_eq!(dhcp.lease().unwrap().unwrap().until, Some(start + seconds(60)));
    assert_eq!(next(&lab, &server, &mut dhcp, silent), Ok(None));
    assert_eq!(lab.clock.time(), start + seconds(60));
    assert_eq!(asked(&server, start)[0], (30, REQUEST, LEASED));
}

/// A server that is gone from the same link is asked for by ARP, and must not take the turns of
/// others.
#[test]
fn a_server_that_is_gone_from_the_link_keeps_nobody_waiting() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let gone = Ipv4Addr::new(192, 168, 69, 3);
    let mut from_gone = |asked: &Asked| {
        let answer = asked.grant(LEASED, HOUR).with(server::SERVER, &gone.octets());
        let frame = server::frame(gone, 67, &answer.bytes());
        lab.cable.plugs().1.inject(lab.clock.time(), &frame);
        Vec::new()
    };
    lease(&lab, &server, &mut dhcp, &mut from_gone);
    pass(&lab, &server, seconds(1_805), silent);
    // The hardware address of the far stack is forgotten after a minute.
    for _ in 0..10 {
        let start = lab.clock.time();
        let (near, far) = connection(&lab);
        let took = lab.clock.time() - start;
        assert!(took <= seconds(2), "connecting took {took}");
        near.abort();
        drop(far);
        pass(&lab, &server, seconds(67), silent);
    }
    // Whom it asked by ARP.
    let mut frames = 0;
    let mut plug = lab.cable.plugs().1;
    let end = lab.clock.time() + seconds(100);
    while lab.clock.time() < end {
        lab.near.poll().unwrap();
        while let Some(frame) = plug.take(lab.clock.time()) {
            frames += usize::from(frame[12..14] == [0x08, 0x06] && frame[38..42] == gone.octets());
        }
        lab.clock.advance(lab.near.poll_delay().unwrap().max(Duration::from_millis(1)));
    }
    assert!((9..=11).contains(&frames), "asked {frames} times in 100 s");
    assert!(dhcp.lease().unwrap().is_some());
}

/// The time to rebind three times that to renew: a renewal changes nothing that smoltcp would plan
/// otherwise, and is one all the same.
#[test]
fn a_renewal_counts_whenever_it_comes() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let answer = |asked: &Asked| {
        let (t1, t2) = (100_u32.to_be_bytes(), 300_u32.to_be_bytes());
        vec![asked.grant(LEASED, 400).with(T1, &t1).with(T2, &t2).bytes()]
    };
    let start = lease(&lab, &server, &mut dhcp, answer);
    pass(&lab, &server, seconds(650), answer);
    assert_blocks(dhcp.poll());
    let until = dhcp.lease().unwrap().unwrap().until.unwrap();
    assert!((until - start).secs() >= 1_000, "{} s", (until - start).secs());
}

/// An offer that comes just when the client is about to ask again is as if it had not come.
#[test]
fn an_offer_at_the_moment_of_the_next_question_delays_nothing() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lab.clock.time();
    let mut late = None;
    pass(&lab, &server, seconds(9), |asked| {
        late = Some(asked.grant(LEASED, HOUR).bytes());
        vec![]
    });
    let (_, mut wire) = lab.cable.plugs();
    lab.clock.advance(lab.near.poll_delay().unwrap());
    let offer = server::frame(common::FAR, 67, &late.unwrap());
    wire.inject(lab.clock.time(), &offer);
    lab.near.poll().unwrap();
    let lease = next(&lab, &server, &mut dhcp, sound).unwrap();
    assert!(lease.is_some());
    assert!((lab.clock.time() - start).secs() < 12, "{} s", (lab.clock.time() - start).secs());
}

/// That a lease ends is no reason to ask a server again that has just refused twice.
#[test]
fn a_lease_that_ends_during_a_pause_does_not_cut_it_short() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, leasing(LEASED, 60));
    lab.clock.advance(seconds(25));
    lab.near.link_down().unwrap();
    pass(&lab, &server, seconds(30), silent);
    lab.near.link_up().unwrap();
    pass(&lab, &server, seconds(9), |asked| match asked.kind {
        DISCOVER => leasing(OTHER, HOUR)(asked),
        _ => vec![asked.refuse().bytes()],
    });
    assert_eq!(dhcp.poll(), Ok(None), "it ended {} s ago", (lab.clock.time() - start).secs() - 60);
    assert_eq!(server.kinds(), [DISCOVER, REQUEST, DISCOVER, REQUEST]);
}
