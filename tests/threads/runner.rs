//! Whoever runs a stack is woken when there is work earlier than it was told, once, and not
//! otherwise. In virtual time.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, Ready, nb};

/// How often it was called.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::<Count>::default();
    (Arc::clone(&count), count.into())
}

impl Count {
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Runs a stack for so many sleeps, does something in each, which is given its number, and says how
/// often the waker was called meanwhile.
fn wakes_during(net: &Net, sleeps: usize, mut act: impl FnMut(usize)) -> Vec<usize> {
    let (count, waker) = counter();
    let mut wakes = Vec::new();
    net.run(&waker, |delay| {
        if delay == Some(Duration::ZERO) {
            return Continue(());
        }
        assert_eq!(count.take(), 0, "woken before anything happened");
        act(wakes.len());
        wakes.push(count.take());
        if wakes.len() < sleeps { Continue(()) } else { Break(()) }
    })
    .unwrap();
    wakes
}

#[test]
fn sending_wakes_the_runner_once() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    let wakes = wakes_during(&lab.near, 2, |sleep| {
        if sleep == 0 {
            socket.send(b"one").unwrap();
            socket.send(b"two").unwrap();
        }
    });
    assert_eq!(wakes, [1, 0]);
    assert_eq!(lab.block(|| peer.receive(&mut [0; 16])), Ok(6));
}

#[test]
fn what_gives_no_work_wakes_nobody() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    let (count, waker) = counter();
    let wakes = wakes_during(&lab.near, 6, |sleep| match sleep {
        0 => assert_eq!(socket.receive(&mut [0; 16]), Err(nb::Error::WouldBlock)),
        1 => socket.wake_on(Ready::RECEIVE, &waker).unwrap(),
        2 => assert_eq!(socket.receive_queue(), Ok(0)),
        3 => drop(lab.near.tcp().unwrap()),
        4 => drop(lab.near.tcp().unwrap().bind(9).unwrap().listen(2).unwrap()),
        _ => assert!(!lab.near.poll().unwrap()),
    });
    assert_eq!(wakes, [0; 6]);
    assert_eq!(count.take(), 0);
    // It is woken nevertheless when there is something.
    peer.send(b"at last").unwrap();
    lab.run_for(Duration::from_millis(50));
    assert_eq!(count.take(), 1);
}

#[test]
fn who_polls_while_it_sleeps_does_its_work() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    socket.set_ack_delay(None).unwrap();
    lab.run_for(Duration::from_secs(5));
    let wakes = wakes_during(&lab.near, 1, |_| {
        // Another thread, in whose poll a frame comes in and its acknowledgement goes out.
        peer.send(b"question").unwrap();
        lab.far.poll().unwrap();
        assert!(lab.near.poll().unwrap());
        assert_eq!(peer.flush(), Ok(()));
    });
    assert_eq!(wakes, [0]);
    assert_eq!(socket.receive(&mut [0; 16]), Ok(8));
}

#[test]
fn an_earlier_time_limit_wakes_the_runner() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    lab.cable.cut();
    socket.send(b"lost").unwrap();
    let (count, waker) = counter();
    lab.near
        .run(&waker, |delay| {
            if delay == Some(Duration::ZERO) {
                return Continue(());
            }
            let delay = delay.expect("the data is sent again some time");
            socket.set_timeout(Some(delay * 2)).unwrap();
            assert_eq!(count.take(), 0, "later than what it sleeps until");
            socket.set_timeout(Some(delay / 2)).unwrap();
            assert_eq!(count.take(), 1);
            Break(())
        })
        .unwrap();
    assert_eq!(lab.block(|| socket.flush()), Err(Error::TimedOut));
}

/// What is to be sent while the link is down keeps nobody awake, and goes out afterwards.
#[test]
fn a_link_that_is_down_gives_no_work() {
    let lab = Lab::new(1);
    let (socket, _peer) = lab.connection().unwrap();
    let mut datagrams = lab.near.udp().unwrap().bind(7).unwrap();
    let to = "192.168.69.2:7".parse().unwrap();
    let mut socket = Some(socket);
    lab.run_for(Duration::from_secs(5));
    let wakes = wakes_during(&lab.near, 4, |sleep| match sleep {
        0 => {
            datagrams.send_to(b"when the link is up again", to).unwrap();
            lab.near.link_down().unwrap();
        }
        1 => {
            assert!(!lab.near.poll().unwrap());
            assert_eq!(lab.cable.next_arrival(), None, "nothing is sent");
        }
        2 => drop(socket.take()),
        _ => lab.near.link_up().unwrap(),
    });
    assert_eq!(wakes, [1, 0, 0, 1]);
    assert_eq!(lab.block(|| datagrams.flush()), Ok(()));
}

/// A frame that came while the link was down is taken in, though nothing is to be sent.
#[test]
fn a_link_that_is_up_again_wakes_the_runner() {
    let lab = Lab::new(1);
    let wakes = wakes_during(&lab.near, 2, |sleep| match sleep {
        0 => lab.near.link_down().unwrap(),
        _ => lab.near.link_up().unwrap(),
    });
    assert_eq!(wakes, [0, 1]);
}

