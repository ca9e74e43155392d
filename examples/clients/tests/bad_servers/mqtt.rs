//! minimq. It has a time limit for the answer to a ping, five seconds, and no other: whatever else
//! a broker owes, it waits for until the connection ends. It tells of no connection that ended
//! either: it connects anew, at once and for ever.

use std::time::Duration;

use minimq::broker::{IpBroker, NamedBroker};
use minimq::{Broker, ConfigBuilder, Minimq, MinimqError, ProtocolError, Publication, QoS};
use sockstate::Net;
use sockstate::testing::Lab;

use crate::paced::LabClock;
use crate::scene::server;
use crate::{Behaviour, Paced, Scene};

type Client<'buffer, 'scene, 'lab, B = IpBroker> =
    Minimq<'buffer, Paced<'scene, 'lab, &'lab Net>, LabClock, B>;
type Error = minimq::Error<sockstate::Error>;

/// Seconds between two signs of life of the client.
const KEEP_ALIVE: u16 = 20;

/// What a broker answers to each packet of MQTT 5, as far as these tests need one.
fn answer(request: &mut Vec<u8>) -> Vec<u8> {
    let mut answers = Vec::new();
    // None of these packets is so long that its length takes two bytes.
    while request.len() >= 2 && request.len() >= 2 + usize::from(request[1]) {
        let packet: Vec<u8> = request.drain(..2 + usize::from(request[1])).collect();
        match packet[0] & 0xf0 {
            // CONNECT: accepted, and no session is there.
            0x10 => answers.extend([0x20, 3, 0, 0, 0]),
            // PUBLISH with QoS 1: the identifier comes after the topic.
            0x30 => {
                let topic = usize::from(packet[3]);
                answers.extend([0x40, 2, packet[4 + topic], packet[5 + topic]]);
            }
            // PINGREQ.
            0xc0 => answers.extend([0xd0, 0]),
            _ => {}
        }
    }
    answers
}

fn client<'buffer, 'scene, 'lab>(
    scene: &'scene Scene<'lab>,
    buffer: &'buffer mut [u8],
) -> Client<'buffer, 'scene, 'lab> {
    client_of(scene, IpBroker::new(server().ip()), buffer)
}

fn client_of<'buffer, 'scene, 'lab, B: Broker>(
    scene: &'scene Scene<'lab>,
    mut broker: B,
    buffer: &'buffer mut [u8],
) -> Client<'buffer, 'scene, 'lab, B> {
    broker.set_port(server().port());
    let config = ConfigBuilder::new(broker, buffer).keepalive_interval(KEEP_ALIVE);
    let clock = LabClock(scene.lab().clock.clone());
    Minimq::new(Paced::new(scene.lab().near.net(), scene), clock, config)
}

