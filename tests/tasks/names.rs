//! Dropped while a host is looked up, or a lease waited for.

use sockstate::{AddrType, Error, HostName, Unfinished};

use super::common::drive::sweep;
use super::common::drive::{Stop, drive, finish};
use super::common::name_server::{Asked, PTR, Server, address, pointer, reply};
use super::common::{FAR, slots, slow_cable};
use super::{assert_nothing_leaked, free};
use sockstate::testing::Lab;

/// A lab whose near stack asks the far one for names.
fn lab() -> Lab {
    let lab = Lab::builder(5).near(slots(4, 4)).far(slots(4, 4)).cable(slow_cable()).build();
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    lab
}

fn answer(asked: &Asked) -> Vec<Vec<u8>> {
    let record = match asked.kind {
        PTR => pointer(&asked.name, "host.test"),
        _ => address(&asked.name, "192.168.69.2"),
    };
    vec![reply(asked, 0, &[record])]
}

#[test]
fn a_look_up_is_dropped_with_its_future() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let look_up = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        let found = drive(&lab, stop, look_up.into_future(), || server.step(&lab, answer));
        assert!(found.is_none_or(|found| found == Ok(FAR.into())));
        assert_eq!(free(&lab.near), [4, 4]);
        drop(server);
        assert_nothing_leaked(&lab);
        found.is_some()
    });
}

#[test]
fn a_look_up_outlives_poll_all_async() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let mut look_up = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        let found = drive(&lab, stop, look_up.poll_all_async(), || server.step(&lab, answer));
        let again = finish(&lab, look_up.poll_all_async(), || server.step(&lab, answer)).unwrap();
        assert_eq!(again.as_slice(), [core::net::IpAddr::from(FAR)]);
        found.is_some()
    });
}

#[test]
fn a_name_is_dropped_with_its_future() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let look_up = lab.near.lookup_name(FAR.into()).unwrap();
        let found = drive(&lab, stop, look_up.into_future(), || server.step(&lab, answer));
        let done = found.is_some();
        assert!(found.is_none_or(|found| found == Ok(HostName::try_from("host.test").unwrap())));
        assert_eq!(free(&lab.near), [4, 4]);
        done
    });
}

#[test]
fn a_resolving_socket_outlives_poll_async() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
        let mut resolving = lab.near.tcp().unwrap().connect_by_name("host.test", 80).unwrap();
        let reached = drive(&lab, stop, resolving.poll_async(), || server.step(&lab, answer));
        let connecting = match resolving.finish() {
            Ok(connecting) => connecting,
            Err(Unfinished::Pending(resolving)) => {
                finish(&lab, resolving.into_future(), || server.step(&lab, answer)).unwrap()
            }
            Err(Unfinished::Failed(failed)) => panic!("{failed}"),
        };
        finish(&lab, connecting.into_future(), || {}).unwrap();
        drop((listener, server));
        assert_nothing_leaked(&lab);
        reached.is_some()
    });
}

#[test]
fn a_resolving_socket_is_dropped_with_its_future() {
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
        let connect = async {
            let socket = lab.near.tcp()?.connect_by_name("host.test", 80)?.await?.await?;
            Ok::<_, Error>(socket)
        };
        let connected = drive(&lab, stop, connect, || server.step(&lab, answer));
        let done = connected.is_some();
        drop((connected, listener, server));
        assert_nothing_leaked(&lab);
        done
    });
    sweep(|stop| {
        let lab = lab();
        let server = Server::new(&lab.far);
        let resolving = lab.near.udp().unwrap().connect_by_name("host.test", 123).unwrap();
        let connected = drive(&lab, stop, resolving.into_future(), || server.step(&lab, answer));
        let done = connected.is_some();
        drop((connected, server));
        assert_nothing_leaked(&lab);
        done
    });
}

#[test]
fn a_silent_server_ends_a_wait() {
    let lab = lab();
    let mut resolving = lab.near.tcp().unwrap().connect_by_name("host.test", 80).unwrap();
    // Nobody is there: the server's host refuses.
    assert_eq!(finish(&lab, resolving.poll_async(), || {}), Err(Error::NameServerFailed));
    lab.cable.cut();
    let look_up = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(finish(&lab, look_up.into_future(), || {}), Err(Error::TimedOut));
}

#[test]
fn a_datagram_socket_waits_for_the_address_of_its_host() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut resolving = lab.near.udp().unwrap().connect_by_name("host.test", 123).unwrap();
    assert_eq!(drive(&lab, Stop::AfterPolls(1), resolving.poll_async(), || {}), None);
    let reached = finish(&lab, resolving.poll_async(), || server.step(&lab, answer));
    assert_eq!(reached, Ok(()));
    let Ok(connected) = resolving.finish() else { panic!("it is not connected") };
    assert_eq!(connected.remote_endpoint(), Ok((FAR, 123).into()));
}
