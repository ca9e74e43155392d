//! Listeners: 7, 8, 9, 10 and 11.

use std::net::SocketAddr;

use embedded_nal::{TcpClientStack, TcpFullStack};
use sockstate::smoltcp::wire::TcpControl;
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Duration, Error, Net, Overflow};

use crate::common::script::{Script, Segment};
use crate::common::{assert_blocks, far, near, read_to_end, slots};

const PORT: u16 = 80;

/// Sends connection requests from so many ports in the same moment, and gives the answers.
fn requests(script: &mut Script<'_>, ports: impl Iterator<Item = u16>) -> Vec<Segment> {
    for port in ports {
        script.send(&Segment::syn(port, PORT));
    }
    script.exchange()
}

fn count(segments: &[Segment], control: TcpControl) -> usize {
    segments.iter().filter(|segment| segment.control == control).count()
}

/// A listener of the far stack, through the traits.
fn nal_listener<'lab>(lab: &'lab Lab) -> (&'lab Net, AnyTcpSocket<'lab>) {
    let mut net = lab.far.net();
    let mut listener = net.socket().unwrap();
    net.bind(&mut listener, PORT).unwrap();
    net.listen(&mut listener).unwrap();
    (net, listener)
}

/// Defect: the traits for servers are not implemented.
#[test]
fn d07_a_server_through_embedded_nal() {
    let lab = Lab::new(1);
    let (mut server, mut listener) = nal_listener(&lab);
    assert_blocks(server.accept(&mut listener));

    let mut net = lab.near.net();
    let mut clients = [net.socket().unwrap(), net.socket().unwrap()];
    for client in &mut clients {
        lab.block(|| net.connect(client, far(PORT))).unwrap();
    }
    for (number, client) in clients.into_iter().enumerate() {
        let mut client = client;
        let (mut served, _) = lab.block(|| server.accept(&mut listener)).unwrap();
        let message = [number as u8; 3];
        assert_eq!(net.send(&mut client, &message), Ok(3));
        let mut buffer = [0; 16];
        assert_eq!(lab.block(|| server.receive(&mut served, &mut buffer)), Ok(3));
        assert_eq!(server.send(&mut served, &buffer[..3]), Ok(3));
        assert_eq!(lab.block(|| net.receive(&mut client, &mut buffer)), Ok(3));
        assert_eq!(buffer[..3], message);
        server.close(served).unwrap();
        let end = lab.block(|| net.receive(&mut client, &mut buffer));
        assert_eq!(end, Err(Error::PeerClosed));
        net.close(client).unwrap();
    }
    server.close(listener).unwrap();
    // The port is free again.
    assert!(lab.far.tcp().unwrap().bind(PORT).is_ok());
}

/// Defect: of two requests that arrive together, the second gets a RST, because the listener is
/// one socket and that is taken.
#[test]
fn d08_two_requests_at_once_are_both_taken() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let _listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(2).unwrap();
    let answers = requests(&mut script, 5_000..5_002);
    assert_eq!((answers.len(), count(&answers, TcpControl::Syn)), (2, 2), "{answers:?}");
}

/// As many as the backlog at the same moment, and each becomes a connection.
#[test]
fn d08_sixteen_requests_at_the_same_moment_become_connections() {
    let lab = Lab::builder(1).far(slots(32, 1)).build();
    let mut listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(16).unwrap();
    // The hardware addresses are known: all requests arrive in one go.
    drop(lab.connection().unwrap());
    lab.run_for(Duration::from_secs(15));
    let clients: Vec<_> =
        (0..16).map(|_| lab.near.tcp().unwrap().connect(far(PORT)).unwrap()).collect();
    let start = lab.clock.time();
    let mut clients: Vec<_> =
        clients.into_iter().map(|client| client.wait_with(|_| lab.step()).unwrap()).collect();
    // None had to ask twice.
    assert!(lab.clock.time() - start < Duration::from_millis(500));

    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&[number as u8]).unwrap();
    }
    let mut accepted = Vec::new();
    for _ in 0..16 {
        let (mut server, remote) = lab.block(|| listener.accept()).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(lab.block(|| server.receive(&mut buffer)), Ok(1));
        let client = clients[usize::from(buffer[0])].local_endpoint().unwrap();
        assert_eq!(client.port, remote.port());
        accepted.push(server);
    }
    assert_blocks(listener.accept());
}

/// A listener keeps its backlog at its size when connections are accepted.
#[test]
fn d08_accepting_makes_room_for_the_next_request() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let mut accepted = Vec::new();
    for port in 5_000..5_010 {
        let answers = requests(&mut script, port..port + 1);
        assert_eq!(count(&answers, TcpControl::Syn), 1, "{answers:?}");
        script.send(&answers[0].answer(TcpControl::None, answers[0].ack.unwrap()));
        let (socket, remote) = listener.accept().unwrap();
        assert_eq!(remote, far(port));
        accepted.push(socket);
    }
}

/// Nobody who completed a connection later is served before.
#[test]
fn d08_connections_are_accepted_in_the_order_in_which_they_were_complete() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(4).unwrap();
    for round in 0..3 {
        let answers = requests(&mut script, 5_000 + 10 * round..5_003 + 10 * round);
        for turn in [1, 2, 0] {
            script.send(&answers[turn].answer(TcpControl::None, answers[turn].ack.unwrap()));
        }
        for turn in [1, 2, 0] {
            let (_, remote) = listener.accept().unwrap();
            assert_eq!(remote, far(answers[turn].to));
        }
        let fins = script.wait(Duration::ZERO);
        assert_eq!(count(&fins, TcpControl::Fin), 3, "{fins:?}");
    }
}

