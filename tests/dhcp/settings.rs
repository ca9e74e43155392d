//! What was set by hand beside a lease, and what leaves no room for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::wire::DhcpOption;
use sockstate::testing::VirtualClock;
use sockstate::{Config, DhcpConfig, Stack, Storage};
use static_cell::ConstStaticCell;

use super::*;
use crate::common::{NEAR, assert_blocks, assert_error};

/// Waits for a lease, and for its end.
fn come_and_go(lab: &Lab, server: &Server<'_>, dhcp: &mut Dhcp<'_>, meanwhile: impl FnOnce()) {
    assert!(next(lab, server, dhcp, sound).unwrap().is_some());
    meanwhile();
    assert_eq!(next(lab, server, dhcp, silent), Ok(None));
}

#[test]
fn an_address_that_was_added_stays() {
    let lab = Lab::new(7);
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let (mut near, _far) = connection(&lab);
    come_and_go(&lab, &server, &mut dhcp, || {
        assert_eq!(addresses(&lab), [cidr(NEAR, 24), cidr(LEASED, 24)]);
    });
    assert_eq!(addresses(&lab), [cidr(NEAR, 24)]);
    assert_blocks(near.receive(&mut [0; 16]));
}

#[test]
fn an_address_that_was_added_and_is_leased_stays() {
    let lab = Lab::new(7);
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    assert!(next(&lab, &server, &mut dhcp, leasing(NEAR, HOUR)).unwrap().is_some());
    assert_eq!(addresses(&lab), [cidr(NEAR, 24)]);
    assert_eq!(next(&lab, &server, &mut dhcp, silent), Ok(None));
    assert_eq!(addresses(&lab), [cidr(NEAR, 24)]);
}

#[test]
fn a_router_that_was_set_stays() {
    let lab = lab();
    let server = Server::new(&lab.far);
    lab.near.set_gateway(ip(FAR)).unwrap();
    let mut dhcp = lab.near.dhcp().unwrap();
    let mut out = [0; 2];
    // Whoever is the router is asked for its hardware address.
    come_and_go(&lab, &server, &mut dhcp, || {
        out = next_hops(&lab);
    });
    assert_eq!(out, [1, 0], "the far stack, and not the router of the lease");
    assert!(is_routed(&lab));
}

#[test]
fn a_router_that_is_set_later_stays() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let mut out = [[0; 2]; 2];
    come_and_go(&lab, &server, &mut dhcp, || {
        out[0] = next_hops(&lab);
        lab.near.set_gateway(ip(FAR)).unwrap();
        out[1] = next_hops(&lab);
    });
    assert_eq!(out, [[0, 1], [1, 0]]);
    assert!(is_routed(&lab));
    lab.near.clear_gateways().unwrap();
    assert!(!is_routed(&lab));
}

/// How often the far stack, and how often the router of the lease, is asked for or sent to when a
/// datagram goes to another network.
fn next_hops(lab: &Lab) -> [usize; 2] {
    // Until the datagram before is given up: it has another one asked for.
    lab.run_for(seconds(40));
    let mut socket = lab.near.udp().unwrap().connect("203.0.113.1:9".parse().unwrap()).unwrap();
    socket.send(b"hello").unwrap();
    let mut plug = lab.cable.plugs().1;
    let mut hops = [0; 2];
    lab.near.poll().unwrap();
    while let Some(frame) = plug.take(lab.clock.time()) {
        let is_question = frame[12..14] == [0x08, 0x06];
        let to_far = frame[..6] == [0x02, 0, 0, 0, 0, 2];
        hops[0] += usize::from(to_far || is_question && frame[38..42] == FAR.octets());
        hops[1] += usize::from(is_question && frame[38..42] == ROUTED.octets());
    }
    hops
}

#[test]
fn name_servers_that_were_set_are_asked_until_none_are() {
    let lab = lab();
    let server = Server::new(&lab.far);
    lab.near.set_dns_servers(&["192.168.69.3".parse().unwrap()]).unwrap();
    let mut dhcp = lab.near.dhcp().unwrap();
    let begins = || lab.near.lookup("host.test", sockstate::AddrType::Ipv4).map(drop);
    come_and_go(&lab, &server, &mut dhcp, || ());
    assert_eq!(begins(), Err(Error::NoAddress), "the one that was set is still there");
    lab.near.set_dns_servers(&[]).unwrap();
    assert_eq!(begins(), Err(Error::NoNameServer), "there is no lease");
    come_and_go(&lab, &server, &mut dhcp, || {
        assert_eq!(begins(), Ok(()), "the lease has one");
        lab.near.set_dns_servers(&["203.0.113.53".parse().unwrap()]).unwrap();
        lab.near.clear_gateways().unwrap();
        assert_eq!(begins(), Err(Error::NoRoute), "by hand once more");
        lab.near.set_dns_servers(&[]).unwrap();
        assert_eq!(begins(), Ok(()));
    });
    assert_eq!(begins(), Err(Error::NoNameServer));
}

#[test]
fn there_is_no_room_for_a_lease() {
    let lab = Lab::new(7);
    assert_eq!(lab.near.dhcp().map(drop), Err(Error::OutOfAddresses));
    lab.near.remove_address(ip(NEAR)).unwrap();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lab.near.add_address(cidr(NEAR, 24)).unwrap();
    assert_eq!(next(&lab, &server, &mut dhcp, sound), Err(Error::OutOfAddresses));
    assert_blocks(dhcp.poll());
    assert_eq!(dhcp.lease(), Ok(None));

    lab.near.remove_address(ip(NEAR)).unwrap();
    let lease = next(&lab, &server, &mut dhcp, sound).unwrap().unwrap();
    assert_eq!(lease.address, cidr(LEASED, 24));
}

