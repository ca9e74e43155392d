//! The stack and a Linux kernel, at the two ends of a TAP interface.
//!
//! Run by `scripts/kernel`, in a network namespace made for it: there the sockets of the standard
//! library are the kernel's side. Each test has an interface and a network of its own, so that any
//! number of them run at once. The kernel's side of a test runs in threads, the stack in the
//! thread of the test, and every wait of both has a limit.

#![cfg(target_os = "linux")]
// A test stops at the first surprise.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::cell::Cell;
use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use embedded_nal::{TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack};
use sha2::{Digest, Sha256};
use socket2::SockRef;
use sockstate::device::{self, StdClock, Tap};
use sockstate::state::tcp::{CanReceive, CanSend};
use sockstate::state::{Connected, Listening, State};
use sockstate::{Config, Error, Heap, Net, Overflow, Shared, Sharing, Stack, TcpSocket, nb};

/// What a test may take.
const LIMIT: Duration = Duration::from_secs(90);

/// What one call on a kernel's socket may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time limit of tests that wait for one to pass: short, and long enough for a busy machine.
const SHORT: Duration = Duration::from_secs(2);

/// How much later than `SHORT` its end may be noticed.
const LATE: Duration = Duration::from_secs(8);

/// A port of the stack.
const PORT: u16 = 4_242;

const MIB: u64 = 1024 * 1024;

/// The tests below, once for each IP version.
macro_rules! for_both_families {
    ($($test:ident)*) => {
        mod v4 {
            $(#[test] fn $test() { super::$test(super::Family::V4); })*
        }
        mod v6 {
            $(#[test] fn $test() { super::$test(super::Family::V6); })*
        }
    };
}

for_both_families! {
    our_tcp_client_and_a_kernel_server
    a_kernel_tcp_client_and_our_server
    our_udp_client_and_a_kernel_server
    a_kernel_udp_client_and_our_server
    datagrams_in_a_burst
    a_connected_udp_socket_hears_its_peer_only
    closed_ports_refuse_the_kernel
    the_kernel_pings_us
    many_bytes_to_the_kernel
    many_bytes_from_the_kernel
    many_bytes_both_ways_at_once
    sixteen_clients_at_once
    clients_beyond_the_backlog_get_their_turn
    clients_beyond_the_backlog_are_refused_if_so_configured
    a_refused_socket_connects_elsewhere
    a_black_hole_ends_a_connect_in_time
    a_kernel_reset_ends_our_sending
    a_kernel_reset_ends_our_receiving
    our_abort_resets_the_kernel
    a_vanished_peer_ends_our_sending
    keep_alive_keeps_a_silent_peer_and_gives_up_a_vanished_one
    a_silent_peer_is_not_given_up_before_the_first_probe
    a_peer_that_does_not_read_is_not_given_up
    the_link_goes_down_and_up
    close_delivers_everything
    drop_delivers_everything
    the_kernels_fin_comes_after_its_last_byte
    half_closed_by_us
    half_closed_by_the_kernel
    embedded_nal_tcp
    embedded_nal_udp
}

// ---------------------------------------------------------------------------------------------
// Exchanging data

fn our_tcp_client_and_a_kernel_server(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));

    let mut socket = connect(&stack, server);
    converse(&mut Blocking(&mut socket), wire.seed);
    close(socket);
    join(&stack, kernel);
}

