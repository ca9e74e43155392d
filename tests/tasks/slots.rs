//! Slots that run out while a task waits.

use embedded_nal_async::{Dns, TcpConnect, UdpStack};
use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error, Net, Protocol};

use super::common::drive::sweep;
use super::common::drive::{Stop, drive, finish};
use super::common::{far, near, pattern, read_to_end, slots, slow_cable};

/// A near stack with one slot of each protocol.
fn lab() -> Lab {
    Lab::builder(5).near(slots(1, 1)).far(slots(4, 4)).cable(slow_cable()).build()
}

#[test]
fn a_client_with_one_slot_closes_and_connects_in_one_breath() {
    let data = pattern(3_000);
    sweep(|stop| {
        let lab = lab();
        let net: &Net = &lab.near;
        let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
        let mut first = finish(&lab, TcpConnect::connect(&net, far(80)), || {}).unwrap();
        assert_eq!(first.send(&data), Ok(data.len()));
        drop(first);
        let (mut peer, _) = finish(&lab, listener.accept_async(), || {});
        let mut received = Vec::new();
        let mut open = true;
        let mut peers = || {
            let mut buffer = [0; 999];
            match peer.receive(&mut buffer) {
                Ok(size) => received.extend_from_slice(&buffer[..size]),
                Err(sockstate::nb::Error::Other(Error::PeerClosed)) if open => open = false,
                _ => {}
            }
        };
        let second = drive(&lab, stop, TcpConnect::connect(&net, far(80)), &mut peers);
        let done = second.is_some();
        // Whoever did not wait to the end left no place behind, and took none with it.
        let mut second = second
            .unwrap_or_else(|| finish(&lab, TcpConnect::connect(&net, far(80)), &mut peers))
            .expect("there is a slot in the end");
        second.send(b"second").unwrap();
        drop(second);
        assert_eq!(received, data);
        loop {
            let (mut peer, _) = finish(&lab, listener.accept_async(), || {});
            // Those that were dropped while they connected were accepted, perhaps.
            if read_to_end(&lab, &mut peer).0 == b"second" {
                break done;
            }
        }
    });
}

#[test]
fn a_connection_in_time_wait_makes_room_at_once() {
    let lab = lab();
    let net: &Net = &lab.near;
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let first = finish(&lab, TcpConnect::connect(&net, far(80)), || {}).unwrap();
    let (mut peer, _) = finish(&lab, listener.accept_async(), || {});
    drop(first);
    // The peer closes when it hears of it, and our side is the one that has to stay.
    let start = lab.clock.time();
    assert_eq!(finish(&lab, peer.receive_async(&mut [0; 8]), || {}), Err(Error::PeerClosed));
    let mut peer = Some(peer);
    finish(&lab, TcpConnect::connect(&net, far(80)), || drop(peer.take())).unwrap();
    assert!(lab.clock.time() - start < Duration::from_secs(1));
}

#[test]
fn without_a_slot_to_come_there_is_nothing_to_wait_for() {
    let lab = lab();
    let net: &Net = &lab.near;
    let _held = (net.tcp().unwrap(), net.udp().unwrap());
    let full = Err(Error::OutOfSlots(Protocol::Tcp));
    assert_eq!(
        drive(&lab, Stop::AfterPolls(1), TcpConnect::connect(&net, far(80)), || {})
            .map(|c| c.map(drop)),
        Some(full)
    );
    let full = Error::OutOfSlots(Protocol::Udp);
    let bound =
        drive(&lab, Stop::AfterPolls(1), net.bind_single("0.0.0.0:0".parse().unwrap()), || {});
    assert_eq!(bound.map(|bound| bound.map(drop)), Some(Err(full)));
    net.set_dns_servers(&[super::common::FAR.into()]).unwrap();
    let found = drive(
        &lab,
        Stop::AfterPolls(1),
        net.get_host_by_name("host.test", embedded_nal::AddrType::IPv4),
        || {},
    );
    assert_eq!(found, Some(Err(full)));
}

#[test]
fn no_more_tasks_wait_than_there_is_room_for() {
    let lab = Lab::builder(5).near(slots(1, 1)).far(slots(4, 4)).cable(slow_cable()).build();
    let net: &Net = &lab.near;
    let mut socket = net.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"this takes a while: the neighbour is not known").unwrap();
    drop(socket);
    let mut waiting: Vec<_> =
        (0..5).map(|_| Box::pin(net.bind_multiple("0.0.0.0:0".parse().unwrap()))).collect();
    let (_, waker) = super::common::drive::Bell::new();
    let mut cx = std::task::Context::from_waker(&waker);
    let polled: Vec<_> = waiting.iter_mut().map(|future| future.as_mut().poll(&mut cx)).collect();
    assert!(polled[..4].iter().all(|poll| poll.is_pending()));
    assert!(matches!(&polled[4], std::task::Poll::Ready(Err(Error::OutOfSlots(Protocol::Udp)))));
    // One that goes makes room for another.
    drop(waiting.remove(0));
    let mut sixth = Box::pin(net.bind_multiple("0.0.0.0:0".parse().unwrap()));
    assert!(sixth.as_mut().poll(&mut cx).is_pending());
}