#[test]
fn a_medium_without_dhcp() {
    let ip_config = |config: &mut sockstate::Config| *config = sockstate::Config::ip(1);
    let lab = Lab::builder(7)
        .cable(Cable::ip())
        .configure_near(ip_config)
        .configure_far(ip_config)
        .build();
    assert_eq!(lab.near.dhcp().map(drop), Err(Error::HardwareAddress));

    let lab = Lab::builder(7).cable(Cable::ethernet().with_mtu(14 + 300)).build();
    lab.near.remove_address(ip(NEAR)).unwrap();
    assert_eq!(lab.near.dhcp().map(drop), Err(Error::DatagramTooLarge(272)));
}

#[test]
fn a_medium_that_carries_a_message_and_no_more() {
    static OPTIONS: [DhcpOption; 1] = [DhcpOption { kind: 12, data: b"thermometer" }];
    let lab = Lab::builder(7).cable(Cable::ethernet().with_mtu(14 + 328)).build();
    lab.near.remove_address(ip(NEAR)).unwrap();
    let mut config = DhcpConfig::default();
    config.options = &OPTIONS;
    assert_eq!(lab.near.dhcp_with(config).map(drop), Err(Error::DatagramTooLarge(300)));
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

#[test]
fn options_that_are_too_long() {
    static LONG: [u8; 256] = [0; 256];
    static ONE: [DhcpOption; 1] = [DhcpOption { kind: 60, data: &LONG }];
    static MOST: [DhcpOption; 2] = [DhcpOption { kind: 60, data: LONG.split_at(98).0 }; 2];
    static MORE: [DhcpOption; 2] = [
        DhcpOption { kind: 60, data: LONG.split_at(98).0 },
        DhcpOption { kind: 61, data: LONG.split_at(99).0 },
    ];
    let lab = lab();
    for options in [&ONE[..], &MORE] {
        let mut config = DhcpConfig::default();
        config.options = options;
        assert_eq!(lab.near.dhcp_with(config).map(drop), Err(Error::DatagramTooLarge(500)));
    }
    let mut config = DhcpConfig::default();
    config.options = &MOST;
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp_with(config).unwrap();
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

/// Its memory is for one client.
#[test]
fn memory_in_a_static_holds_one_client_after_the_other() {
    static STORAGE: ConstStaticCell<Storage<1, 1>> = ConstStaticCell::new(Storage::new());
    let (device, _far) = Plug::pair();
    let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    let stack = Stack::new(STORAGE.take(), device, VirtualClock::new(), config).unwrap();
    for _ in 0..3 {
        let dhcp = stack.dhcp().unwrap();
        assert_eq!(stack.poll(), Ok(true), "it asks");
        assert_eq!(stack.dhcp_with(DhcpConfig::default()).map(drop), Err(Error::AddressInUse));
        dhcp.stop().unwrap();
        assert_eq!(stack.poll(), Ok(false));
        assert_eq!(stack.poll_delay(), None);
    }
}

#[test]
fn within_a_closure_of_the_stack() {
    let lab = lab();
    let mut dhcp = lab.near.dhcp().unwrap();
    lab.near
        .with_device(|_| {
            assert_eq!(lab.near.dhcp().map(drop), Err(Error::Reentrant));
            assert_error(dhcp.poll(), Error::Reentrant);
            assert_eq!(dhcp.lease(), Err(Error::Reentrant));
        })
        .unwrap();
}

/// Who sets the address of the lease by hand has it from then on.
#[test]
fn an_address_that_is_set_during_its_lease_stays() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    lease(&lab, &server, &mut dhcp, leasing(LEASED, 60));
    lab.near.add_address(cidr(LEASED, 24)).unwrap();
    assert_eq!(next(&lab, &server, &mut dhcp, silent), Ok(None));
    assert_eq!(addresses(&lab), [cidr(LEASED, 24)]);
}

/// Who sleeps until the lease changes is woken by every change, once, and by the end of it all.
#[test]
fn a_change_wakes_who_waits_for_it() {
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let count = Arc::<Count>::default();
    let woken = || count.0.swap(0, Ordering::Relaxed);
    let waker = Waker::from(Arc::clone(&count));
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    dhcp.wake_on(&waker).unwrap();
    pass(&lab, &server, seconds(2), leasing(LEASED, 60));
    assert_eq!(woken(), 1, "a lease");
    dhcp.wake_on(&waker).unwrap();
    assert_eq!(woken(), 1, "it is there already");
    assert!(dhcp.poll().unwrap().is_some());
    dhcp.wake_on(&waker).unwrap();
    pass(&lab, &server, seconds(40), leasing(LEASED, 60));
    assert_eq!(woken(), 0, "renewed, it is the same");
    pass(&lab, &server, seconds(100), silent);
    assert_eq!(woken(), 1, "lost");
    assert_eq!(dhcp.poll(), Ok(None));
    dhcp.wake_on(&waker).unwrap();
    lab.near.dhcp().unwrap().stop().unwrap();
    assert_eq!(woken(), 1, "stopped");
    dhcp.wake_on(&waker).unwrap();
    assert_eq!(woken(), 1, "it stays stopped");
}
