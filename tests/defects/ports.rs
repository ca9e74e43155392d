//! Ephemeral ports and connections that exist already: 18.

use std::collections::BTreeSet;

use sockstate::smoltcp::socket::tcp::State;
use sockstate::smoltcp::wire::TcpControl;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap};

use crate::common::script::{Script, Segment};
use crate::common::{assert_blocks, failed, far};

/// All ports of the range for ephemeral ones (RFC 6335 section 6).
const EPHEMERAL: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// The ports of the first connections of a stack.
fn first_ports(seed: u64) -> Vec<u16> {
    let lab = Lab::new(seed);
    let sockets: Vec<_> =
        (0..8).map(|_| lab.near.tcp().unwrap().connect(far(80)).unwrap()).collect();
    sockets.iter().map(|socket| socket.local_endpoint().unwrap().port).collect()
}

/// Defect: ephemeral ports follow each other and are the same after every boot, so that they can
/// be guessed and meet the connections of the last boot.
#[test]
fn d18_ephemeral_ports_are_random_and_differ_by_seed() {
    let mut all = BTreeSet::new();
    for seed in 0..100 {
        let ports = first_ports(seed);
        assert_eq!(ports, first_ports(seed), "seed {seed}: the seed decides");
        assert!(ports.iter().all(|port| EPHEMERAL.contains(port)), "seed {seed}: {ports:?}");
        let neighbours = ports.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
        assert!(neighbours < 2, "seed {seed}: {ports:?}");
        all.extend(ports);
    }
    // 800 random ports of 16,384: about 19 pairs coincide.
    assert!(all.len() > 700, "{} different ports in 800", all.len());
    // They come from the whole range.
    assert!(*all.first().unwrap() < 49_500 && *all.last().unwrap() > 65_200);
}

/// Enough small sockets to take every ephemeral port.
fn many(tcp: usize, udp: usize) -> Heap {
    Heap { tcp, udp, tcp_rx: 64, tcp_tx: 16, udp_buf: 16, udp_packets: 1, ..Heap::default() }
}

/// Defect: the next port is taken without a look at the connections there are, or at those in
/// TIME-WAIT; two connections are one to the peer.
#[test]
fn d18_no_ephemeral_port_is_in_use_or_in_time_wait_with_the_same_peer() {
    const TAKEN: u16 = 50_000;
    let lab = Lab::builder(1).near(many(EPHEMERAL.len() + 2, 0)).build();
    let net = lab.near.net();
    // One port is in TIME-WAIT with the peer.
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let old = net.tcp().unwrap().bind(TAKEN).unwrap().connect(far(80)).unwrap();
    let mut old = old.wait_with(|_| lab.step()).unwrap().close();
    drop(lab.block(|| listener.accept()).unwrap());
    lab.block(|| old.poll()).unwrap();
    assert_eq!(old.tcp_state(), Ok(State::TimeWait));
    drop(old);

    let mut sockets = Vec::new();
    let (spare, error) = loop {
        match net.tcp().unwrap().connect(far(80)) {
            Ok(socket) => sockets.push(socket),
            Err(failed) => break failed.into_parts(),
        }
    };
    assert_eq!(error, Error::OutOfPorts);
    let ports: BTreeSet<_> =
        sockets.iter().map(|socket| socket.local_endpoint().unwrap().port).collect();
    assert_eq!(ports.len(), sockets.len(), "a port was given away twice");
    let missing: Vec<_> = EPHEMERAL.filter(|port| !ports.contains(port)).collect();
    assert_eq!(missing, [TAKEN]);

    // With another peer each of them makes another connection.
    let _other = spare.connect(far(81)).unwrap();
    // A port that is given back is found again.
    let given_back = sockets.swap_remove(7).local_endpoint().unwrap().port;
    let socket = net.tcp().unwrap().connect(far(80)).unwrap();
    assert_eq!(socket.local_endpoint().unwrap().port, given_back);
}

/// The same for UDP, where a port is in use whoever the peer is.
#[test]
fn d18_no_ephemeral_udp_port_is_given_away_twice() {
    let lab = Lab::builder(1).near(many(0, EPHEMERAL.len() + 1)).build();
    let net = lab.near.net();
    let mut sockets: Vec<_> =
        EPHEMERAL.map(|_| net.udp().unwrap().connect(far(7)).unwrap()).collect();
    let ports: BTreeSet<_> =
        sockets.iter().map(|socket| socket.local_endpoint().unwrap().port).collect();
    assert_eq!(ports.len(), EPHEMERAL.len());

    let (spare, error) = failed(net.udp().unwrap().connect(far(8)));
    assert_eq!(error, Error::OutOfPorts);
    let given_back = sockets.swap_remove(7).local_endpoint().unwrap().port;
    let socket = spare.connect(far(8)).unwrap();
    assert_eq!(socket.local_endpoint().unwrap().port, given_back);
}

/// The same connection cannot be made twice, not even with a chosen port.
#[test]
fn d18_a_connection_that_exists_cannot_be_made_again() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let first = net.tcp().unwrap().bind(5_000).unwrap().connect(far(80)).unwrap();
    let first = first.wait_with(|_| lab.step()).unwrap();
    let second = net.tcp().unwrap().bind(5_000).unwrap();
    let (second, error) = failed(second.connect(far(80)));
    assert_eq!(error, Error::AddressInUse);
    // With another peer it is another connection.
    let second = second.connect(far(81)).unwrap();
    assert_eq!(second.local_endpoint().unwrap().port, 5_000);
    drop(first);
}

/// Defect: a repeated request is taken by the next free socket of the listener: the same
/// connection is accepted twice.
#[test]
fn d18_a_repeated_request_is_accepted_once() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(4).unwrap();
    let syn = Segment::syn(5_000, 80);
    script.send(&syn);
    let answer = script.next();
    for _ in 0..3 {
        script.send(&syn);
        for again in script.wait(Duration::from_millis(10)) {
            assert_eq!(again.seq.0 - answer.seq.0, i32::from(again.control != TcpControl::Syn));
        }
    }
    script.send(&answer.answer(TcpControl::None, syn.seq + 1));
    let (_socket, remote) = listener.accept().unwrap();
    assert_eq!(remote, far(5_000));
    // Nor does the request make another one of a connection that exists.
    script.send(&syn);
    script.exchange();
    assert_blocks(listener.accept());
}
