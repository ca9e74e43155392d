//! Dropped while data is sent and received: no byte is lost, none comes twice.

use std::cell::RefCell;

use embedded_io_async::{Read, Write};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duplex, Duration, Error, Heap, Ready, TcpSocket, nb};

use super::common::drive::sweep;
use super::common::drive::{Stop, drive, finish};
use super::common::{Random, pattern, read_to_end, slow_cable};

const SIZE: usize = 12_000;
const SEEDS: u64 = 12;

/// Small buffers, so that both sides have to wait again and again.
fn narrow(seed: u64) -> Lab {
    let heap = Heap { tcp: 4, udp: 4, tcp_rx: 700, tcp_tx: 500, ..Heap::default() };
    Lab::builder(seed).near(heap).far(heap).cable(slow_cable()).build()
}

/// A place to stop, mostly early.
fn random_stop(random: &mut Random) -> Stop {
    let most = [2, 4, 40][random.below(3)];
    match random.below(2) {
        0 => Stop::AfterPolls(random.below(most)),
        _ => Stop::AfterSteps(random.below(most)),
    }
}

/// Receives a stream to its end, by futures many of which are dropped. How many were.
fn receive_all(
    lab: &Lab,
    random: &mut Random,
    mut peers: impl FnMut(),
    mut receive: impl AsyncFnMut(&mut [u8]) -> Result<usize, Error>,
) -> (Vec<u8>, usize) {
    let (mut data, mut dropped, mut buffer) = (Vec::new(), 0, [0; 600]);
    loop {
        let place = &mut buffer[..1 + random.below(600)];
        match drive(lab, random_stop(random), receive(place), &mut peers) {
            Some(Ok(0)) => return (data, dropped),
            Some(received) => data.extend_from_slice(&place[..received.unwrap()]),
            None => dropped += 1,
        }
        assert!(dropped < 1_000_000, "the stream does not end");
    }
}

/// Sends a stream by futures many of which are dropped. How many were.
fn send_all(
    lab: &Lab,
    random: &mut Random,
    data: &[u8],
    mut peers: impl FnMut(),
    mut send: impl AsyncFnMut(&[u8]) -> Result<usize, Error>,
) -> usize {
    let (mut rest, mut dropped) = (data, 0);
    while !rest.is_empty() {
        let piece = &rest[..rest.len().min(1 + random.below(900))];
        match drive(lab, random_stop(random), send(piece), &mut peers) {
            Some(sent) => rest = &rest[sent.unwrap()..],
            None => dropped += 1,
        }
        assert!(dropped < 1_000_000, "nothing can be sent");
    }
    dropped
}

/// A peer that sends everything, piece by piece, and then ends its direction.
fn sending<'a>(peer: TcpSocket<'a, Connected>, data: &'a [u8]) -> impl FnMut() + 'a {
    let (mut sending, mut ended) = (Some((peer, data)), None);
    move || {
        let Some((mut peer, rest)) = sending.take() else { return };
        let sent = match peer.send(rest) {
            Ok(sent) => sent,
            Err(nb::Error::WouldBlock) => 0,
            Err(nb::Error::Other(error)) => panic!("{error}"),
        };
        match &rest[sent..] {
            [] => ended = Some(peer.shutdown()),
            rest => sending = Some((peer, rest)),
        }
        let _ = &ended;
    }
}

/// A peer that receives everything.
fn receiving<'a>(
    mut peer: TcpSocket<'a, Connected>,
    received: &'a RefCell<Vec<u8>>,
) -> impl FnMut() + 'a {
    move || {
        let mut buffer = [0; 333];
        if let Ok(size) = peer.receive(&mut buffer) {
            received.borrow_mut().extend_from_slice(&buffer[..size]);
        }
    }
}

/// Receives with each of the ways to do it.
#[track_caller]
fn assert_received(
    test: impl Fn(&Lab, &mut Random, TcpSocket<'_, Connected>, &mut dyn FnMut()) -> (Vec<u8>, usize),
) {
    let data = pattern(SIZE);
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let lab = narrow(seed);
        let (socket, peer) = lab.connection().unwrap();
        let mut peer = sending(peer, &data);
        let (received, dropped) = test(&lab, &mut Random(seed), socket, &mut peer);
        assert_eq!(received, data);
        assert!(dropped > 20, "{dropped}");
    }
}

