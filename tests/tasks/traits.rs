//! Dropped in the middle of a call of a trait: embedded-nal-async and edge-nal.

use edge_nal::{
    Close, Readable, TcpAccept, TcpBind, TcpShutdown, UdpBind, UdpReceive, UdpSend, UdpSplit,
};
use embedded_nal_async::{ConnectedUdp, UdpStack, UnconnectedUdp};
use sockstate::{Error, Net, edge, nb};

use super::common::drive::sweep;
use super::common::drive::{Stop, drive, finish};
use super::common::name_server::{Server, pointer, reply};
use super::common::{FAR, far, near, pattern};
use super::{assert_nothing_leaked, lab};

#[test]
fn embedded_nal_async_tcp_connect() {
    use embedded_nal_async::TcpConnect;
    sweep(|stop| {
        let lab = lab();
        let net: &Net = &lab.near;
        let listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let connected = drive(&lab, stop, TcpConnect::connect(&net, far(80)), || {});
        let done = connected.is_some();
        assert!(connected.is_none_or(|connected| connected.is_ok()));
        drop(listener);
        assert_nothing_leaked(&lab);
        done
    });
}

#[test]
fn embedded_nal_async_udp() {
    sweep(|stop| {
        let lab = lab();
        let net: &Net = &lab.near;
        let connect = UdpStack::connect(&net, far(7));
        let (local, mut socket) = finish(&lab, connect, || {}).unwrap();
        let bind = net.bind_single("0.0.0.0:8".parse().unwrap());
        let (other, mut bound) = finish(&lab, bind, || {}).unwrap();
        let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
        peer.send_to(b"to one", local).unwrap();
        peer.send_to(b"to the other", other).unwrap();
        let mut buffer = [0; 4];
        let first = drive(&lab, stop, socket.receive_into(&mut buffer), || {});
        let second = drive(&lab, stop, bound.receive_into(&mut buffer), || {});
        let done = first.is_some() && second.is_some();
        let size = first.unwrap_or_else(|| finish(&lab, socket.receive_into(&mut buffer), || {}));
        assert_eq!(size, Ok(6));
        let size = second.unwrap_or_else(|| finish(&lab, bound.receive_into(&mut buffer), || {}));
        assert_eq!(size, Ok((12, near(8), far(7))));
        let any = "[::]:0".parse().unwrap();
        let mut send = async || UnconnectedUdp::send(&mut bound, any, far(7), b"back").await;
        if drive(&lab, stop, send(), || {}).is_none() {
            finish(&lab, send(), || {}).unwrap();
        }
        let received = finish(&lab, peer.receive_from_async(&mut [0; 8]), || {});
        assert_eq!(received, Ok((4, near(8))));
        drop((socket, bound, peer));
        assert_nothing_leaked(&lab);
        done
    });
}

/// From one of the socket's own addresses and its own port, or from where the stack chooses.
#[test]
fn embedded_nal_async_udp_sends_from_addresses_of_the_socket() {
    let lab = lab();
    let net: &Net = &lab.near;
    let any = net.bind_multiple("0.0.0.0:8".parse().unwrap());
    let mut any = finish(&lab, any, || {}).unwrap();
    let (_, mut one) = finish(&lab, net.bind_single(near(9)), || {}).unwrap();
    for (local, remote, expected) in [
        ("192.168.69.1:8", "192.168.69.2:7", Ok(())),
        ("192.168.69.1:0", "192.168.69.2:7", Ok(())),
        ("0.0.0.0:8", "192.168.69.2:7", Ok(())),
        ("[::]:0", "192.168.69.2:7", Ok(())),
        ("224.0.0.1:8", "192.168.69.2:7", Ok(())),
        ("192.168.69.255:8", "192.168.69.2:7", Ok(())),
        ("255.255.255.255:8", "192.168.69.2:7", Ok(())),
        ("[fd00::1]:8", "[fd00::2]:7", Ok(())),
        ("192.168.69.1:9", "192.168.69.2:7", Err(Error::AddressNotAvailable)),
        ("0.0.0.0:9", "192.168.69.2:7", Err(Error::AddressNotAvailable)),
        ("192.168.69.9:8", "192.168.69.2:7", Err(Error::AddressNotAvailable)),
        ("[fd00::1]:8", "192.168.69.2:7", Err(Error::AddressFamily)),
    ] {
        let (from, to) = (local.parse().unwrap(), remote.parse().unwrap());
        let sent = finish(&lab, UnconnectedUdp::send(&mut any, from, to, b"hello"), || {});
        assert_eq!(sent, expected, "{local} to {remote}");
    }
    for (local, expected) in
        [("192.168.69.1:9", Ok(())), ("[fd00::1]:9", Err(Error::AddressNotAvailable))]
    {
        let from = local.parse().unwrap();
        let sent = finish(&lab, UnconnectedUdp::send(&mut one, from, far(7), b"hello"), || {});
        assert_eq!(sent, expected, "{local}");
    }
}

