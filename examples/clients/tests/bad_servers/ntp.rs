//! sntpc, which has no time limit of its own: its socket has one of five seconds.

use std::time::Duration;

use sntpc::{Error, NtpContext, NtpResult, NtpTimestampGenerator};
use sockstate::Net;
use sockstate::testing::Lab;
use sockstate_clients::ntp::{NtpSocket, PATIENCE};

use crate::paced::LabClock;
use crate::scene::server;
use crate::{Behaviour, Paced, Scene};

/// Seconds from the epoch of NTP to that of Unix.
const EPOCHS: u64 = 2_208_988_800;

/// The time on the server.
const SERVER: u64 = 1_700_000_000;

/// The answer of a good server, after RFC 4330.
fn answer(request: &mut Vec<u8>) -> Vec<u8> {
    let request = std::mem::take(request);
    let mut answer = vec![0; 48];
    // No warning, version 4, a server; of the first stratum.
    answer[0] = 0x24;
    answer[1] = 1;
    answer[3] = 0xec;
    answer[12..16].copy_from_slice(b"GPS\0");
    let now = ((SERVER + EPOCHS) << 32).to_be_bytes();
    answer[16..24].copy_from_slice(&now);
    answer[24..32].copy_from_slice(&request[40..48]);
    answer[32..40].copy_from_slice(&now);
    answer[40..48].copy_from_slice(&now);
    answer
}

/// A clock a second behind that of the server.
#[derive(Clone, Copy)]
struct Behind;

impl NtpTimestampGenerator for Behind {
    fn init(&mut self) {}

    fn timestamp_sec(&self) -> u64 {
        SERVER - 1
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        0
    }
}

fn ask(scene: &Scene<'_>) -> Result<NtpResult, Error> {
    let net: &Net = scene.lab().near.net();
    let clock = LabClock(scene.lab().clock.clone());
    let socket = NtpSocket::connect(Paced::new(net, scene), server(), || clock.now()).unwrap();
    sntpc::sync::get_time(server(), &socket, NtpContext::new(Behind))
}

/// A question to a bad server, and then one to a good one; the result of the first and how long
/// it took.
fn bad_then_good(behaviour: Behaviour) -> (Error, Duration) {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, behaviour, answer);
    let start = scene.now();
    let error = ask(&scene).unwrap_err();
    let took = Duration::from(scene.now() - start);

    scene.behave(Behaviour::Good);
    let good = ask(&scene).unwrap();
    assert_eq!((good.stratum(), good.offset()), (1, 1_000_000));
    scene.assert_no_slot_lost();
    (error, took)
}

const AT_ONCE: Duration = Duration::from_millis(50);

#[test]
fn garbage() {
    let (error, took) = bad_then_good(Behaviour::Garbage(&[0xff; 48]));
    assert_eq!(error, Error::IncorrectOriginTimestamp);
    assert!(took < AT_ONCE, "{took:?}");
}

/// More than the client has room for.
#[test]
fn too_much_garbage() {
    let (error, took) = bad_then_good(Behaviour::Garbage(&[0xff; 100]));
    assert_eq!(error, Error::Network);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn half_an_answer() {
    let (error, took) = bad_then_good(Behaviour::Partly(20));
    assert_eq!(error, Error::IncorrectPayload);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn silent() {
    let (error, took) = bad_then_good(Behaviour::Silent);
    assert_eq!(error, Error::Network);
    assert!((PATIENCE..PATIENCE + AT_ONCE).contains(&took), "{took:?}");
}

/// Nobody is at the port, and the server's host says so.
#[test]
fn nobody_there() {
    let (error, took) = bad_then_good(Behaviour::Reset);
    assert_eq!(error, Error::Network);
    assert!(took < AT_ONCE, "{took:?}");
}