#[track_caller]
fn assert_sent(
    test: impl Fn(&Lab, &mut Random, &[u8], TcpSocket<'_, Connected>, &mut dyn FnMut()) -> usize,
) {
    let data = pattern(SIZE);
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let lab = narrow(seed);
        let (socket, peer) = lab.connection().unwrap();
        let received = RefCell::new(Vec::new());
        let mut peer = receiving(peer, &received);
        let dropped = test(&lab, &mut Random(seed), &data, socket, &mut peer);
        assert!(dropped > 20, "{dropped}");
        // The socket is closed by now, and delivers what is left.
        for _ in 0..2_000 {
            peer();
            lab.step();
        }
        assert_eq!(*received.borrow(), data);
    }
}

#[test]
fn receiving_on_a_connection() {
    assert_received(|lab, random, mut socket, peer| {
        receive_all(lab, random, peer, async |buffer| match socket.receive_async(buffer).await {
            Err(Error::PeerClosed) => Ok(0),
            received => received,
        })
    });
}

#[test]
fn reading_on_a_connection() {
    assert_received(|lab, random, mut socket, peer| {
        receive_all(lab, random, peer, async |buffer| socket.read(buffer).await)
    });
}

#[test]
fn reading_on_a_half() {
    assert_received(|lab, random, socket, peer| {
        let (mut reader, _writer) = socket.split();
        receive_all(lab, random, peer, async |buffer| reader.read(buffer).await)
    });
}

#[test]
fn reading_on_a_duplex() {
    assert_received(|lab, random, socket, peer| {
        let duplex = Duplex::new(socket);
        receive_all(lab, random, peer, async |buffer| (&duplex).read(buffer).await)
    });
}

#[test]
fn reading_exactly_a_byte_at_a_time() {
    // As clients read that look at each byte; `read_exact` of one byte can be dropped as well.
    assert_received(|lab, random, mut socket, peer| {
        receive_all(lab, random, peer, async |buffer| {
            match socket.read_exact(&mut buffer[..1]).await {
                Ok(()) => Ok(1),
                Err(embedded_io_async::ReadExactError::UnexpectedEof) => Ok(0),
                Err(embedded_io_async::ReadExactError::Other(error)) => Err(error),
            }
        })
    });
}

#[test]
fn peeking_and_waiting_take_nothing() {
    assert_received(|lab, random, mut socket, peer| {
        receive_all(lab, random, peer, async |buffer| {
            let ready = socket.ready(Ready::RECEIVE).await?;
            assert!(ready.contains(Ready::RECEIVE));
            match socket.peek_async(buffer).await {
                Err(Error::PeerClosed) => return Ok(0),
                peeked => peeked?,
            };
            socket.receive_async(buffer).await
        })
    });
}

#[test]
fn sending_on_a_connection() {
    assert_sent(|lab, random, data, mut socket, peer| {
        send_all(lab, random, data, peer, async |piece| socket.send_async(piece).await)
    });
}

#[test]
fn writing_on_a_half() {
    assert_sent(|lab, random, data, socket, peer| {
        let (_reader, mut writer) = socket.split();
        send_all(lab, random, data, peer, async |piece| writer.write(piece).await)
    });
}

#[test]
fn writing_on_a_duplex() {
    assert_sent(|lab, random, data, socket, peer| {
        let duplex = Duplex::new(socket);
        send_all(lab, random, data, peer, async |piece| (&duplex).write(piece).await)
    });
}

