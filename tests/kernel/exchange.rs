//! Exchanging data.

use super::*;

pub(crate) fn our_tcp_client_and_a_kernel_server(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));

    let mut socket = connect(&stack, server);
    converse(&mut Blocking(&mut socket), wire.seed);
    close(socket);
    join(&stack, kernel);
}

pub(crate) fn a_kernel_tcp_client_and_our_server(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, seed) = (wire.our(PORT), wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_connect(server);
        converse(&mut stream, seed);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(drain(&mut stream).unwrap().bytes, 0);
        stream.local_addr().unwrap()
    });

    let (mut socket, client) = stack.block(|| listener.accept()).unwrap();
    assert_eq!(socket.remote_endpoint(), Ok(client));
    echo(&mut Blocking(&mut socket));
    close(socket);
    assert_eq!(join(&stack, kernel), client);
}

pub(crate) fn our_udp_client_and_a_kernel_server(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (kernel_socket, server) = wire.kernel_udp();
    let sizes = wire.datagram_sizes();
    let kernel = thread::spawn(move || {
        let mut buffer = [0; 2_048];
        for _ in 0..2 * sizes.len() {
            let (size, from) = kernel_socket.recv_from(&mut buffer).unwrap();
            kernel_socket.send_to(&buffer[..size], from).unwrap();
        }
    });

    let mut random = Random(wire.seed);
    let mut buffer = [0; 2_048];
    let mut socket = stack.udp().unwrap().bind(PORT).unwrap();
    for size in sizes {
        let datagram = random.bytes(size);
        stack.block(|| socket.send_to(&datagram, server)).unwrap();
        let received = stack.block(|| socket.receive_from(&mut buffer));
        assert_eq!(received, Ok((size, server)));
        assert!(buffer[..size] == datagram);
    }
    let mut socket = socket.connect(server).unwrap();
    for size in sizes {
        let datagram = random.bytes(size);
        stack.block(|| socket.send(&datagram)).unwrap();
        assert_eq!(stack.block(|| socket.receive(&mut buffer)), Ok(size));
        assert!(buffer[..size] == datagram);
    }
    join(&stack, kernel);
}

pub(crate) fn a_kernel_udp_client_and_our_server(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut socket = stack.udp().unwrap().bind(PORT).unwrap();
    let (kernel_socket, client) = wire.kernel_udp();
    let (server, sizes, mut random) = (wire.our(PORT), wire.datagram_sizes(), Random(wire.seed));
    let kernel = thread::spawn(move || {
        let mut buffer = [0; 2_048];
        kernel_socket.connect(server).unwrap();
        for size in sizes {
            let datagram = random.bytes(size);
            kernel_socket.send(&datagram).unwrap();
            assert_eq!(kernel_socket.recv(&mut buffer).unwrap(), size);
            assert!(buffer[..size] == datagram);
        }
    });

    let mut buffer = [0; 2_048];
    for size in sizes {
        assert_eq!(stack.block(|| socket.receive_from(&mut buffer)), Ok((size, client)));
        stack.block(|| socket.send_to(&buffer[..size], client)).unwrap();
    }
    join(&stack, kernel);
}

/// As many datagrams as both sides have room for, one after the other, before any is received.
pub(crate) fn datagrams_in_a_burst(family: Family) {
    const BURST: u8 = 32;
    const SIZE: usize = 1_000;
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut socket = stack.udp().unwrap().bind(PORT).unwrap();
    let (kernel_socket, kernel) = wire.kernel_udp();

    for number in 0..BURST {
        kernel_socket.send_to(&[number; SIZE], wire.our(PORT)).unwrap();
    }
    for number in 0..BURST {
        let mut buffer = [0; SIZE];
        assert_eq!(stack.block(|| socket.receive_from(&mut buffer)), Ok((SIZE, kernel)));
        assert_eq!(buffer, [number; SIZE]);
    }

    for number in 0..BURST {
        stack.block(|| socket.send_to(&[number; SIZE], kernel)).unwrap();
    }
    stack.block(|| socket.flush()).unwrap();
    for number in 0..BURST {
        let mut buffer = [0; SIZE];
        assert_eq!(kernel_socket.recv(&mut buffer).unwrap(), SIZE);
        assert_eq!(buffer, [number; SIZE]);
    }
}

