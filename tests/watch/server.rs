//! A server of 32 connections in one loop, which asks none that has nothing to say.

use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Ready, nb};

use super::common::{Random, near, slots};
use super::settle;

const CLIENTS: usize = 32;
const ROUNDS: usize = 200;
const LISTENER: u16 = u16::MAX;

#[test]
fn a_server_of_many_connections_asks_only_those_that_are_ready() {
    let seed = 0x5eed;
    println!("seed {seed:#x}");
    let mut random = Random(seed);
    let lab = Lab::builder(seed).near(slots(CLIENTS + 2, 0)).far(slots(CLIENTS, 0)).build();
    let mut listener = lab.near.tcp().unwrap().bind(7).unwrap().listen(2).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&listener, LISTENER, Ready::ACCEPT).unwrap();

    let mut served: [AnyTcpSocket; CLIENTS] = Default::default();
    let mut clients = Vec::new();
    let (mut sent, mut events, mut vain) = (0, 0, 0);
    let mut serve = |lab: &Lab| {
        settle(lab);
        while let Ok(event) = watch.event() {
            events += 1;
            if event.key == LISTENER {
                let (client, _) = listener.accept().unwrap();
                let place = served.iter().position(|s| matches!(s, AnyTcpSocket::Idle)).unwrap();
                watch.add(&client, place as u16, Ready::RECEIVE).unwrap();
                served[place] = client.into();
                continue;
            }
            let AnyTcpSocket::Connected(socket) = &mut served[usize::from(event.key)] else {
                panic!("an event of nobody: {event:?}");
            };
            let mut buffer = [0; 64];
            match socket.receive(&mut buffer) {
                Ok(size) => assert_eq!(socket.send(&buffer[..size]), Ok(size)),
                Err(nb::Error::WouldBlock) => vain += 1,
                Err(nb::Error::Other(_)) => drop(served[usize::from(event.key)].take()),
            }
        }
        settle(lab);
    };
    for _ in 0..CLIENTS {
        let client = lab.far.tcp().unwrap().connect(near(7)).unwrap();
        clients.push(client.wait_with(|_| lab.step()).unwrap());
        serve(&lab);
    }
    for _ in 0..ROUNDS {
        let client = random.below(CLIENTS);
        let message = random.next().to_be_bytes();
        clients[client].send(&message).unwrap();
        sent += 1;
        serve(&lab);
        let mut echo = [0; 16];
        assert_eq!(clients[client].receive(&mut echo), Ok(message.len()));
        assert_eq!(echo[..8], message);
    }
    drop(clients);
    serve(&lab);
    let _ = serve;
    assert!(served.iter().all(|socket| matches!(socket, AnyTcpSocket::Idle)));
    assert_eq!(vain, 0, "an event without anything to do");
    assert_eq!(events, CLIENTS + sent + CLIENTS);
}