/// Polls the client until something is so, or for `limit`: what errors it gave, and how long it
/// took.
fn poll<B: Broker>(
    scene: &Scene<'_>,
    client: &mut Client<'_, '_, '_, B>,
    limit: Duration,
    mut done: impl FnMut(&mut Client<'_, '_, '_, B>, &[Error]) -> bool,
) -> (Vec<Error>, Duration) {
    let start = scene.now();
    let mut errors = Vec::new();
    loop {
        let took = Duration::from(scene.now() - start);
        if done(client, &errors) || took >= limit {
            return (errors, took);
        }
        errors.extend(client.poll(|_, _, _, _| {}).err());
        // A poll that fails does not wait.
        scene.pass();
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// A connection, and a message that is acknowledged.
fn good_exchange(scene: &Scene<'_>, client: &mut Client<'_, '_, '_>) {
    scene.behave(Behaviour::Good);
    poll(scene, client, SECOND, |client, _| client.client().is_connected());
    assert!(client.client().is_connected());
    let publication = Publication::new("topic", b"message").qos(QoS::AtLeastOnce);
    client.client().publish(publication).unwrap();
    assert!(client.client().pending_messages());
    poll(scene, client, SECOND, |client, _| !client.client().pending_messages());
    assert!(!client.client().pending_messages());
}

#[test]
fn garbage() {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, Behaviour::Garbage(&[0xff; 64]), answer);
    let mut buffer = [0; 1024];
    let mut client = client(&scene, &mut buffer);
    let (errors, took) = poll(&scene, &mut client, SECOND, |_, errors| !errors.is_empty());
    assert_eq!(
        errors,
        [minimq::Error::Minimq(MinimqError::Protocol(ProtocolError::MalformedPacket))]
    );
    assert!(took < Duration::from_millis(50), "{took:?}");

    good_exchange(&scene, &mut client);
    drop(client);
    scene.assert_no_slot_lost();
}

/// Text is taken for the beginning of a long packet, and silence follows.
#[test]
fn garbage_like_a_long_packet() {
    waits_for_ever(Behaviour::Garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
}

#[test]
fn silent() {
    waits_for_ever(Behaviour::Silent);
}

/// minimq has no time limit for the answer to its first packet. A program gets out by dropping the
/// client, and the slot comes back.
fn waits_for_ever(behaviour: Behaviour) {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, behaviour, answer);
    let mut buffer = [0; 1024];
    let mut stuck = client(&scene, &mut buffer);
    let limit = Duration::from_secs(300);
    let (errors, took) = poll(&scene, &mut stuck, limit, |_, errors| !errors.is_empty());
    assert_eq!((errors, scene.accepted()), (vec![], 1));
    assert!(took >= limit);
    assert!(!stuck.client().is_connected());
    drop(stuck);

    let mut buffer = [0; 1024];
    let mut next = client(&scene, &mut buffer);
    good_exchange(&scene, &mut next);
    drop(next);
    scene.assert_no_slot_lost();
}

/// The one time limit that it has: half the keep-alive interval to the ping, and five seconds for
/// the answer.
#[test]
fn silent_once_connected() {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, Behaviour::Good, answer);
    let mut buffer = [0; 1024];
    let mut client = client(&scene, &mut buffer);
    good_exchange(&scene, &mut client);
    scene.behave(Behaviour::Silent);
    let limit = Duration::from_secs(60);
    let (errors, took) =
        poll(&scene, &mut client, limit, |client, _| !client.client().is_connected());
    assert_eq!(errors, []);
    let expected = Duration::from_secs(u64::from(KEEP_ALIVE) / 2 + 5);
    assert!((expected - SECOND..expected + SECOND).contains(&took), "{took:?}");

    good_exchange(&scene, &mut client);
    assert_eq!(scene.accepted(), 2);
    drop(client);
    scene.assert_no_slot_lost();
}

#[test]
fn closed_in_the_middle() {
    connects_again_and_again(Behaviour::Partly(2));
}

#[test]
fn reset() {
    connects_again_and_again(Behaviour::Reset);
}

/// Neither of them is an error of minimq's: it connects anew, more often than there are slots.
fn connects_again_and_again(behaviour: Behaviour) {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, behaviour, answer);
    let mut buffer = [0; 1024];
    let mut client = client(&scene, &mut buffer);
    let limit = Duration::from_secs(60);
    let (errors, took) = poll(&scene, &mut client, limit, |_, _| scene.accepted() == 100);
    assert_eq!(errors, []);
    assert!(took < limit, "{} connections in {took:?}", scene.accepted());

    good_exchange(&scene, &mut client);
    drop(client);
    scene.assert_no_slot_lost();
}

/// Whatever becomes of a look-up, minimq asks again, and says nothing: here there is no name
/// server, and then one that is silent. No look-up costs a slot for good.
#[test]
fn a_name_that_nobody_knows() {
    for servers in [&[][..], &[server().ip()]] {
        let lab = Lab::new(7);
        lab.near.set_dns_servers(servers).unwrap();
        let scene = Scene::new(&lab, Behaviour::Good, answer);
        let named = NamedBroker::<_, 253>::new("broker.test", lab.near.net()).unwrap();
        let mut buffer = [0; 1024];
        let mut client = client_of(&scene, named, &mut buffer);
        let limit = Duration::from_secs(300);
        let (errors, took) = poll(&scene, &mut client, limit, |_, errors| !errors.is_empty());
        assert_eq!(errors, []);
        assert!(took >= limit);
        drop(client);

        let mut buffer = [0; 1024];
        let mut client = self::client(&scene, &mut buffer);
        good_exchange(&scene, &mut client);
        drop(client);
        scene.assert_no_slot_lost();
    }
}