/// Of two addresses, each can be the one that it comes from.
#[test]
fn embedded_nal_async_udp_answers_come_from_where_they_are_told_to() {
    let lab = lab();
    let net: &Net = &lab.near;
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    lab.near.add_address("192.168.69.5/24".parse().unwrap()).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut any = finish(&lab, net.bind_multiple("0.0.0.0:8".parse().unwrap()), || {}).unwrap();
    for local in ["192.168.69.1:8", "192.168.69.5:8"] {
        let from = local.parse().unwrap();
        let send = UnconnectedUdp::send(&mut any, from, far(7), b"hello");
        finish(&lab, send, || {}).unwrap();
        let received = finish(&lab, peer.receive_from_async(&mut [0; 8]), || {});
        assert_eq!(received, Ok((5, from)));
    }
}

/// One that is known beyond the link, if there is one.
#[test]
fn embedded_nal_async_udp_is_bound_to_an_address_that_others_know() {
    let lab = lab();
    let net: &Net = &lab.near;
    for own in ["fd00::1", "192.168.69.1"] {
        lab.near.remove_address(own.parse().unwrap()).unwrap();
    }
    lab.near.add_address("fe80::1/64".parse().unwrap()).unwrap();
    let bind = || net.bind_single("[::]:8".parse().unwrap());
    let (local, socket) = finish(&lab, bind(), || {}).unwrap();
    assert_eq!(local, "[fe80::1]:8".parse().unwrap());
    drop(socket);
    lab.near.add_address("fd00::1/64".parse().unwrap()).unwrap();
    let (local, _socket) = finish(&lab, bind(), || {}).unwrap();
    assert_eq!(local, "[fd00::1]:8".parse().unwrap());
}

#[test]
fn edge_nal_accept_in_several_tasks() {
    // Three tasks wait; one of them is dropped at every point, and the others get the clients.
    sweep(|stop| {
        let lab = lab();
        let net: &Net = &lab.near;
        let acceptor = finish(&lab, TcpBind::bind(&net, near(80)), || {}).unwrap();
        let clients = [1, 2].map(|_| lab.far.tcp().unwrap().connect(near(80)).unwrap());
        let mut waiting = [1, 2].map(|_| Box::pin(acceptor.accept()));
        let (_, waker) = super::common::drive::Bell::new();
        let mut cx = std::task::Context::from_waker(&waker);
        let mut accepted = Vec::new();
        let mut others = |accepted: &mut Vec<_>| {
            for future in &mut waiting {
                if let std::task::Poll::Ready(connection) = future.as_mut().poll(&mut cx) {
                    accepted.push(connection.unwrap().1);
                    *future = Box::pin(acceptor.accept());
                }
            }
        };
        let first = drive(&lab, stop, acceptor.accept(), || others(&mut accepted));
        let done = first.is_some() || accepted.len() == 2;
        accepted.extend(first.map(|connection| connection.unwrap().1));
        for _ in 0..200 {
            others(&mut accepted);
            lab.step();
        }
        assert_eq!(accepted.len(), 2);
        drop(waiting);
        drop((accepted, clients, acceptor));
        assert_nothing_leaked(&lab);
        done
    });
}

