//! embedded-redis, whose time limit for an answer is its user's choice.

use std::time::Duration;

use embedded_redis::network::{CommandErrors, ConnectionHandler};
use embedded_time::duration::Microseconds;
use sockstate::testing::Lab;

use crate::paced::LabClock;
use crate::scene::server;
use crate::{Behaviour, Paced, Scene};

const LIMIT: Duration = Duration::from_secs(2);

/// What a Redis server answers to any GET.
fn answer(request: &mut Vec<u8>) -> Vec<u8> {
    request.clear();
    b"$7\r\na value\r\n".to_vec()
}

/// A connection, and a GET.
fn get(scene: &Scene<'_>) -> Result<String, CommandErrors> {
    let clock = LabClock(scene.lab().clock.clone());
    let mut stack = Paced::new(scene.lab().near.net().blocking(), scene);
    let mut handler = ConnectionHandler::resp2(server());
    handler.timeout(Microseconds(LIMIT.as_micros() as u32));
    let result = {
        let client = handler.connect(&mut stack, Some(&clock)).unwrap();
        let value = client.get("key").and_then(|get| get.wait());
        value.map(|value| value.unwrap().as_str().unwrap().to_string())
    };
    handler.disconnect(&mut stack);
    result
}

/// A GET from a bad server, and then one from a good one; the error of the first and how long it
/// took.
fn bad_then_good(behaviour: Behaviour) -> (CommandErrors, Duration) {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, behaviour, answer);
    let start = scene.now();
    let error = get(&scene).unwrap_err();
    let took = Duration::from(scene.now() - start);

    scene.behave(Behaviour::Good);
    assert_eq!(get(&scene).as_deref(), Ok("a value"));
    scene.assert_no_slot_lost();
    (error, took)
}

const AT_ONCE: Duration = Duration::from_millis(50);

#[test]
fn garbage() {
    let (error, took) = bad_then_good(Behaviour::Garbage(&[0xff; 64]));
    assert_eq!(error, CommandErrors::ProtocolViolation);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn closed_in_the_middle() {
    for size in [0, 2, 8] {
        let (error, took) = bad_then_good(Behaviour::Partly(size));
        assert_eq!(error, CommandErrors::TcpError, "after {size} bytes");
        assert!(took < AT_ONCE, "{took:?}");
    }
}

#[test]
fn silent() {
    let (error, took) = bad_then_good(Behaviour::Silent);
    assert_eq!(error, CommandErrors::Timeout);
    assert!((LIMIT..LIMIT + AT_ONCE).contains(&took), "{took:?}");
}

#[test]
fn reset() {
    let (error, took) = bad_then_good(Behaviour::Reset);
    assert_eq!(error, CommandErrors::TcpError);
    assert!(took < AT_ONCE, "{took:?}");
}
