//! Leases when the link goes down and comes back.

use super::*;
use crate::common::{assert_blocks, assert_error};

#[test]
fn the_link_comes_back_and_the_lease_stays_if_it_is_granted_again() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    lab.near.link_down().unwrap();
    pass(&lab, &server, seconds(60), sound);
    assert_eq!(server.kinds(), []);
    assert!(dhcp.lease().unwrap().is_some());
    lab.near.link_up().unwrap();
    let back = lab.clock.time();
    // Before the server has answered, the address is in use.
    let (mut near, _far) = connection(&lab);
    pass(&lab, &server, seconds(5), sound);
    assert_eq!(server.kinds(), [DISCOVER, REQUEST]);
    assert_blocks(dhcp.poll());
    assert_blocks(near.receive(&mut [0; 16]));
    let lease = dhcp.lease().unwrap().unwrap();
    assert_eq!(lease.since, start);
    assert_eq!(lease.until, Some(back + seconds(HOUR.into())));
}

#[test]
fn the_link_comes_back_to_another_network() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    lab.near.link_down().unwrap();
    lab.near.link_up().unwrap();
    let (mut near, _far) = connection(&lab);
    let lease = next(&lab, &server, &mut dhcp, leasing(OTHER, HOUR)).unwrap().unwrap();
    assert_eq!(lease.address, cidr(OTHER, 24));
    assert!(lab.clock.time() < start + seconds(1), "at once");
    assert_error(near.receive(&mut [0; 16]), Error::AddressLost);
}

#[test]
fn the_link_comes_back_and_no_server_does() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, sound);
    lab.near.link_down().unwrap();
    lab.near.link_up().unwrap();
    assert_eq!(next(&lab, &server, &mut dhcp, silent), Ok(None));
    assert_eq!(lab.clock.time(), start + seconds(HOUR.into()));
    assert_eq!(addresses(&lab), []);
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

#[test]
fn a_refusal_of_the_old_address_when_the_link_comes_back_ends_it() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let offer_and_refuse = |addr| {
        move |asked: &Asked| match asked.kind {
            DISCOVER => leasing(addr, HOUR)(asked),
            _ => vec![asked.refuse().bytes()],
        }
    };
    let start = lease(&lab, &server, &mut dhcp, sound);
    lab.near.link_down().unwrap();
    lab.near.link_up().unwrap();
    pass(&lab, &server, seconds(5), offer_and_refuse(OTHER));
    assert_eq!(addresses(&lab), [cidr(LEASED, 24)], "another one is refused");
    assert_eq!(next(&lab, &server, &mut dhcp, offer_and_refuse(LEASED)), Ok(None));
    assert!(lab.clock.time() < start + seconds(60), "at once");
    assert_eq!(addresses(&lab), []);
}

#[test]
fn a_lease_ends_while_the_link_is_down() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lease(&lab, &server, &mut dhcp, sound);
    lab.near.link_down().unwrap();
    lab.run_for(seconds(HOUR.into()));
    assert_eq!(dhcp.lease(), Ok(None));
    assert_eq!(dhcp.poll(), Ok(None));
    assert_eq!(addresses(&lab), []);
    lab.near.link_up().unwrap();
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

/// Nothing is sent then, and a main loop is to look before it sleeps.
#[test]
fn a_lease_that_ends_while_another_is_sought_wakes_the_main_loop() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let start = lease(&lab, &server, &mut dhcp, leasing(LEASED, 125));
    lab.clock.advance(seconds(2));
    lab.near.link_down().unwrap();
    lab.near.link_up().unwrap();
    loop {
        let moved = lab.near.poll().unwrap();
        let delay = lab.near.poll_delay().unwrap();
        if addresses(&lab).is_empty() {
            assert_eq!(lab.clock.time(), start + seconds(125));
            assert!(!moved);
            assert_eq!(delay, Duration::ZERO);
            break;
        }
        lab.clock.advance(delay);
    }
    assert_eq!(lab.near.poll_delay(), Some(seconds(7)), "the next question");
}
