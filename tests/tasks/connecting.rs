//! Dropped while a connection is made, accepted or closed.

use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Error, TcpSocket, Unfinished};

use super::common::drive::sweep;
use super::common::drive::{drive, finish};
use super::common::{far, pattern, read_to_end};
use super::{assert_nothing_leaked, lab};

/// A connection carries data both ways.
#[track_caller]
fn assert_works(lab: &Lab, mut near: TcpSocket<'_, Connected>, mut far: TcpSocket<'_, Connected>) {
    near.send(b"question").unwrap();
    far.send(b"answer").unwrap();
    let (near, far) = (near.shutdown(), far.shutdown());
    let (mut near, mut far) = (near, far);
    assert_eq!(read_to_end(lab, &mut far), (b"question".to_vec(), Error::PeerClosed));
    assert_eq!(read_to_end(lab, &mut near), (b"answer".to_vec(), Error::PeerClosed));
}

#[test]
fn a_connecting_socket_is_dropped_with_its_future() {
    let runs = sweep(|stop| {
        let lab = lab();
        let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
        let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
        let connected = drive(&lab, stop, connecting.into_future(), || {});
        let done = connected.is_some();
        drop(connected);
        // The next one is not in its way.
        let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
        let mut next = finish(&lab, connecting.into_future(), || {}).unwrap();
        next.send(b"this one").unwrap();
        drop(next);
        let mut received = Vec::new();
        while let Some((mut accepted, _)) =
            drive(&lab, super::common::drive::Stop::AfterSteps(50), listener.accept_async(), || {})
        {
            received.push(read_to_end(&lab, &mut accepted).0);
        }
        assert_eq!(received.iter().filter(|data| data.as_slice() == b"this one").count(), 1);
        assert!(received.iter().all(|data| data.is_empty() || data == b"this one"), "{received:?}");
        drop(listener);
        assert_nothing_leaked(&lab);
        done
    });
    assert!(runs > 8, "{runs}");
}

#[test]
fn a_connecting_socket_outlives_poll_async() {
    sweep(|stop| {
        let lab = lab();
        let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
        let reached = drive(&lab, stop, connecting.poll_async(), || {});
        let connected = match connecting.finish() {
            Ok(connected) => connected,
            Err(Unfinished::Pending(connecting)) => {
                finish(&lab, connecting.into_future(), || {}).unwrap()
            }
            Err(Unfinished::Failed(failed)) => panic!("{failed}"),
        };
        let (accepted, _) = finish(&lab, listener.accept_async(), || {});
        assert_works(&lab, connected, accepted);
        drop(listener);
        assert_nothing_leaked(&lab);
        reached.is_some()
    });
}

#[test]
fn a_refusal_outlives_poll_async() {
    sweep(|stop| {
        let lab = lab();
        let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
        let reached = drive(&lab, stop, connecting.poll_async(), || {});
        assert!(reached.is_none_or(|reached| reached == Err(Error::Refused)));
        let failed = finish(&lab, connecting.into_future(), || {}).unwrap_err();
        assert_eq!(failed.error(), Error::Refused);
        // The socket is fit for another attempt.
        let listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let again = failed.into_socket().connect(far(80)).unwrap();
        finish(&lab, again.into_future(), || {}).unwrap();
        drop(listener);
        assert_nothing_leaked(&lab);
        reached.is_some()
    });
}

#[test]
fn no_connection_is_lost_with_accept() {
    sweep(|stop| {
        let lab = lab();
        let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
        let server = super::common::near(80);
        let clients = [1, 2].map(|_| lab.far.tcp().unwrap().connect(server).unwrap());
        let first = drive(&lab, stop, listener.accept_async(), || {});
        let done = first.is_some();
        let mut accepted: Vec<_> = first.into_iter().collect();
        while accepted.len() < 2 {
            accepted.push(finish(&lab, listener.accept_async(), || {}));
        }
        for client in clients {
            let client = finish(&lab, client.into_future(), || {}).unwrap();
            let local = client.local_endpoint().unwrap().port;
            let place = accepted.iter().position(|(_, remote)| remote.port() == local).unwrap();
            assert_works(&lab, client, accepted.remove(place).0);
        }
        drop(listener);
        assert_nothing_leaked(&lab);
        done
    });
}

#[test]
fn what_was_sent_is_delivered_though_closing_is_dropped() {
    let data = pattern(3_000);
    sweep(|stop| {
        let lab = lab();
        let (mut socket, mut peer) = lab.connection().unwrap();
        assert_eq!(socket.send(&data), Ok(data.len()));
        let closed = drive(&lab, stop, socket.close().into_future(), || {});
        assert_eq!(read_to_end(&lab, &mut peer), (data.clone(), Error::PeerClosed));
        drop(peer);
        let done = closed.is_some();
        drop(closed);
        assert_nothing_leaked(&lab);
        // The peer does not close before it has read: so the future is done only if it may wait
        // for that, which the peers of this test do not do while it is driven.
        done || matches!(stop, super::common::drive::Stop::AfterSteps(n) | super::common::drive::Stop::AfterPolls(n) if n > 40)
    });
}