/// An hour of nothing on every socket that there is: nobody is called but for what is due.
#[test]
fn an_idle_stack_lets_its_runner_sleep() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(4).unwrap();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let remote = "192.168.69.2:80".parse().unwrap();
        let near = lab.near.tcp().unwrap().connect(remote).unwrap();
        let near = near.wait_with(|_| lab.step()).unwrap();
        sockets.push((near, lab.block(|| listener.accept()).unwrap()));
    }
    lab.run_for(Duration::from_secs(5));
    let (count, waker) = counter();
    for (near, (far, _)) in &mut sockets {
        near.wake_on(Ready::RECEIVE, &waker).unwrap();
        far.wake_on(Ready::RECEIVE, &waker).unwrap();
    }
    let mut calls = 0;
    lab.near
        .run(&waker, |delay| {
            calls += 1;
            if let Some(delay) = delay {
                lab.clock.advance(delay);
            }
            if delay.is_some() { Continue(()) } else { Break(()) }
        })
        .unwrap();
    assert_eq!((calls, count.take()), (1, 0));
}

/// A second runner takes the place of the first; after the last nobody is woken.
#[test]
fn the_waker_is_that_of_whoever_runs_the_stack() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let to = "192.168.69.2:7".parse().unwrap();
    let (count, waker) = counter();
    lab.near.run(&waker, |_| Break(())).unwrap();
    socket.send_to(b"hello", to).unwrap();
    assert_eq!(count.take(), 0);
    let wakes = wakes_during(&lab.near, 1, |_| {
        lab.far.poll().unwrap();
    });
    assert_eq!(wakes, [0], "what was queued went out before the first sleep");
}

/// Whoever asks to be woken when that is due already is woken at once, and only then.
#[test]
fn what_is_ready_wakes_at_once() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    let (count, waker) = counter();
    socket.wake_on(Ready::SEND, &waker).unwrap();
    assert_eq!(count.take(), 1);
    socket.wake_on(Ready::RECEIVE, &waker).unwrap();
    assert_eq!(count.take(), 0);
    peer.send(b"hello").unwrap();
    lab.run_for(Duration::from_millis(50));
    assert_eq!(count.take(), 1);
    socket.wake_on(Ready::RECEIVE, &waker).unwrap();
    assert_eq!(count.take(), 1);
}

/// Both halves of a connection are told of its end, whatever they wait for.
#[test]
fn the_end_wakes_both_halves() {
    for interests in [
        [Ready::RECEIVE, Ready::FLUSHED],
        [Ready::ENDED, Ready::ENDED],
        [Ready::NONE, Ready::NONE],
        [Ready::RECEIVE, Ready::NONE],
    ] {
        for reset in [false, true] {
            let lab = Lab::new(1);
            let (socket, peer) = lab.connection().unwrap();
            let (mut reader, mut writer) = socket.split();
            writer.send(b"not delivered").unwrap();
            let [(read, reads), (wrote, writes)] = [counter(), counter()];
            reader.wake_on(interests[0], &reads).unwrap();
            writer.wake_on(interests[1], &writes).unwrap();
            assert_eq!([read.take(), wrote.take()], [0, 0], "{interests:?}");
            if reset {
                peer.abort();
                lab.far.poll().unwrap();
                lab.near.poll().unwrap();
            } else {
                lab.near.link_down().unwrap();
            }
            assert_eq!([read.take(), wrote.take()], [1, 1], "{interests:?}, reset: {reset}");
        }
    }
}

/// When one half was woken, or is gone, the other is still told of the end.
#[test]
fn one_half_woken_leaves_the_other_waiting_for_the_end() {
    for dropped in [false, true] {
        let lab = Lab::new(1);
        let (socket, mut peer) = lab.connection().unwrap();
        let (mut reader, mut writer) = socket.split();
        let [(read, reads), (wrote, writes)] = [counter(), counter()];
        reader.wake_on(Ready::RECEIVE, &reads).unwrap();
        writer.wake_on(Ready::ENDED, &writes).unwrap();
        if dropped {
            drop(reader);
        } else {
            peer.send(b"for the reader").unwrap();
            lab.run_for(Duration::from_millis(50));
        }
        assert_eq!([read.take(), wrote.take()], [usize::from(!dropped), 0]);
        lab.near.link_down().unwrap();
        assert_eq!([read.take(), wrote.take()], [0, 1], "dropped: {dropped}");
    }
}

/// Frames that come while the link is down do not wait in the device, where they would keep awake
/// whoever sleeps until it has some.
#[test]
fn what_comes_while_the_link_is_down_is_lost() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect("192.168.69.1:7".parse().unwrap()).unwrap();
    peer.send(b"before").unwrap();
    lab.run_for(Duration::from_millis(10));
    assert!(socket.receive_from(&mut [0; 8]).is_ok());
    lab.near.link_down().unwrap();
    peer.send(b"meanwhile").unwrap();
    lab.run_for(Duration::from_millis(10));
    assert_eq!(lab.cable.next_arrival(), None, "the device has no frame");
    lab.near.link_up().unwrap();
    peer.send(b"after").unwrap();
    lab.run_for(Duration::from_millis(10));
    assert_eq!(lab.near.block(|| socket.receive_from(&mut [0; 16])).map(|(n, _)| n), Ok(5));
    assert_eq!(socket.receive_from(&mut [0; 8]), Err(nb::Error::WouldBlock));
}

/// Not only sockets have work.
#[test]
fn groups_and_leases_wake_the_runner() {
    let lab = Lab::new(1);
    // The lease needs its place.
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    lab.run_for(Duration::from_secs(60));
    let group = [224, 0, 0, 251].into();
    let wakes = wakes_during(&lab.near, 3, |sleep| match sleep {
        0 => lab.near.join_multicast(group).unwrap(),
        1 => drop(lab.near.dhcp().unwrap()),
        _ => {}
    });
    assert_eq!(wakes, [1, 1, 0]);
}