pub(crate) fn a_connected_udp_socket_hears_its_peer_only(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (peer, peer_addr) = wire.kernel_udp();
    let (stranger, _) = wire.kernel_udp();
    let mut socket = stack.udp().unwrap().bind(PORT).unwrap().connect(peer_addr).unwrap();
    let ours = wire.our(PORT);

    let kernel = thread::spawn(move || {
        stranger.connect(ours).unwrap();
        stranger.send(b"stranger").unwrap();
        let answer = stranger.recv(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(answer, Err(ErrorKind::ConnectionRefused));
        peer.send_to(b"peer", ours).unwrap();
    });

    let mut buffer = [0; 16];
    assert_eq!(stack.block(|| socket.receive(&mut buffer)), Ok(4));
    assert_eq!(&buffer[..4], b"peer");
    join(&stack, kernel);
}

pub(crate) fn closed_ports_refuse_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (udp, _) = wire.kernel_udp();
    let ours = wire.our(PORT);
    let kernel = thread::spawn(move || {
        let connected = TcpStream::connect_timeout(&ours, PATIENCE).map_err(|error| error.kind());
        assert_eq!(connected.err(), Some(ErrorKind::ConnectionRefused));
        udp.connect(ours).unwrap();
        udp.send(b"anybody?").unwrap();
        let answer = udp.recv(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(answer, Err(ErrorKind::ConnectionRefused));
    });
    join(&stack, kernel);
}

pub(crate) fn the_kernel_pings_us(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut ping = Command::new("ping")
        .args(["-c", "3", "-i", "0.2", "-W", "2", &wire.our(0).ip().to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut status = None;
    until(&stack, || {
        status = ping.try_wait().unwrap();
        status.is_some()
    });
    // It fails unless there was an answer to each.
    assert!(status.is_some_and(|status| status.success()), "ping: {status:?}");
}

pub(crate) fn many_bytes_to_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || drain(&mut kernel_accept(&listener)).unwrap());

    let mut socket = connect(&stack, server);
    let start = Instant::now();
    let sent = pour(&mut Blocking(&mut socket), 64 * MIB, wire.seed).unwrap();
    close(socket);
    let received = join(&stack, kernel);
    report_rate("to the kernel", sent.bytes, start);
    assert_eq!(received, sent);
}

pub(crate) fn many_bytes_from_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, seed) = (wire.our(PORT), wire.seed);
    let kernel = thread::spawn(move || pour(&mut kernel_connect(server), 64 * MIB, seed).unwrap());

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let start = Instant::now();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    report_rate("from the kernel", received.bytes, start);
    close(socket);
    assert_eq!(received, join(&stack, kernel));
}

/// On a shared stack, whose connection is split between two threads.
pub(crate) fn many_bytes_both_ways_at_once(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.shared_stack();
    let (listener, server) = wire.kernel_listener();
    let (our_seed, kernel_seed) = (wire.seed, !wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        let mut writing = stream.try_clone().unwrap();
        let writer = thread::spawn(move || {
            let sent = pour(&mut writing, 64 * MIB, kernel_seed).unwrap();
            writing.shutdown(Shutdown::Write).unwrap();
            sent
        });
        let received = drain(&mut stream).unwrap();
        (writer.join().expect("the kernel's writer"), received)
    });

    let (mut reader, mut writer) = connect(&stack, server).split();
    let start = Instant::now();
    let (sent, received) = thread::scope(|threads| {
        let writing = threads.spawn(move || {
            start_limit();
            // Dropped at its end, the writer sends its FIN.
            pour(&mut Blocking(&mut writer), 64 * MIB, our_seed).unwrap()
        });
        let received = drain(&mut Blocking(&mut reader)).unwrap();
        (writing.join().expect("our writer"), received)
    });
    let (kernel_sent, kernel_received) = join(&stack, kernel);
    report_rate("each way", sent.bytes, start);
    assert_eq!(kernel_received, sent);
    assert_eq!(received, kernel_sent);
}
