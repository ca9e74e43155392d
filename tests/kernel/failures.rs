//! Connections that fail.

use super::*;

pub(crate) fn a_refused_socket_connects_elsewhere(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, open) = wire.kernel_listener();
    let (other_listener, closed) = wire.kernel_listener();
    drop(other_listener);
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));

    let failed = stack.tcp().unwrap().connect(closed).unwrap().wait().unwrap_err();
    let (socket, error) = failed.into_parts();
    assert_eq!(error, Error::Refused);

    let mut socket = socket.connect(open).unwrap().wait().unwrap();
    converse(&mut Blocking(&mut socket), wire.seed);
    close(socket);
    join(&stack, kernel);
}

/// A neighbour that does not exist, and a router that forwards nothing.
pub(crate) fn a_black_hole_ends_a_connect_in_time(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack_with(Heap::default(), |config| {
        config.deadlines.connect = Some(ours(SHORT));
    });
    stack.set_gateway(wire.kernel(0).ip()).unwrap();
    let elsewhere: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, 1).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    // Linux says of IPv6 that it has no route, and nothing of IPv4.
    let told = match family {
        Family::V4 => Error::TimedOut,
        Family::V6 => Error::Unreachable,
    };
    for (black_hole, end) in [(wire.host(99), Error::TimedOut), (elsewhere, told)] {
        let start = Instant::now();
        let connecting = stack.tcp().unwrap().connect((black_hole, 80).into()).unwrap();
        assert_eq!(connecting.wait().unwrap_err().error(), end);
        if end == Error::TimedOut {
            assert_took_short(start);
        }
    }
}

pub(crate) fn a_kernel_reset_ends_our_sending(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        stream.read_exact(&mut vec![0; MIB as usize]).unwrap();
        reset(stream);
    });

    let mut socket = connect(&stack, server);
    assert_eq!(pour_until_it_fails(&mut socket), Error::Reset);
    assert_eq!(socket.receive(&mut [0; 16]), Err(nb::Error::Other(Error::Reset)));
    assert_eq!(socket.close().wait().unwrap_err().error(), Error::Reset);
    join(&stack, kernel);
}

pub(crate) fn a_kernel_reset_ends_our_receiving(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, seed) = (wire.our(PORT), wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_connect(server);
        pour(&mut stream, MIB, seed).unwrap();
        reset(stream);
    });

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let error = drain(&mut Blocking(&mut socket)).unwrap_err();
    assert_eq!(reason(&error), Error::Reset);
    assert_eq!(socket.send(b"anybody?"), Err(nb::Error::Other(Error::Reset)));
    join(&stack, kernel);
}

pub(crate) fn our_abort_resets_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || {
        let received = kernel_accept(&listener).read(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(received, Err(ErrorKind::ConnectionReset));
    });

    connect(&stack, server).abort();
    join(&stack, kernel);
}

pub(crate) fn a_vanished_peer_ends_our_sending(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        stream.read_exact(&mut vec![0; MIB as usize]).unwrap();
        stream
    });

    let mut socket = connect(&stack, server);
    socket.set_timeout(Some(ours(SHORT))).unwrap();
    // Probes that are far away have no part in this.
    socket.set_keep_alive(Some(ours(LIMIT))).unwrap();
    pour(&mut Blocking(&mut socket), MIB, wire.seed).unwrap();
    let _peer = join(&stack, kernel);
    wire.unplug();
    let start = Instant::now();
    assert_eq!(pour_until_it_fails(&mut socket), Error::TimedOut);
    assert_took_short(start);
}

pub(crate) fn keep_alive_keeps_a_silent_peer_and_gives_up_a_vanished_one(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || kernel_accept(&listener));

    let mut socket = connect(&stack, server);
    let _peer = join(&stack, kernel);
    socket.set_timeout(Some(ours(SHORT))).unwrap();
    socket.set_keep_alive(Some(ours(SHORT / 4))).unwrap();
    let mut buffer = [0; 16];
    run_for(&stack, 2 * SHORT);
    assert_eq!(socket.receive(&mut buffer), Err(nb::Error::WouldBlock));

    wire.unplug();
    let start = Instant::now();
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Err(Error::TimedOut));
    assert_took_short(start);
}

/// The peer owes nothing before the first probe.
pub(crate) fn a_silent_peer_is_not_given_up_before_the_first_probe(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || kernel_accept(&listener));

    let mut socket = connect(&stack, server);
    let _peer = join(&stack, kernel);
    socket.set_timeout(Some(ours(SHORT / 4))).unwrap();
    socket.set_keep_alive(Some(ours(SHORT))).unwrap();
    run_for(&stack, 2 * SHORT);
    assert_eq!(socket.receive(&mut [0; 16]), Err(nb::Error::WouldBlock));
}

/// Its window is closed, but it answers when asked whether it still is.
pub(crate) fn a_peer_that_does_not_read_is_not_given_up(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let (read_on, told_to_read_on) = mpsc::channel();
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        told_to_read_on.recv_timeout(LIMIT).unwrap();
        drain(&mut stream).unwrap()
    });

    let mut socket = connect(&stack, server);
    socket.set_timeout(Some(ours(SHORT))).unwrap();
    let mut sent = Tally::default();
    let end = Instant::now() + 5 * SHORT;
    until(&stack, || {
        let block = [0x5a; 4_096];
        match socket.send(&block) {
            Ok(n) => sent.add(&block[..n]),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => panic!("given up: {error}"),
        }
        Instant::now() >= end
    });
    assert_eq!(socket.send(b"more"), Err(nb::Error::WouldBlock));
    read_on.send(()).unwrap();
    close(socket);
    assert_eq!(join(&stack, kernel), sent.done());
}

pub(crate) fn the_link_goes_down_and_up(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut our_listener = listen(&stack, 1);
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || (kernel_accept(&listener), listener));
    let mut socket = connect(&stack, server);
    let (mut peer, listener) = join(&stack, kernel);
    peer.write_all(b"last words").unwrap();
    until(&stack, || socket.receive_queue() == Ok(10));

    wire.unplug();
    stack.link_down().unwrap();
    assert_eq!(stack.block(|| socket.send(b"anybody?")), Err(Error::LinkDown));
    let mut buffer = [0; 16];
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Ok(10));
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Err(Error::LinkDown));
    let failed = stack.tcp().unwrap().connect(server).unwrap_err();
    assert_eq!(failed.error(), Error::LinkDown);

    wire.plug();
    stack.link_up().unwrap();
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));
    let mut socket = connect(&stack, server);
    converse(&mut Blocking(&mut socket), wire.seed);
    close(socket);
    join(&stack, kernel);

    let server = wire.our(PORT);
    let kernel = thread::spawn(move || ask(&mut kernel_connect(server), 1));
    let (mut socket, _) = stack.block(|| our_listener.accept()).unwrap();
    answer(&mut Blocking(&mut socket));
    close(socket);
    join(&stack, kernel);
}
