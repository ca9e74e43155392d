//! What is told of a listener, whose backlog is many slots.

use sockstate::testing::Lab;
use sockstate::{Duration, Ready};

use super::common::{assert_blocks, near, slots};
use super::{ready, round, settle};

#[test]
fn a_listener_tells_of_connections_and_of_nothing_else() {
    let lab = Lab::new(1);
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(3).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&listener, 80, Ready::ACCEPT | Ready::RECEIVE | Ready::SEND).unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
    for _ in 0..3 {
        let clients: Vec<_> =
            (0..3).map(|_| lab.far.tcp().unwrap().connect(near(80)).unwrap()).collect();
        settle(&lab);
        let mut accepted = Vec::new();
        for _ in 0..3 {
            assert_eq!(ready(&mut watch), Ready::ACCEPT);
            accepted.push(listener.accept().unwrap().0);
        }
        assert_eq!(ready(&mut watch), Ready::NONE);
        drop(clients);
        settle(&lab);
        // They have their end of the stream to tell of, and are not in the set.
        assert_eq!(ready(&mut watch), Ready::NONE);
    }
    drop(listener);
    assert_eq!(ready(&mut watch), Ready::NONE);
}

/// A connection that was reset before it was accepted is none, and its slot goes on listening in
/// the set.
#[test]
fn a_connection_that_is_gone_before_it_was_accepted_is_not_told() {
    let lab = Lab::new(1);
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&listener, 80, Ready::ACCEPT).unwrap();
    for _ in 0..3 {
        let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
        let client = client.wait_with(|_| lab.step()).unwrap();
        settle(&lab);
        client.abort();
        settle(&lab);
        assert_eq!(ready(&mut watch), Ready::NONE);
        assert_blocks(listener.accept());
    }
}

/// While its slot is the listener's last, a connection cannot be accepted: nobody is told to try,
/// until a slot is free.
#[test]
fn a_listener_without_a_free_slot_waits_in_silence() {
    let lab = Lab::builder(1).near(slots(2, 0)).build();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&listener, 80, Ready::ACCEPT).unwrap();
    let clients: Vec<_> =
        (0..2).map(|_| lab.far.tcp().unwrap().connect(near(80)).unwrap()).collect();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::ACCEPT);
    let (first, _) = listener.accept().unwrap();
    lab.run_for(Duration::from_secs(2));
    assert_eq!(ready(&mut watch), Ready::ACCEPT);
    assert_blocks(listener.accept());
    assert_eq!(ready(&mut watch), Ready::NONE);
    assert_eq!(round(&mut watch), []);
    first.abort();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::ACCEPT);
    let (_second, _) = listener.accept().unwrap();
    drop(clients);
}

/// A slot in TIME-WAIT is as good as free: once nobody holds it.
#[test]
fn a_connection_that_is_over_makes_room_for_one_that_waits() {
    for held in [false, true] {
        let lab = Lab::builder(1).near(slots(2, 0)).build();
        let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&listener, 80, Ready::ACCEPT).unwrap();
        let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
        let client = client.wait_with(|_| lab.step()).unwrap();
        settle(&lab);
        assert_eq!(ready(&mut watch), Ready::ACCEPT);
        let (socket, _) = listener.accept().unwrap();
        let _other = lab.far.tcp().unwrap().connect(near(80)).unwrap();
        lab.run_for(Duration::from_secs(2));
        assert_eq!(ready(&mut watch), Ready::ACCEPT);
        assert_blocks(listener.accept());
        assert_eq!(ready(&mut watch), Ready::NONE);
        // This side closes first, and is the one to wait.
        let socket = socket.shutdown();
        settle(&lab);
        let socket = held.then_some(socket);
        settle(&lab);
        drop(client);
        settle(&lab);
        if held {
            assert_eq!(ready(&mut watch), Ready::NONE);
        }
        drop(socket);
        assert_eq!(ready(&mut watch), Ready::ACCEPT, "held: {held}");
        assert!(listener.accept().is_ok());
    }
}