#[test]
fn reading_beside_writing() {
    let data = pattern(SIZE);
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let lab = narrow(seed);
        let (socket, peer) = lab.connection().unwrap();
        let (mut reader, mut writer) = socket.split();
        let (mut far_reader, far_writer) = peer.split();
        let mut far_writer = Some(far_writer);
        let (mut sent, mut received, mut rest) = (0, Vec::new(), &data[..]);
        let mut random = Random(seed);
        // While the one waits, the other is no more than a peer.
        while received.len() < SIZE || sent < SIZE {
            let mut far = || {
                if let Some(far_writer) = &mut far_writer
                    && let Ok(size) = far_writer.send(rest)
                {
                    rest = &rest[size..];
                }
                let _ = far_reader.receive(&mut [0; 300]);
            };
            let mut buffer = [0; 256];
            let stop = random_stop(&mut random);
            if sent == SIZE || random.below(2) == 0 {
                if let Some(size) = drive(&lab, stop, reader.receive_async(&mut buffer), &mut far) {
                    received.extend_from_slice(&buffer[..size.unwrap()]);
                }
            } else if let Some(size) = drive(&lab, stop, writer.send_async(&data[sent..]), &mut far)
            {
                sent += size.unwrap();
            }
        }
        assert_eq!(received, data);
    }
}

#[test]
fn flush_and_closed_change_nothing() {
    let data = pattern(1_000);
    sweep(|stop| {
        let lab = super::lab();
        let (mut socket, mut peer) = lab.connection().unwrap();
        socket.send(&data).unwrap();
        let flushed = drive(&lab, stop, socket.flush_async(), || {});
        assert!(flushed.is_none_or(|flushed| flushed == Ok(())));
        assert_eq!(drive(&lab, stop_within(stop, 30), socket.closed(), || {}), None);
        finish(&lab, socket.flush_async(), || {}).unwrap();
        drop(socket);
        assert_eq!(read_to_end(&lab, &mut peer), (data.clone(), Error::PeerClosed));
        drop(peer);
        super::assert_nothing_leaked(&lab);
        flushed.is_some()
    });
}

#[test]
fn a_duplex_has_one_reader_and_one_writer_at_a_time() {
    let lab = super::lab();
    let (socket, mut peer) = lab.connection().unwrap();
    let duplex = Duplex::new(socket);
    let (mut first, mut second) = (&duplex, &duplex);
    let (mut one, mut other) = ([0; 8], [0; 8]);
    {
        let mut waits = std::pin::pin!(first.read(&mut one));
        assert_eq!(drive(&lab, Stop::AfterSteps(5), waits.as_mut(), || {}), None);
        assert_eq!(finish(&lab, second.read(&mut other), || {}), Err(Error::Busy));
        assert_eq!(embedded_io::Read::read(&mut second, &mut other), Err(Error::Busy));
        // Writing is another matter.
        assert_eq!(finish(&lab, second.write(b"hello"), || {}), Ok(5));
    }
    // The first one was dropped, and has left everything to the second.
    peer.send(b"answer").unwrap();
    assert_eq!(finish(&lab, second.read(&mut other), || {}), Ok(6));
    {
        let mut flushes = std::pin::pin!(async { Write::flush(&mut first).await });
        assert_eq!(drive(&lab, Stop::AfterPolls(1), flushes.as_mut(), || {}), None);
        assert_eq!(finish(&lab, second.write(b"hello"), || {}), Err(Error::Busy));
    }
    assert_eq!(finish(&lab, second.write(b"hello"), || {}), Ok(5));
    assert!(duplex.into_inner().send(b"hello").is_ok());
}

/// The same place to stop, if it is not later than that: for what is never done.
fn stop_within(stop: Stop, most: usize) -> Stop {
    match stop {
        Stop::AfterPolls(n) => Stop::AfterPolls(n.min(1)),
        Stop::AfterSteps(n) => Stop::AfterSteps(n.min(most)),
        Stop::Never => Stop::AfterSteps(most),
    }
}

/// The peer tells when it has room again: what a task writes meanwhile is no question to it.
#[test]
fn writing_to_a_closed_window_asks_nothing_at_once() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    let size = lab.block_on(socket.send_async(&[1; 4_096])).unwrap();
    lab.run_for(Duration::from_millis(500));
    assert_eq!((size, peer.receive_queue()), (4_096, Ok(4_096)));
    let frames_sent = || lab.near.statistics().unwrap().frames_sent;
    let before = frames_sent();
    assert_eq!(lab.block_on(socket.send_async(b"more")), Ok(4));
    lab.near.poll().unwrap();
    assert_eq!(frames_sent(), before);
    lab.run_for(Duration::from_secs(10));
    assert!(frames_sent() > before, "in time it is asked");
}