#[test]
fn edge_nal_close_in_the_middle() {
    let data = pattern(3_000);
    for what in [Close::Write, Close::Both] {
        sweep(|stop| {
            let lab = lab();
            let net: &Net = &lab.near;
            let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
            let connect = edge_nal::TcpConnect::connect(&net, far(80));
            let mut connection = finish(&lab, connect, || {}).unwrap();
            let (mut peer, _) = finish(&lab, listener.accept_async(), || {});
            assert_eq!(connection.socket().unwrap().send(&data), Ok(data.len()));
            let mut received = (Vec::new(), None);
            let mut peer_reads = || {
                let mut buffer = [0; 999];
                match peer.receive(&mut buffer) {
                    Ok(size) => received.0.extend_from_slice(&buffer[..size]),
                    Err(nb::Error::Other(end)) => received.1 = Some(end),
                    Err(nb::Error::WouldBlock) => {}
                }
            };
            let closed = drive(&lab, stop, connection.close(what), &mut peer_reads);
            // It can be asked for again.
            if closed.is_none() {
                let again =
                    drive(&lab, Stop::AfterSteps(60), connection.close(what), &mut peer_reads);
                assert!(what == Close::Both || again == Some(Ok(())));
            }
            for _ in 0..50 {
                peer_reads();
                lab.step();
            }
            assert_eq!(received.1, Some(Error::PeerClosed));
            assert!(received.0 == data);
            drop((peer, connection, listener));
            assert_nothing_leaked(&lab);
            closed.is_some()
                || matches!(stop, Stop::AfterPolls(n) | Stop::AfterSteps(n) if what == Close::Both && n > 40)
        });
    }
}

#[test]
fn edge_nal_close_then_abort_loses_nothing() {
    let data = pattern(3_000);
    let lab = lab();
    let net: &Net = &lab.near;
    let acceptor = finish(&lab, TcpBind::bind(&net, near(80)), || {}).unwrap();
    let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    let (_, mut connection) = finish(&lab, acceptor.accept(), || {}).unwrap();
    let mut client = finish(&lab, client.into_future(), || {}).unwrap();
    let serve = async {
        embedded_io_async::Write::write_all(&mut connection, &data).await?;
        connection.close(Close::Both).await?;
        connection.abort().await
    };
    let (mut received, mut end) = (Vec::new(), None);
    finish(&lab, serve, || {
        let mut buffer = [0; 700];
        loop {
            match client.receive(&mut buffer) {
                Ok(size) => received.extend_from_slice(&buffer[..size]),
                Err(nb::Error::Other(error)) => {
                    end.get_or_insert(error);
                    break;
                }
                Err(nb::Error::WouldBlock) => break,
            }
        }
    })
    .unwrap();
    assert_eq!(end, Some(Error::PeerClosed));
    assert!(received == data);
}

#[test]
fn edge_nal_abort_resets_what_is_not_over_and_nothing_else() {
    for (over, what) in [(false, Close::Both), (true, Close::Both), (true, Close::Write)] {
        let lab = lab();
        let net: &Net = &lab.near;
        let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let mut connection =
            finish(&lab, edge_nal::TcpConnect::connect(&net, far(80)), || {}).unwrap();
        let (peer, _) = finish(&lab, listener.accept_async(), || {});
        let mut peer = Some(peer);
        if over {
            let closed = finish(&lab, connection.close(what), || drop(peer.take()));
            assert_eq!(closed, Ok(()));
            lab.run_for(sockstate::Duration::from_millis(500));
        } else {
            assert_eq!(
                drive(&lab, Stop::AfterPolls(1), connection.close(Close::Both), || {}),
                None
            );
        }
        let heard = lab.far.statistics().unwrap().frames_received;
        finish(&lab, connection.abort(), || {}).unwrap();
        lab.run_for(sockstate::Duration::from_millis(100));
        match &mut peer {
            Some(peer) => assert_eq!(peer.receive(&mut [0; 8]), Err(Error::Reset.into())),
            None => assert_eq!(lab.far.statistics().unwrap().frames_received, heard),
        }
    }
}

#[test]
fn edge_nal_udp_halves() {
    sweep(|stop| {
        let lab = lab();
        let net: &Net = &lab.near;
        let bind = UdpBind::bind(&net, "0.0.0.0:7".parse().unwrap());
        let mut socket: edge::UdpEndpoint<'_> = finish(&lab, bind, || {}).unwrap();
        let (mut receiver, mut sender) = socket.split();
        let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
        finish(&lab, sender.send(far(7), b"question"), || {}).unwrap();
        let (_, from) = finish(&lab, peer.receive_from_async(&mut [0; 8]), || {}).unwrap();
        peer.send_to(b"answer", from).unwrap();
        let readable = drive(&lab, stop, receiver.readable(), || {});
        let received = drive(&lab, stop, receiver.receive(&mut [0; 8]), || {});
        let done = readable.is_some() && received.is_some();
        let received =
            received.unwrap_or_else(|| finish(&lab, receiver.receive(&mut [0; 8]), || {}));
        assert_eq!(received, Ok((6, far(7))));
        drop((socket, peer));
        assert_nothing_leaked(&lab);
        done
    });
}