#[test]
fn of_two_that_wait_for_one_slot_one_gets_it() {
    let lab = lab();
    let net: &Net = &lab.near;
    let mut socket = net.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"hello").unwrap();
    drop(socket);
    let any = || net.bind_multiple("0.0.0.0:0".parse().unwrap());
    let both = finish(&lab, join(any(), any()), || {});
    let (one, other) = (both.0.map(drop), both.1.map(drop));
    // The second one was told when the first had it, and nobody was going to leave a slot.
    assert_eq!((one, other), (Ok(()), Err(Error::OutOfSlots(Protocol::Udp))));
}

#[test]
fn a_connection_that_finds_no_slot_is_accepted_later() {
    let lab = Lab::builder(5).near(slots(2, 1)).far(slots(4, 4)).cable(slow_cable()).build();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let clients = [1, 2].map(|_| lab.far.tcp().unwrap().connect(near(80)).unwrap());
    let (first, _) = finish(&lab, listener.accept_async(), || {});
    // The last slot is the listener's own, until this one is gone.
    let (mut first, mut steps) = (Some(first), 0);
    let (second, _) = finish(&lab, listener.accept_async(), || {
        steps += 1;
        if steps == 100 {
            drop(first.take());
        }
    });
    assert!(steps >= 100, "{steps}");
    drop((clients, second));
}

#[test]
fn a_backlog_grows_again_while_a_task_waits() {
    let lab = Lab::builder(5).near(slots(3, 1)).far(slots(8, 1)).cable(slow_cable()).build();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connect = || lab.far.tcp().unwrap().connect(near(80)).unwrap();
    let mut first = Vec::new();
    for _ in 0..2 {
        let client = connect();
        first.push((client, finish(&lab, listener.accept_async(), || {})));
    }
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(0));
    // One slot is left to the listener; the others come back while it waits.
    let (mut first, mut clients, mut began) = (Some(first), Vec::new(), None);
    let second = finish(&lab, listener.accept_async(), || {
        drop(first.take());
        if lab.near.free_slots(Protocol::Tcp) == Ok(1) && began.is_none() {
            began = Some(lab.clock.time());
            clients = vec![connect(), connect()];
        }
    });
    let third = finish(&lab, listener.accept_async(), || {});
    // Neither had to ask twice.
    assert!(lab.clock.time() - began.unwrap() < Duration::from_millis(500));
    drop((second, third));
}

#[test]
fn who_waits_for_a_slot_is_not_woken_by_another_protocol() {
    let lab = Lab::builder(5).near(slots(1, 2)).far(slots(4, 4)).cable(slow_cable()).build();
    let net: &Net = &lab.near;
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    drop(finish(&lab, TcpConnect::connect(&net, far(80)), || {}).unwrap());
    let (bell, waker) = super::common::drive::Bell::new();
    let mut waits = Box::pin(TcpConnect::connect(&net, far(80)));
    assert!(waits.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(net.udp().unwrap().bind(9).unwrap());
    assert_eq!(bell.rang(), 0);
}

#[test]
fn a_name_is_looked_up_when_there_is_a_slot() {
    let lab = lab();
    let net: &Net = &lab.near;
    net.set_dns_servers(&[super::common::FAR.into()]).unwrap();
    let server = super::common::name_server::Server::new(&lab.far);
    let mut socket = net.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"hello").unwrap();
    drop(socket);
    let found =
        finish(&lab, net.get_host_by_name("host.test", embedded_nal::AddrType::IPv4), || {
            server.step(&lab, |asked| {
                let known = super::common::name_server::address(&asked.name, "192.168.69.9");
                vec![super::common::name_server::reply(asked, 0, &[known])]
            });
        });
    assert_eq!(found, Ok("192.168.69.9".parse().unwrap()));
    assert_eq!(
        net.lookup("192.168.69.2", AddrType::Either).unwrap().wait(),
        Ok(super::common::FAR.into())
    );
}

/// Both results of two futures.
async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut left, mut right) = (None, None);
    std::future::poll_fn(|cx| {
        if left.is_none()
            && let std::task::Poll::Ready(output) = a.as_mut().poll(cx)
        {
            left = Some(output);
        }
        if right.is_none()
            && let std::task::Poll::Ready(output) = b.as_mut().poll(cx)
        {
            right = Some(output);
        }
        match (left.take(), right.take()) {
            (Some(left), Some(right)) => std::task::Poll::Ready((left, right)),
            (some_left, some_right) => {
                (left, right) = (some_left, some_right);
                std::task::Poll::Pending
            }
        }
    })
    .await
}