fn a_kernel_tcp_client_and_our_server(family: Family) {
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

fn our_udp_client_and_a_kernel_server(family: Family) {
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

fn a_kernel_udp_client_and_our_server(family: Family) {
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
fn datagrams_in_a_burst(family: Family) {
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

fn a_connected_udp_socket_hears_its_peer_only(family: Family) {
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

fn closed_ports_refuse_the_kernel(family: Family) {
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

fn the_kernel_pings_us(family: Family) {
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

fn many_bytes_to_the_kernel(family: Family) {
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

fn many_bytes_from_the_kernel(family: Family) {
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
fn many_bytes_both_ways_at_once(family: Family) {
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

// ---------------------------------------------------------------------------------------------
// Many clients

fn sixteen_clients_at_once(family: Family) {
    const CLIENTS: u8 = 16;
    let wire = Wire::new(family);
    let heap = Heap { tcp: 2 * usize::from(CLIENTS), ..Heap::default() };
    let stack = wire.stack_with(heap, |_| {});
    let mut listener = listen(&stack, CLIENTS.into());
    let start = Arc::new(Barrier::new(CLIENTS.into()));
    let connected = Arc::new(AtomicUsize::new(0));
    let server = wire.our(PORT);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (start, connected) = (start.clone(), connected.clone());
            thread::spawn(move || {
                start.wait();
                let mut stream = kernel_connect(server);
                connected.fetch_add(1, Ordering::Relaxed);
                ask(&mut stream, number);
            })
        })
        .collect();

    // Nobody is accepted before all are connected: the backlog holds them all.
    until(&stack, || connected.load(Ordering::Relaxed) == CLIENTS.into());
    let connections: Vec<_> =
        (0..CLIENTS).map(|_| stack.block(|| listener.accept()).unwrap().0).collect();
    for mut socket in connections {
        answer(&mut Blocking(&mut socket));
        close(socket);
    }
    for client in clients {
        join(&stack, client);
    }
}

/// The kernel repeats the requests that were ignored.
fn clients_beyond_the_backlog_get_their_turn(family: Family) {
    const CLIENTS: u8 = 4;
    let wire = Wire::new(family);
    let heap = Heap { tcp: usize::from(CLIENTS), ..Heap::default() };
    let stack = wire.stack_with(heap, |_| {});
    let mut listener = listen(&stack, 1);
    let server = wire.our(PORT);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| thread::spawn(move || ask(&mut kernel_connect(server), number)))
        .collect();

    for _ in 0..CLIENTS {
        let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
        answer(&mut Blocking(&mut socket));
        close(socket);
    }
    for client in clients {
        join(&stack, client);
    }
}

fn clients_beyond_the_backlog_are_refused_if_so_configured(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack_with(Heap::default(), |config| config.overflow = Overflow::Refuse);
    let mut listener = listen(&stack, 1);
    let server = wire.our(PORT);
    let kernel = thread::spawn(move || {
        let first = kernel_connect(server);
        let second = TcpStream::connect_timeout(&server, PATIENCE).map_err(|error| error.kind());
        assert_eq!(second.err(), Some(ErrorKind::ConnectionRefused));
        first
    });

    let first = join(&stack, kernel);
    let (_, client) = stack.block(|| listener.accept()).unwrap();
    assert_eq!(client, first.local_addr().unwrap());
}

// ---------------------------------------------------------------------------------------------
// Connections that fail

fn a_refused_socket_connects_elsewhere(family: Family) {
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
fn a_black_hole_ends_a_connect_in_time(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack_with(Heap::default(), |config| {
        config.deadlines.connect = Some(ours(SHORT));
    });
    stack.set_gateway(wire.kernel(0).ip()).unwrap();
    let elsewhere: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, 1).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    for black_hole in [wire.host(99), elsewhere] {
        let start = Instant::now();
        let connecting = stack.tcp().unwrap().connect((black_hole, 80).into()).unwrap();
        assert_eq!(connecting.wait().unwrap_err().error(), Error::TimedOut);
        assert_took_short(start);
    }
}

fn a_kernel_reset_ends_our_sending(family: Family) {
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

fn a_kernel_reset_ends_our_receiving(family: Family) {
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

fn our_abort_resets_the_kernel(family: Family) {
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

fn a_vanished_peer_ends_our_sending(family: Family) {
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

fn keep_alive_keeps_a_silent_peer_and_gives_up_a_vanished_one(family: Family) {
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
fn a_silent_peer_is_not_given_up_before_the_first_probe(family: Family) {
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
fn a_peer_that_does_not_read_is_not_given_up(family: Family) {
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

fn the_link_goes_down_and_up(family: Family) {
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

// ---------------------------------------------------------------------------------------------
// Closing

fn close_delivers_everything(family: Family) {
    everything_is_delivered(family, close);
}

fn drop_delivers_everything(family: Family) {
    everything_is_delivered(family, |socket| drop(socket));
}

fn everything_is_delivered(family: Family, end: fn(TcpSocket<'_, Connected>)) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || drain(&mut kernel_accept(&listener)).unwrap());

    let mut socket = connect(&stack, server);
    let sent = pour(&mut Blocking(&mut socket), MIB, wire.seed).unwrap();
    assert_ne!(socket.send_queue(), Ok(0), "all is delivered already");
    end(socket);
    assert_eq!(join(&stack, kernel), sent);
}

fn the_kernels_fin_comes_after_its_last_byte(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, seed) = (wire.our(PORT), wire.seed);
    let kernel = thread::spawn(move || pour(&mut kernel_connect(server), MIB, seed).unwrap());

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    assert_eq!(received, join(&stack, kernel));
    for _ in 0..2 {
        assert_eq!(socket.receive(&mut [0; 16]), Err(nb::Error::Other(Error::PeerClosed)));
    }
    close(socket);
}

fn half_closed_by_us(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let (our_seed, kernel_seed) = (wire.seed, !wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        let received = drain(&mut stream).unwrap();
        (received, pour(&mut stream, MIB, kernel_seed).unwrap())
    });

    let mut socket = connect(&stack, server);
    let sent = pour(&mut Blocking(&mut socket), MIB, our_seed).unwrap();
    let mut socket = socket.shutdown();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    socket.close().wait().map(drop).unwrap();
    assert_eq!(join(&stack, kernel), (sent, received));
}

fn half_closed_by_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, our_seed, kernel_seed) = (wire.our(PORT), wire.seed, !wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_connect(server);
        let sent = pour(&mut stream, MIB, kernel_seed).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        (drain(&mut stream).unwrap(), sent)
    });

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    let sent = pour(&mut Blocking(&mut socket), MIB, our_seed).unwrap();
    close(socket);
    assert_eq!(join(&stack, kernel), (sent, received));
}

// ---------------------------------------------------------------------------------------------
// embedded-nal: drivers that know nothing of the stack but the traits, and so never poll it

fn embedded_nal_tcp(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));
    nal_tcp_client(stack.net(), server);
    kernel.join().expect("the kernel's server");

    let server = wire.our(PORT);
    let kernel =
        nal_tcp_server(stack.net(), || thread::spawn(move || ask(&mut kernel_connect(server), 1)));
    kernel.join().expect("the kernel's client");
}

fn nal_tcp_client<S: TcpClientStack<Error = Error>>(mut stack: S, server: SocketAddr) {
    let mut socket = stack.socket().unwrap();
    spin(|| stack.connect(&mut socket, server)).unwrap();
    assert_eq!(spin(|| stack.send(&mut socket, b"hello")), Ok(5));
    let mut buffer = [0; 16];
    assert_eq!(spin(|| stack.receive(&mut socket, &mut buffer)), Ok(5));
    assert_eq!(&buffer[..5], b"hello");
    stack.close(socket).unwrap();
}

/// Answers the client that `start` starts once the server listens.
fn nal_tcp_server<S: TcpFullStack<Error = Error>, T>(mut stack: S, start: impl FnOnce() -> T) -> T {
    let mut listener = stack.socket().unwrap();
    stack.bind(&mut listener, PORT).unwrap();
    stack.listen(&mut listener).unwrap();
    let client = start();

    let (mut socket, _) = spin(|| stack.accept(&mut listener)).unwrap();
    let mut message = [0; MESSAGE];
    let mut received = 0;
    while received < MESSAGE {
        received += spin(|| stack.receive(&mut socket, &mut message[received..])).unwrap();
    }
    message.reverse();
    let mut sent = 0;
    while sent < MESSAGE {
        sent += spin(|| stack.send(&mut socket, &message[sent..])).unwrap();
    }
    stack.close(socket).unwrap();
    stack.close(listener).unwrap();
    client
}

fn embedded_nal_udp(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (kernel_socket, kernel) = wire.kernel_udp();
    let kernel_socket = thread::spawn(move || {
        let mut buffer = [0; 16];
        let (size, from) = kernel_socket.recv_from(&mut buffer).unwrap();
        kernel_socket.send_to(&buffer[..size], from).unwrap();
        kernel_socket
    });
    nal_udp_client(stack.net(), kernel);
    let kernel_socket = kernel_socket.join().expect("the kernel's server");

    let server = wire.our(PORT);
    let client = nal_udp_server(stack.net(), || {
        thread::spawn(move || {
            kernel_socket.send_to(b"hello", server).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(kernel_socket.recv_from(&mut buffer).unwrap(), (5, server));
            assert_eq!(&buffer[..5], b"hello");
        })
    });
    client.join().expect("the kernel's client");
}

fn nal_udp_client<S: UdpClientStack<Error = Error>>(mut stack: S, server: SocketAddr) {
    let mut socket = stack.socket().unwrap();
    stack.connect(&mut socket, server).unwrap();
    spin(|| stack.send(&mut socket, b"hello")).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(spin(|| stack.receive(&mut socket, &mut buffer)), Ok((5, server)));
    assert_eq!(&buffer[..5], b"hello");
    stack.close(socket).unwrap();
}

/// Answers the client that `start` starts once the server is bound.
fn nal_udp_server<S: UdpFullStack<Error = Error>, T>(mut stack: S, start: impl FnOnce() -> T) -> T {
    let mut socket = stack.socket().unwrap();
    stack.bind(&mut socket, PORT).unwrap();
    let client = start();

    let mut buffer = [0; 16];
    let (size, from) = spin(|| stack.receive(&mut socket, &mut buffer)).unwrap();
    spin(|| stack.send_to(&mut socket, from, &buffer[..size])).unwrap();
    stack.close(socket).unwrap();
    client
}

/// Repeats a call until it no longer would block.
fn spin<T>(mut call: impl FnMut() -> nb::Result<T, Error>) -> Result<T, Error> {
    loop {
        match call() {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => check_limit(),
        }
    }
}

// ---------------------------------------------------------------------------------------------
// What is said over a connection, the same on both sides

/// The size of the message of `ask`.
const MESSAGE: usize = 5_000;

/// Sends a message that no other number has, and expects it back reversed, and no more.
fn ask(stream: &mut (impl Read + Write), number: u8) {
    let mut expected = Random(number.into()).bytes(MESSAGE);
    stream.write_all(&expected).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    expected.reverse();
    assert!(answer == expected, "not the answer to {number}");
}

/// The other side of `ask`, but for the end of the stream.
fn answer(stream: &mut (impl Read + Write)) {
    let mut message = [0; MESSAGE];
    stream.read_exact(&mut message).unwrap();
    message.reverse();
    stream.write_all(&message).unwrap();
}

/// Sends messages of different sizes to `echo`, and expects each back.
fn converse(stream: &mut (impl Read + Write), seed: u64) {
    let mut random = Random(seed);
    for size in [1, 100, 1_460, 1_461, 50_000] {
        let sent = random.bytes(size);
        stream.write_all(&sent).unwrap();
        let mut received = vec![0; size];
        stream.read_exact(&mut received).unwrap();
        assert!(received == sent, "{size} bytes came back changed");
    }
}

/// Sends everything back until the end of the stream.
fn echo(stream: &mut (impl Read + Write)) {
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return,
            n => stream.write_all(&buffer[..n]).unwrap(),
        }
    }
}

/// Sends so many bytes, made from a seed.
fn pour(stream: &mut impl Write, bytes: u64, seed: u64) -> io::Result<Total> {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    let mut buffer = [0; 16 * 1024];
    while tally.bytes < bytes {
        let size = (bytes - tally.bytes).min(buffer.len() as u64) as usize;
        random.fill(&mut buffer[..size]);
        stream.write_all(&buffer[..size])?;
        tally.add(&buffer[..size]);
    }
    Ok(tally.done())
}

/// Receives until the end of the stream.
fn drain(stream: &mut impl Read) -> io::Result<Total> {
    let mut tally = Tally::default();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(tally.done()),
            n => tally.add(&buffer[..n]),
        }
    }
}

/// Sends for ever, and says why that came to an end.
fn pour_until_it_fails(socket: &mut TcpSocket<'_, Connected>) -> Error {
    reason(&pour(&mut Blocking(socket), u64::MAX, 0).unwrap_err())
}

/// What has been sent or received so far.
#[derive(Default)]
struct Tally {
    bytes: u64,
    sha256: Sha256,
}

impl Tally {
    fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.sha256.update(data);
    }

    fn done(self) -> Total {
        Total { bytes: self.bytes, sha256: self.sha256.finalize().into() }
    }
}

/// What was sent or received altogether.
#[derive(Debug, PartialEq)]
struct Total {
    bytes: u64,
    sha256: [u8; 32],
}

fn report_rate(what: &str, bytes: u64, start: Instant) {
    let rate = bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{} MiB {what}: {rate:.0} MB/s", bytes / MIB);
}

// ---------------------------------------------------------------------------------------------
// Random data

/// Numbers that follow from a seed: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }

    fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.fill(&mut bytes);
        bytes
    }
}

/// A new seed, or that of the environment; shown when the test fails.
fn seed() -> u64 {
    let seed = match env::var("SOCKSTATE_SEED") {
        Ok(given) => given.parse().expect("SOCKSTATE_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("SOCKSTATE_SEED={seed}");
    seed
}

// ---------------------------------------------------------------------------------------------
// Time

thread_local! {
    /// When the test that runs in this thread must be over.
    static END: Cell<Option<Instant>> = const { Cell::new(None) };
}

fn start_limit() {
    END.set(Some(Instant::now() + LIMIT));
}

fn check_limit() {
    let end = END.get().expect("a limit was set");
    assert!(Instant::now() < end, "not done within {LIMIT:?}");
}

/// How the stacks of these tests pass the time.
fn idle(delay: Option<sockstate::Duration>) {
    check_limit();
    device::sleep(delay);
}

/// A time in the stack's own type.
fn ours(time: Duration) -> sockstate::Duration {
    sockstate::Duration::from_micros(time.as_micros() as u64)
}

/// Whether `SHORT` was kept to. It may have begun a little before `start`, with the last frame.
fn assert_took_short(start: Instant) {
    let took = start.elapsed();
    assert!(SHORT / 2 < took && took < SHORT + LATE, "took {took:?} instead of {SHORT:?}");
}

/// Runs the stack until something is so.
fn until<S: Sharing>(net: &Net<S>, mut done: impl FnMut() -> bool) {
    let wait = || if done() { Ok(()) } else { Err(nb::Error::WouldBlock) };
    net.block::<(), Error>(wait).unwrap();
}

fn run_for(net: &Net, time: Duration) {
    let end = Instant::now() + time;
    until(net, || Instant::now() >= end);
}

/// Runs the stack until the kernel's side of a test is done.
fn join<T, S: Sharing>(net: &Net<S>, kernel: JoinHandle<T>) -> T {
    until(net, || kernel.is_finished());
    kernel.join().expect("the kernel's side")
}

// ---------------------------------------------------------------------------------------------
// Our sockets

fn connect<S: Sharing>(net: &Net<S>, server: SocketAddr) -> TcpSocket<'_, Connected, S> {
    net.tcp().unwrap().connect(server).unwrap().wait().unwrap()
}

fn listen(net: &Net, backlog: u16) -> TcpSocket<'_, Listening> {
    net.tcp().unwrap().bind(PORT).unwrap().listen(backlog).unwrap()
}

/// Closes a connection, and waits until the peer has done so, too.
fn close(socket: TcpSocket<'_, Connected>) {
    socket.close().wait().map(drop).unwrap();
}

/// A socket of ours as a stream of the standard library.
struct Blocking<'s, 'net, St: State, S: Sharing>(&'s mut TcpSocket<'net, St, S>);

impl<St: CanReceive, S: Sharing> Read for Blocking<'_, '_, St, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.net().block(|| self.0.receive(buffer)) {
            Err(Error::PeerClosed) => Ok(0),
            received => received.map_err(io::Error::other),
        }
    }
}