#[test]
fn edge_nal_reads_and_writes_at_once() {
    use edge_nal::TcpSplit;
    let data = pattern(30_000);
    let lab = lab();
    let net: &Net = &lab.near;
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connect = edge_nal::TcpConnect::connect(&net, far(80));
    let mut connection = finish(&lab, connect, || {}).unwrap();
    let (mut peer, _) = finish(&lab, listener.accept_async(), || {});
    let (mut reader, mut writer) = connection.split();
    let mut echoed = Vec::new();
    let both = async {
        let mut write = std::pin::pin!(embedded_io_async::Write::write_all(&mut writer, &data));
        let mut written = false;
        while echoed.len() < data.len() {
            let mut buffer = [0; 512];
            let size = {
                let mut read =
                    std::pin::pin!(embedded_io_async::Read::read(&mut reader, &mut buffer));
                let both = std::future::poll_fn(|cx| {
                    written = written || write.as_mut().poll(cx).is_ready();
                    read.as_mut().poll(cx)
                });
                both.await.unwrap()
            };
            echoed.extend_from_slice(&buffer[..size]);
        }
    };
    let mut pending = Vec::new();
    finish(&lab, both, || {
        let mut buffer = [0; 512];
        if pending.is_empty()
            && let Ok(size) = peer.receive(&mut buffer)
        {
            pending.extend_from_slice(&buffer[..size]);
        }
        if let Ok(size) = peer.send(&pending) {
            pending.drain(..size);
        }
    });
    assert_eq!(echoed, data);
}

#[test]
fn embedded_nal_async_binds_to_the_address_that_is_given() {
    let lab = lab();
    // There is room for two.
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    lab.near.add_address("192.168.69.3/24".parse().unwrap()).unwrap();
    let net: &Net = &lab.near;
    let [one, other] = [7_000, 7_001].map(|port| ([192, 168, 69, 3], port).into());
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();

    let (local, mut socket) = finish(&lab, net.connect_from(one, far(7)), || {}).unwrap();
    assert_eq!(local, one);
    finish(&lab, ConnectedUdp::send(&mut socket, b"hello"), || {}).unwrap();
    assert_eq!(finish(&lab, peer.receive_from_async(&mut [0; 8]), || {}), Ok((5, one)));

    let (local, mut socket) = finish(&lab, net.bind_single(other), || {}).unwrap();
    assert_eq!(local, other);
    let sent = UnconnectedUdp::send(&mut socket, other, far(7), b"hello");
    finish(&lab, sent, || {}).unwrap();
    assert_eq!(finish(&lab, peer.receive_from_async(&mut [0; 8]), || {}), Ok((5, other)));
}

#[test]
fn embedded_nal_async_and_edge_nal_find_the_name_of_an_address() {
    let lab = lab();
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let server = Server::new(&lab.far);
    let answer = || {
        server.step(&lab, |asked| vec![reply(asked, 0, &[pointer(&asked.name, "host.test")])]);
    };
    let net: &Net = &lab.near;
    let addr = "10.0.0.7".parse().unwrap();
    let mut name = [0; 12];
    let found = embedded_nal_async::Dns::get_host_by_address(&net, addr, &mut name);
    assert_eq!(finish(&lab, found, answer), Ok(9));
    assert_eq!(&name[..9], b"host.test");
    let found = edge_nal::Dns::get_host_by_address(&net, addr, &mut name[..8]);
    assert_eq!(finish(&lab, found, answer), Err(Error::Truncated(9)));
    let mut name = [0; 12];
    let found = edge_nal::Dns::get_host_by_address(&net, addr, &mut name);
    assert_eq!(finish(&lab, found, answer), Ok(9));
    assert_eq!(&name[..9], b"host.test");
}
