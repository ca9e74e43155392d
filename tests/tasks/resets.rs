//! A peer that resets, vanishes or closes while a task waits, and a link that goes down: each wait
//! ends, with the reason.

use std::task::Poll;

use embedded_io_async::{Read, Write};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duplex, Error, Ready, TcpSocket};

use super::common::drive::finish;
use super::common::pattern;
use super::lab;

type Peer<'a> = TcpSocket<'a, Connected>;

/// What a peer does to a connection, and how that ends the waits of the other side.
const ENDS: [(&str, fn(&Lab, Peer<'_>), Error); 3] = [
    ("resets", |_, peer| peer.abort(), Error::Reset),
    // It keeps its window shut and acknowledges nothing.
    (
        "vanishes",
        |lab, peer| {
            lab.cable.cut();
            core::mem::forget(peer);
        },
        Error::TimedOut,
    ),
    (
        "is cut off",
        |lab, peer| {
            lab.near.link_down().unwrap();
            core::mem::forget(peer);
        },
        Error::LinkDown,
    ),
];

/// Fills both directions' buffers, so that a writer has to wait, and nothing is left to be read.
fn stuffed(lab: &Lab) -> (Peer<'_>, Peer<'_>) {
    let (mut socket, peer) = lab.connection().unwrap();
    let data = pattern(16_384);
    for _ in 0..60 {
        let _ = socket.send(&data);
        lab.step();
    }
    assert_eq!(socket.send_room(), Ok(0));
    (socket, peer)
}

/// Has a task wait on a connection, and has its peer do what peers do.
#[track_caller]
fn assert_ends(mut wait: impl AsyncFnMut(Peer<'_>) -> Error) {
    for (what, does, error) in ENDS {
        let lab = lab();
        let (socket, peer) = stuffed(&lab);
        let (mut peer, mut steps) = (Some(peer), 0);
        let ended = finish(&lab, wait(socket), || {
            steps += 1;
            if steps == 2
                && let Some(peer) = peer.take()
            {
                does(&lab, peer);
            }
        });
        assert_eq!(ended, error, "a peer that {what}");
        assert!(steps >= 2, "it did not wait for a peer that {what}");
    }
}

#[test]
fn while_receiving() {
    assert_ends(async |mut socket| socket.receive_async(&mut [0; 8]).await.unwrap_err());
    assert_ends(async |mut socket| socket.peek_async(&mut [0; 8]).await.unwrap_err());
    assert_ends(async |mut socket| socket.read(&mut [0; 8]).await.unwrap_err());
    assert_ends(async |socket| {
        let (mut reader, _writer) = socket.split();
        reader.receive_async(&mut [0; 8]).await.unwrap_err()
    });
    assert_ends(async |socket| (&Duplex::new(socket)).read(&mut [0; 8]).await.unwrap_err());
    assert_ends(async |socket| socket.shutdown().receive_async(&mut [0; 8]).await.unwrap_err());
}

#[test]
fn while_sending() {
    assert_ends(async |mut socket| socket.send_async(b"more").await.unwrap_err());
    assert_ends(async |mut socket| socket.send_all_async(&[0; 9_000]).await.unwrap_err());
    assert_ends(async |mut socket| socket.write(b"more").await.unwrap_err());
    assert_ends(async |socket| {
        let (_reader, mut writer) = socket.split();
        writer.send_async(b"more").await.unwrap_err()
    });
    assert_ends(async |socket| (&Duplex::new(socket)).write(b"more").await.unwrap_err());
}

#[test]
fn while_flushing_and_closing() {
    assert_ends(async |mut socket| socket.flush_async().await.unwrap_err());
    assert_ends(async |mut socket| Write::flush(&mut socket).await.unwrap_err());
    assert_ends(async |socket| socket.shutdown().flush_async().await.unwrap_err());
    assert_ends(async |socket| socket.close().flush_async().await.unwrap_err());
    assert_ends(async |socket| socket.close().poll_async().await.unwrap_err());
    assert_ends(async |socket| socket.close().await.unwrap_err().error());
}

#[test]
fn while_waiting_for_the_end() {
    assert_ends(async |mut socket| socket.closed().await);
    assert_ends(async |socket| {
        let (mut reader, _writer) = socket.split();
        reader.closed().await
    });
    assert_ends(async |socket| {
        let (_reader, mut writer) = socket.split();
        writer.closed().await
    });
    assert_ends(async |mut socket| {
        let ready = socket.ready(Ready::RECEIVE).await.unwrap();
        assert!(ready.contains(Ready::ENDED), "{ready:?}");
        socket.closed().await
    });
}

#[test]
fn while_both_halves_wait() {
    assert_ends(async |socket| {
        let (mut reader, mut writer) = socket.split();
        let mut buffer = [0; 8];
        let mut read = std::pin::pin!(reader.receive_async(&mut buffer));
        let mut written = std::pin::pin!(writer.send_async(b"more"));
        let (mut end, mut other) = (None, None);
        std::future::poll_fn(|cx| {
            if end.is_none()
                && let Poll::Ready(ended) = read.as_mut().poll(cx)
            {
                end = ended.err();
            }
            if other.is_none()
                && let Poll::Ready(ended) = written.as_mut().poll(cx)
            {
                other = ended.err();
            }
            if end.is_some() && other.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert_eq!(end, other);
        end.unwrap()
    });
}

#[test]
fn while_connecting() {
    let lab = lab();
    let connecting = lab.near.tcp().unwrap().connect(super::common::far(80)).unwrap();
    let failed = finish(&lab, connecting.into_future(), || {}).unwrap_err();
    assert_eq!(failed.error(), Error::Refused);

    lab.cable.cut();
    let connecting = failed.into_socket().connect(super::common::far(80)).unwrap();
    let failed = finish(&lab, connecting.into_future(), || {}).unwrap_err();
    assert_eq!(failed.error(), Error::TimedOut);

    let connecting = failed.into_socket().connect(super::common::far(80)).unwrap();
    let mut steps = 0;
    let failed = finish(&lab, connecting.into_future(), || {
        steps += 1;
        if steps == 2 {
            lab.near.link_down().unwrap();
        }
    });
    assert_eq!(failed.unwrap_err().error(), Error::LinkDown);
}

#[test]
fn a_listener_hears_nothing_of_it() {
    // A client that resets before it is accepted never was one; the next one is.
    let lab = lab();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let client = lab.far.tcp().unwrap().connect(super::common::near(80)).unwrap();
    let client = finish(&lab, client.into_future(), || {}).unwrap();
    client.abort();
    for _ in 0..20 {
        lab.step();
    }
    let mut next = None;
    let (mut accepted, _) = finish(&lab, listener.accept_async(), || {
        next.get_or_insert_with(|| {
            lab.far.tcp().unwrap().connect(super::common::near(80)).unwrap()
        });
    });
    let mut next = finish(&lab, next.unwrap().into_future(), || {}).unwrap();
    next.send(b"here").unwrap();
    assert_eq!(finish(&lab, accepted.receive_async(&mut [0; 8]), || {}), Ok(4));
}

#[test]
fn the_end_of_a_stream_ends_a_read_and_nothing_else() {
    let lab = lab();
    let (mut socket, peer) = lab.connection().unwrap();
    let mut peer = Some(peer);
    let mut half = None;
    let received = finish(&lab, socket.receive_async(&mut [0; 8]), || {
        if let Some(peer) = peer.take() {
            half = Some(peer.shutdown());
        }
    });
    assert_eq!(received, Err(Error::PeerClosed));
    finish(&lab, socket.send_all_async(b"an answer all the same"), || {}).unwrap();
    finish(&lab, socket.flush_async(), || {}).unwrap();
    let mut half = half.unwrap();
    assert_eq!(finish(&lab, half.receive_async(&mut [0; 32]), || {}), Ok(22));
    drop(half);
    assert_eq!(finish(&lab, socket.shutdown().closed(), || {}), Error::PeerClosed);
}