impl<St: CanSend, S: Sharing> Write for Blocking<'_, '_, St, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.net().block(|| self.0.send(data)).map_err(io::Error::other)
    }

    /// Does nothing, as that of `TcpStream`.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of the stack in one of `Blocking`.
fn reason(error: &io::Error) -> Error {
    *error.get_ref().and_then(|error| error.downcast_ref()).expect("an error of the stack")
}

// ---------------------------------------------------------------------------------------------
// The kernel's sockets

fn kernel_connect(server: SocketAddr) -> TcpStream {
    with_limits(TcpStream::connect_timeout(&server, PATIENCE).unwrap())
}

fn kernel_accept(listener: &TcpListener) -> TcpStream {
    with_limits(listener.accept().unwrap().0)
}

fn with_limits(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Ends a connection as the end of a killed process does that had not read everything.
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

// ---------------------------------------------------------------------------------------------
// Stacks, and what ties them to the kernel

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

/// A TAP interface, with a network in which the kernel is host 1 and the stack is host 2.
struct Wire {
    name: String,
    number: u8,
    family: Family,
    /// What is random in the test follows from this.
    seed: u64,
}

impl Wire {
    fn new(family: Family) -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let prefix = env::var("SOCKSTATE_TAP")
            .expect("run scripts/kernel: these tests need a network namespace of their own");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        start_limit();
        Wire { name: format!("{prefix}{number}"), number, family, seed: seed() }
    }

    /// The address of a host of this network.
    fn host(&self, host: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 77, self.number, host).into(),
            Family::V6 => {
                Ipv6Addr::new(0xfd77, self.number.into(), 0, 0, 0, 0, 0, host.into()).into()
            }
        }
    }

    fn kernel(&self, port: u16) -> SocketAddr {
        (self.host(1), port).into()
    }

    fn our(&self, port: u16) -> SocketAddr {
        (self.host(2), port).into()
    }

    fn with_prefix(&self, addr: SocketAddr) -> String {
        let prefix = match self.family {
            Family::V4 => 24,
            Family::V6 => 64,
        };
        format!("{}/{prefix}", addr.ip())
    }

    /// Sizes of datagrams, from an empty one to the largest that fits into a frame.
    fn datagram_sizes(&self) -> [usize; 4] {
        match self.family {
            Family::V4 => [0, 1, 512, 1_500 - 20 - 8],
            Family::V6 => [0, 1, 512, 1_500 - 40 - 8],
        }
    }

    fn stack(&self) -> Stack<Tap, StdClock> {
        self.stack_with(Heap::default(), |_| {})
    }

    fn stack_with(&self, heap: Heap, change: impl FnOnce(&mut Config)) -> Stack<Tap, StdClock> {
        let mut config = self.config();
        change(&mut config);
        let stack = Stack::new(heap, self.tap(), StdClock::new(), config).unwrap();
        self.join(&stack);
        stack
    }

    fn shared_stack(&self) -> Stack<Tap, StdClock, Shared> {
        let stack =
            Stack::shared(Heap::default(), self.tap(), StdClock::new(), self.config()).unwrap();
        self.join(&stack);
        stack
    }

    fn config(&self) -> Config {
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, self.number], self.seed);
        config.idle = idle;
        config
    }

    fn tap(&self) -> Tap {
        Tap::open(&self.name).unwrap()
    }

    fn join<S: Sharing>(&self, net: &Net<S>) {
        net.add_address(self.with_prefix(self.our(0)).parse().unwrap()).unwrap();
        self.plug();
    }

    /// Takes the kernel's end up. It forgets its IPv6 addresses when it goes down.
    fn plug(&self) {
        let addr = self.with_prefix(self.kernel(0));
        let mut assign = vec!["addr", "replace", &addr, "dev", &self.name];
        if matches!(self.family, Family::V6) {
            assign.push("nodad");
        }
        ip(&assign);
        ip(&["link", "set", &self.name, "up"]);
    }

    /// Takes the kernel's end down.
    fn unplug(&self) {
        ip(&["link", "set", &self.name, "down"]);
    }

    /// A listener of the kernel. Its `accept` has a time limit, too.
    fn kernel_listener(&self) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(self.kernel(0)).unwrap();
        SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    fn kernel_udp(&self) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(self.kernel(0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = socket.local_addr().unwrap();
        (socket, addr)
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {}: {status}", arguments.join(" "));
}
