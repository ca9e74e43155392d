//! A million sockets opened and given back in every way there is, on a stack of four slots: none
//! is lost, and neither is a port.

mod common;

use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Protocol, TcpSocket};

use common::{Random, far, slots};

const CYCLES: usize = 1_000_000;
const SLOTS: usize = 4;
const SEED: u64 = 7;

fn lab() -> Lab {
    Lab::builder(SEED).near(slots(SLOTS, SLOTS)).far(slots(16, 1)).build()
}

/// A million connections, each of which carries a byte and ends in one of the ways in which
/// connections end.
#[test]
fn a_million_connections() {
    let lab = lab();
    let mut random = Random(SEED);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    for cycle in 0..CYCLES {
        let opened = lab.near.block_with(
            |_| lab.step(),
            || match lab.near.tcp() {
                // The last one is still being delivered.
                Err(Error::OutOfSlots(Protocol::Tcp)) => Err(sockstate::nb::Error::WouldBlock),
                opened => Ok(opened?),
            },
        );
        let connecting = opened.unwrap().connect(far(80)).unwrap();
        let mut socket = connecting.wait_with(|_| lab.step()).unwrap();
        let (mut peer, _) = lab.block(|| listener.accept()).unwrap();
        socket.send(b"x").unwrap();
        let received = lab.block(|| peer.receive(&mut [0; 4]));
        assert_eq!(received, Ok(1), "seed {SEED}, cycle {cycle}");
        end(&lab, random.below(8), socket, peer);
    }
    drop(listener);
    assert_nothing_is_lost(&lab);
}

/// Lets both stacks do what they can do without time.
fn settle(lab: &Lab) {
    while lab.near.poll().unwrap() | lab.far.poll().unwrap() {}
}

/// Ends a connection at both ends.
fn end(lab: &Lab, way: usize, socket: TcpSocket<'_, Connected>, peer: TcpSocket<'_, Connected>) {
    match way {
        // One side after the other, or both at once.
        0 => drop((socket, peer)),
        1 => drop((peer, socket)),
        2 => {
            drop(socket);
            settle(lab);
            drop(peer);
        }
        3 => {
            drop(peer);
            settle(lab);
            drop(socket);
        }
        // With a RST of either side.
        4 => socket.abort(),
        5 => peer.abort(),
        // Half by half.
        6 => {
            let (reader, writer) = socket.split();
            drop(writer);
            drop(peer);
            drop(reader);
        }
        // And waited for.
        _ => {
            let closing = socket.close();
            drop(peer);
            drop(closing.wait_with(|_| lab.step()).unwrap());
        }
    }
}

/// A million sockets that are given back before they are connected.
#[test]
fn a_million_sockets_dropped_on_the_way() {
    let lab = lab();
    let net = lab.near.net();
    let mut random = Random(SEED);
    for cycle in 0..CYCLES {
        let port = 1 + random.below(65_535) as u16;
        match random.below(8) {
            0 => drop(net.tcp().unwrap()),
            1 => drop(net.tcp().unwrap().bind(port).unwrap()),
            2 => drop(net.tcp().unwrap().bind(port).unwrap().listen(4).unwrap()),
            3 => drop(net.tcp().unwrap().bind(0).unwrap_err()),
            // Before the request is sent, and after.
            4 => drop(net.tcp().unwrap().connect(far(port)).unwrap()),
            5 => {
                let connecting = net.tcp().unwrap().connect(far(port)).unwrap();
                net.poll().unwrap();
                drop(connecting);
            }
            6 => drop(net.udp().unwrap().bind(port).unwrap()),
            _ => {
                let mut socket = net.udp().unwrap().connect(far(port)).unwrap();
                socket.send(b"x").unwrap();
                drop(socket);
                settle(&lab);
            }
        }
        if cycle % 64 == 0 {
            lab.run_for(Duration::from_millis(1));
        }
    }
    assert_nothing_is_lost(&lab);
}

/// All slots are free, and every ephemeral port can be used again with the same peer.
fn assert_nothing_is_lost(lab: &Lab) {
    let net = lab.near.net();
    // The longest that a closed connection may take: TIME-WAIT, or the closing deadline.
    lab.run_for(Duration::from_secs(60));
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(SLOTS));
    assert_eq!(net.free_slots(Protocol::Udp), Ok(SLOTS));
    assert_eq!(lab.far.free_slots(Protocol::Tcp), Ok(16));
    for port in 49_152..=65_535 {
        let tcp: Vec<_> = (0..SLOTS).map(|_| net.tcp().unwrap()).collect();
        for (socket, remote) in tcp.into_iter().zip(80..) {
            drop(socket.bind(port).unwrap().connect(far(remote)).unwrap());
        }
        drop(net.udp().unwrap().bind(port).unwrap());
    }
}