/// Defect: one request whose sender never completes it holds the listener for ever.
#[test]
fn d09_an_incomplete_handshake_makes_room_after_the_deadline() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    assert_eq!(count(&requests(&mut script, 5_000..5_001), TcpControl::Syn), 1);
    script.wait(Duration::from_millis(9_900));
    assert_eq!(requests(&mut script, 5_001..5_002), [], "there was no room");
    script.wait(Duration::from_millis(200));

    let answers = requests(&mut script, 5_002..5_003);
    assert_eq!(count(&answers, TcpControl::Syn), 1, "the listener is still deaf");
    script.send(&answers[0].answer(TcpControl::None, answers[0].ack.unwrap()));
    let (_socket, remote) = listener.accept().unwrap();
    assert_eq!(remote, far(5_002));
}

/// The deadline is adjustable.
#[test]
fn d09_the_handshake_deadline_is_adjustable() {
    let short = Some(Duration::from_secs(1));
    let lab = Lab::builder(1).configure_near(|config| config.deadlines.handshake = short).build();
    let mut script = Script::new(&lab);
    let _listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    assert_eq!(count(&requests(&mut script, 5_000..5_001), TcpControl::Syn), 1);
    script.wait(Duration::from_millis(1_100));
    assert_eq!(count(&requests(&mut script, 5_001..5_002), TcpControl::Syn), 1);
}

/// A flood of requests gets no more than the backlog, and by default nobody a RST: peers ask
/// again. When the flood is over, the listener works as before.
#[test]
fn d09_a_flood_beyond_the_backlog_is_ignored_and_passes() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(4).unwrap();
    let answers = requests(&mut script, 5_000..5_100);
    assert_eq!((answers.len(), count(&answers, TcpControl::Syn)), (4, 4));
    let later = script.wait(Duration::from_secs(11));
    assert_eq!(count(&later, TcpControl::Rst), 0);

    let answers = requests(&mut script, 6_000..6_004);
    assert_eq!(count(&answers, TcpControl::Syn), 4);
    for answer in &answers {
        script.send(&answer.answer(TcpControl::None, answer.ack.unwrap()));
    }
    let accepted: Vec<_> = (0..4).map(|_| listener.accept().unwrap()).collect();
    assert_eq!(accepted.len(), 4);
}

/// With the other policy each request beyond the backlog is refused at once.
#[test]
fn d09_a_flood_beyond_the_backlog_is_refused_if_configured() {
    let lab = Lab::builder(1).configure_near(|config| config.overflow = Overflow::Refuse).build();
    let mut script = Script::new(&lab);
    let _listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(4).unwrap();
    let answers = requests(&mut script, 5_000..5_100);
    assert_eq!(count(&answers, TcpControl::Syn), 4);
    assert_eq!(count(&answers, TcpControl::Rst), 96);
}

/// Defect: a connection that the peer has already closed when it is accepted is lost, with the
/// data in it.
#[test]
fn d10_a_connection_closed_before_accept_is_delivered_with_its_data() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(far(PORT)).unwrap();
    let mut client = connecting.wait_with(|_| lab.step()).unwrap();
    client.send(b"request").unwrap();
    let mut client = client.shutdown();
    lab.run_for(Duration::from_secs(1));

    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(read_to_end(&lab, &mut server), (b"request".to_vec(), Error::PeerClosed));
    // The other direction is open.
    assert_eq!(server.send(b"response"), Ok(8));
    drop(server);
    assert_eq!(read_to_end(&lab, &mut client), (b"response".to_vec(), Error::PeerClosed));
}

/// As above, through the traits.
#[test]
fn d10_a_connection_closed_before_accept_is_delivered_through_embedded_nal() {
    let lab = Lab::new(1);
    let (mut server, mut listener) = nal_listener(&lab);
    let mut net = lab.near.net();
    let mut client = net.socket().unwrap();
    lab.block(|| net.connect(&mut client, far(PORT))).unwrap();
    assert_eq!(net.send(&mut client, b"request"), Ok(7));
    net.close(client).unwrap();
    lab.run_for(Duration::from_secs(1));

    let (mut served, _) = server.accept(&mut listener).unwrap();
    assert_eq!(server.receive(&mut served, &mut [0; 16]), Ok(7));
    let end = lab.block(|| server.receive(&mut served, &mut [0; 16]));
    assert_eq!(end, Err(Error::PeerClosed));
}

/// Defect: accept gives the local address where the peer's is promised.
#[test]
fn d11_accept_gives_the_address_of_the_peer() {
    let lab = Lab::new(1);
    let mut listener = lab.near.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let (mut server, mut nal_listener) = nal_listener(&lab);

    let client = lab.far.tcp().unwrap().bind(5_555).unwrap().connect(near(PORT)).unwrap();
    let client = client.wait_with(|_| lab.step()).unwrap();
    let (socket, remote) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(remote, far(5_555));
    assert_eq!(socket.remote_endpoint(), Ok(remote));
    drop(client);

    let client = lab.near.tcp().unwrap().bind(6_666).unwrap().connect(far(PORT)).unwrap();
    let _client = client.wait_with(|_| lab.step()).unwrap();
    let (_, remote): (_, SocketAddr) = lab.block(|| server.accept(&mut nal_listener)).unwrap();
    assert_eq!(remote, near(6_666));
}
