//! Tasks hand to the device themselves what they queue, while whoever runs the stack sleeps on.
//! In virtual time, with one step of each task at a time.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::mem::replace;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, TcpSocket};

use crate::runner::{Count, counter};

type Connection<'net> = TcpSocket<'net, Connected>;

/// What runs a stack, and how often it was woken.
struct Runner<'a> {
    task: Pin<Box<dyn Future<Output = Result<Infallible, Error>> + 'a>>,
    count: std::sync::Arc<Count>,
    waker: Waker,
}

impl<'a> Runner<'a> {
    /// One that is asleep until it is woken, or polled: a frame has come, or its alarm rings.
    fn asleep(net: &'a Net) -> Self {
        let (count, waker) = counter();
        let sleep = async |_| {
            let mut asleep = false;
            poll_fn(|_| if replace(&mut asleep, true) { Poll::Ready(()) } else { Poll::Pending })
                .await
        };
        let task = Box::pin(net.run_async(sleep));
        let mut runner = Runner { task, count, waker };
        runner.poll();
        runner
    }

    fn poll(&mut self) {
        let polled = self.task.as_mut().poll(&mut Context::from_waker(&self.waker));
        assert!(polled.is_pending());
    }
}

/// The result of a call that does not wait.
fn at_once<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

/// How many frames are on their way to the other end, which takes them.
fn frames(lab: &Lab) -> u32 {
    let before = lab.far.statistics().unwrap().frames_received;
    lab.far.poll().unwrap();
    lab.far.statistics().unwrap().frames_received - before
}

#[test]
fn a_datagram_wakes_no_runner() {
    let lab = Lab::new(1);
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut socket = lab.near.udp().unwrap().connect("192.168.69.2:7".parse().unwrap()).unwrap();
    socket.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(5));
    assert!(peer.receive_from(&mut [0; 16]).is_ok());
    let runner = Runner::asleep(&lab.near);
    at_once(socket.send_async(b"one")).unwrap();
    at_once(socket.send_async(b"two")).unwrap();
    assert_eq!((frames(&lab), runner.count.take()), (2, 0));
}

#[test]
fn short_writes_become_one_segment() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    let mut runner = Runner::asleep(&lab.near);
    at_once(socket.send_async(b"one")).unwrap();
    at_once(socket.send_async(b"two")).unwrap();
    assert_eq!((frames(&lab), runner.count.take()), (0, 1));
    runner.poll();
    assert_eq!(frames(&lab), 1);
    assert_eq!(peer.receive(&mut [0; 16]), Ok(6));
}

/// An exchange of a short question and an answer, and how often it calls the runner.
fn exchange(
    lab: &Lab,
    runner: &mut Runner<'_>,
    socket: &mut Connection<'_>,
    peer: &mut Connection<'_>,
) -> usize {
    at_once(socket.send_async(b"question")).unwrap();
    let mut answer = [0; 16];
    let mut answered = Box::pin(socket.receive_async(&mut answer));
    assert!(answered.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let calls = runner.count.take();
    if calls > 0 {
        runner.poll();
    }
    assert_eq!(frames(lab), 1);
    assert_eq!(peer.receive(&mut [0; 16]), Ok(8));
    peer.send(b"answer").unwrap();
    lab.far.poll().unwrap();
    runner.poll();
    assert_eq!(at_once(answered), Ok(6));
    calls
}

#[test]
fn without_nagle_a_short_write_wakes_no_runner() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    socket.set_nagle(false).unwrap();
    lab.run_for(Duration::from_secs(5));
    let mut runner = Runner::asleep(&lab.near);
    let calls = [(); 4].map(|()| exchange(&lab, &mut runner, &mut socket, &mut peer));
    // For the alarm, in case nothing is acknowledged; the next ones have it already.
    assert_eq!(calls, [1, 0, 0, 0]);
}

#[test]
fn a_write_that_fills_the_buffer_is_sent_at_once() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    let mut runner = Runner::asleep(&lab.near);
    let room = socket.send_room().unwrap();
    assert_eq!(at_once(socket.send_async(&vec![7; room + 1])), Ok(room));
    // What the window or Nagle's algorithm holds back waits for an acknowledgement.
    assert_eq!(frames(&lab), room as u32 / 1_460);
    // The one call is for the alarm, in case nothing is acknowledged.
    assert_eq!(runner.count.take(), 1);
    runner.poll();
    assert_eq!(frames(&lab), 1);
}

/// Room in the receive buffer is told by the task that makes it.
#[test]
fn room_wakes_no_runner() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    for _ in 0..10 {
        let _ = peer.send(&[7; 4_096]);
        lab.run_for(Duration::from_millis(50));
    }
    assert_eq!(peer.send_room(), Ok(0));
    let runner = Runner::asleep(&lab.near);
    let mut told = 0;
    while socket.receive_queue().unwrap() > 0 {
        at_once(socket.receive_async(&mut [0; 64])).unwrap();
        told += frames(&lab);
    }
    assert_eq!(runner.count.take(), 0);
    // When it has doubled, and not for each piece.
    assert!((1..10).contains(&told), "{told}");
}

/// What another thread, or a call of `nb`, leaves to be sent is for the runner.
#[test]
fn other_calls_wake_the_runner() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(5));
    let runner = Runner::asleep(&lab.near);
    assert_eq!(socket.send(&[7; 2_000]), Ok(2_000));
    assert_eq!((frames(&lab), runner.count.take()), (0, 1));
}
