//! Wakers that are replaced or dropped, and how often a task is polled.

use std::pin::pin;
use std::sync::Arc;
use std::task::Context;

use sockstate::Duration;

use super::common::drive::Bell;
use super::common::pattern;
use super::lab;

#[test]
fn the_last_waker_counts() {
    let lab = lab();
    let (mut socket, mut peer) = lab.connection().unwrap();
    let mut buffer = [0; 8];
    let mut future = pin!(socket.receive_async(&mut buffer));
    let ((first, early), (second, late)) = (Bell::new(), Bell::new());
    assert!(future.as_mut().poll(&mut Context::from_waker(&early)).is_pending());
    assert!(future.as_mut().poll(&mut Context::from_waker(&late)).is_pending());
    drop(early);
    // Nobody but the test holds the first one any more.
    assert_eq!(Arc::strong_count(&first), 1);
    peer.send(b"hello").unwrap();
    lab.run_for(Duration::from_millis(100));
    assert_eq!((first.rang(), second.rang()), (0, 1));
    assert!(future.as_mut().poll(&mut Context::from_waker(&late)).is_ready());
}

#[test]
fn a_dropped_executor_leaves_a_socket_that_goes_on() {
    let lab = lab();
    let (mut socket, mut peer) = lab.connection().unwrap();
    {
        let (_, waker) = Bell::new();
        let mut buffer = [0; 8];
        let mut future = pin!(socket.receive_async(&mut buffer));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    peer.send(b"hello").unwrap();
    lab.run_for(Duration::from_millis(100));
    assert_eq!(lab.block_on(socket.receive_async(&mut [0; 8])), Ok(5));
}

#[test]
fn a_waker_is_given_up_with_its_socket() {
    let lab = lab();
    let (bell, waker) = Bell::new();
    let (mut socket, _peer) = lab.connection().unwrap();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut buffer = [0; 8];
    {
        let mut received = pin!(socket.receive_async(&mut buffer));
        let mut accepted = pin!(listener.accept_async());
        let mut cx = Context::from_waker(&waker);
        assert!(received.as_mut().poll(&mut cx).is_pending());
        assert!(accepted.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&bell), 2 + 3);
    drop((socket, listener));
    assert_eq!(Arc::strong_count(&bell), 2);
}

#[test]
fn a_task_is_polled_when_there_is_something_for_it() {
    let lab = lab();
    let (socket, mut peer) = lab.connection().unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut buffer = [0; 64];
    let mut read = pin!(reader.receive_async(&mut buffer));
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    assert!(read.as_mut().poll(&mut cx).is_pending());
    // An hour of nothing; then acknowledgements of what the other half sends.
    lab.run_for(Duration::from_secs(3_600));
    writer.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(bell.rang(), 0);
    peer.send(&pattern(50)).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(bell.rang(), 1);
    assert!(read.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn a_future_that_is_done_stays_so() {
    let lab = lab();
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(super::common::far(80)).unwrap();
    let mut future = pin!(connecting.into_future());
    let connected = lab.block_on(future.as_mut());
    let (_, waker) = Bell::new();
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(connected.unwrap().send(b"hello").is_ok());
}
