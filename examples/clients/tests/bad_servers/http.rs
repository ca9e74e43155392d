//! The HTTP GET, whose time limit is ten seconds without a word of the server.

use std::time::Duration;

use embedded_nal::nb;
use sockstate::testing::Lab;
use sockstate::{Error, Net};
use sockstate_clients::http::{self, End, Get, PATIENCE, Response, Version};

use crate::paced::LabClock;
use crate::scene::{Answer, server};
use crate::{Behaviour, Paced, Scene};

const BODY: &[u8] = b"twelve bytes";

fn with_length(request: &mut Vec<u8>) -> Vec<u8> {
    if !request.ends_with(b"\r\n\r\n") {
        return Vec::new();
    }
    request.clear();
    [b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n".as_slice(), BODY].concat()
}

fn without_length(request: &mut Vec<u8>) -> Vec<u8> {
    if !request.ends_with(b"\r\n\r\n") {
        return Vec::new();
    }
    request.clear();
    [b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), BODY].concat()
}

/// Bytes of the head of the answer with a length.
const HEAD: usize = 39;

type Result = core::result::Result<Response, http::Error<Error>>;

fn get(scene: &Scene<'_>, version: Version) -> Result {
    let net: &Net = scene.lab().near.net();
    let mut stack = Paced::new(net, scene);
    let clock = LabClock(scene.lab().clock.clone());
    let mut get = Get::new(server(), "/", version, |error| *error == Error::PeerClosed);
    loop {
        match get.poll(&mut stack, clock.now()) {
            Ok(response) => return Ok(response),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => return Err(error),
        }
    }
}

/// A GET from a bad server, and then one from a good one; the result of the first and how long it
/// took.
fn bad_then_good(behaviour: Behaviour, answer: Answer, version: Version) -> (Result, Duration) {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, behaviour, answer);
    let start = scene.now();
    let result = get(&scene, version);
    let took = Duration::from(scene.now() - start);

    scene.behave(Behaviour::Partly(answer(&mut b"\r\n\r\n".to_vec()).len()));
    let response = get(&scene, version).unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, BODY));
    scene.assert_no_slot_lost();
    (result, took)
}

/// Time enough for a few round trips, and for no time limit.
const AT_ONCE: Duration = Duration::from_millis(50);

#[test]
fn garbage() {
    let garbage = Behaviour::Garbage(&[0xff; 64]);
    let (result, took) = bad_then_good(garbage, with_length, Version::Http11);
    assert!(matches!(result, Err(http::Error::Malformed(_))), "{result:?}");
    assert!(took < AT_ONCE, "{took:?}");
}

/// One that does not end at once, but says that its body is as long as no memory.
#[test]
fn a_length_that_is_none() {
    let garbage = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n";
    let (result, took) = bad_then_good(Behaviour::Garbage(garbage), with_length, Version::Http11);
    assert_eq!(result, Err(http::Error::Unsupported));
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn closed_in_the_middle() {
    for size in [0, 10, HEAD, HEAD + 5] {
        let (result, took) = bad_then_good(Behaviour::Partly(size), with_length, Version::Http11);
        assert_eq!(result, Err(http::Error::Incomplete), "after {size} bytes");
        assert!(took < AT_ONCE, "{took:?}");
    }
}

/// Without a length, an end in the middle of the body is no error that a client could see.
#[test]
fn closed_in_the_middle_without_a_length() {
    let (result, _) = bad_then_good(Behaviour::Partly(24), without_length, Version::Http10);
    let response = Response { status: 200, body: BODY[..5].to_vec(), end: End::Close };
    assert_eq!(result, Ok(response));
}

#[test]
fn silent() {
    let (result, took) = bad_then_good(Behaviour::Silent, with_length, Version::Http11);
    assert_eq!(result, Err(http::Error::Silent));
    assert!((PATIENCE..PATIENCE + AT_ONCE).contains(&took), "{took:?}");
}

#[test]
fn reset() {
    let (result, took) = bad_then_good(Behaviour::Reset, with_length, Version::Http11);
    assert_eq!(result, Err(http::Error::Network(Error::Reset)));
    assert!(took < AT_ONCE, "{took:?}");
}

/// With a length and without: a reset is no end.
#[test]
fn reset_in_the_middle() {
    for (answer, version) in
        [(with_length as Answer, Version::Http11), (without_length, Version::Http10)]
    {
        let (result, took) = bad_then_good(Behaviour::PartlyReset(24), answer, version);
        assert_eq!(result, Err(http::Error::Network(Error::Reset)));
        assert!(took < AT_ONCE, "{took:?}");
    }
}
