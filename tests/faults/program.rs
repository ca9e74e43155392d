//! The program under test, at the near end: it uses all there is to use, each thing once, and
//! compares what it is given with what it must be.

use std::net::{IpAddr, SocketAddr};

use embedded_nal::TcpClientStack;
use sockstate::state::{Connected, Connecting};
use sockstate::{AddrType, Error, TcpSocket, Unfinished, nb};

use super::common::{FAR, far, near, pattern};
use super::scene::{ECHO, HOST, Scene};

/// The documented time limits, in seconds, and two for the way there and back.
const LOOKUP: u64 = 10 + 2;
const CONNECT: u64 = 30 + 2;
const CLOSE: u64 = 30 + 2;
/// From the last word of the peer, which may come again and again.
const PEER: u64 = 60 + 2;

/// How often what may be lost is sent, a second each.
const TRIES: usize = 12;

type Step = fn(&Scene<'_>) -> Result<(), Error>;

const STEPS: [(&str, Step); 6] = [
    ("look up", look_up),
    ("echo by name", echo_by_name),
    ("accept three", accept_three),
    ("exchange datagrams", exchange_datagrams),
    ("ping", ping),
    ("use a client", use_a_client),
];

/// Does it all, and says how each step ended.
pub fn run(scene: &Scene<'_>) -> [(&'static str, Result<(), Error>); 6] {
    STEPS.map(|(name, step)| (name, step(scene)))
}

fn look_up(scene: &Scene<'_>) -> Result<(), Error> {
    let mut lookup = scene.pair.near.stack.lookup(HOST, AddrType::Ipv4)?;
    let found = scene.wait(LOOKUP, || lookup.poll())?;
    assert_eq!(found, IpAddr::from(FAR));
    Ok(())
}

/// Many bytes there and back on one connection, whose halves are closed one after the other.
fn echo_by_name(scene: &Scene<'_>) -> Result<(), Error> {
    let mut resolving = scene.pair.near.stack.tcp()?.connect_by_name(HOST, ECHO)?;
    scene.wait(LOOKUP, || resolving.poll())?;
    let mut socket = connect(scene, resolving.finish().map_err(end)?)?;
    let data = pattern(scene.bytes);
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < data.len() {
        let exchanging = || exchange(&mut socket, &data, &mut sent, &mut received);
        match scene.wait_while(2 * PEER, exchanging) {
            Some(exchanged) => exchanged?,
            None => return owes_nothing(&socket),
        }
    }
    assert!(received == data, "not what was sent");
    let mut socket = socket.shutdown();
    scene.wait(2 * PEER, || socket.flush())?;
    match scene.wait_while(PEER, || socket.receive(&mut [0; 8])) {
        Some(Err(Error::PeerClosed)) => {}
        Some(Ok(size)) => panic!("{size} bytes more than were sent"),
        Some(Err(error)) => return Err(error),
        // The peer owes nothing.
        None => return Err(Error::TimedOut),
    }
    let mut closing = socket.close();
    scene.wait(CLOSE, || closing.poll())
}

fn connect<'p>(
    scene: &Scene<'_>,
    mut socket: TcpSocket<'p, Connecting>,
) -> Result<TcpSocket<'p, Connected>, Error> {
    scene.wait(CONNECT, || socket.poll())?;
    socket.finish().map_err(end)
}

fn end<P, T>(unfinished: Unfinished<P, T>) -> Error {
    match unfinished {
        Unfinished::Pending(_) => panic!("it was ready, and is not any more"),
        Unfinished::Failed(failed) => failed.error(),
    }
}

/// That the program waits for data has no limit but its own, as long as the peer has acknowledged
/// all there is: it may have nothing to say.
fn owes_nothing(socket: &TcpSocket<'_, Connected>) -> Result<(), Error> {
    assert_eq!(socket.send_queue(), Ok(0), "the peer owes an acknowledgement");
    Err(Error::TimedOut)
}

/// Sends and receives what is possible; blocks if nothing is.
fn exchange(
    socket: &mut TcpSocket<'_, Connected>,
    data: &[u8],
    sent: &mut usize,
    received: &mut Vec<u8>,
) -> nb::Result<(), Error> {
    let mut buffer = [0; 700];
    let rest = &data[*sent..];
    let sending = if rest.is_empty() { Err(nb::Error::WouldBlock) } else { socket.send(rest) };
    let receiving = socket.receive(&mut buffer);
    for error in [sending, receiving].into_iter().filter_map(Result::err) {
        if error != nb::Error::WouldBlock {
            return Err(error);
        }
    }
    *sent += sending.unwrap_or(0);
    let size = receiving.unwrap_or(0);
    received.extend_from_slice(&buffer[..size]);
    if sending.is_err() && receiving.is_err() { Err(nb::Error::WouldBlock) } else { Ok(()) }
}

/// Three requests at once for a backlog of two.
fn accept_three(scene: &Scene<'_>) -> Result<(), Error> {
    const PORT: u16 = 90;
    let [own, peer] = [&scene.pair.near, &scene.pair.far].map(|end| end.stack.net());
    let mut listener = own.tcp()?.bind(PORT)?.listen(2)?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(peer.tcp()?.connect(near(PORT))?);
    }
    let mut connections = Vec::new();
    while connections.len() < 3 {
        // A client that was refused or given up says so. One whose last word was lost does not
        // know.
        let accepted = scene.wait_while(CONNECT, || {
            for client in &mut clients {
                client.poll().or_else(pending)?;
            }
            listener.accept().map_err(|_| nb::Error::<Error>::WouldBlock)
        });
        connections.push(accepted.unwrap_or(Err(Error::TimedOut))?);
    }
    drop(listener);
    let clients = clients.into_iter().map(|client| connect(scene, client));
    for mut client in clients.collect::<Result<Vec<_>, _>>()? {
        let own = client.local_endpoint()?;
        let place = connections.iter().position(|(_, remote)| remote.port() == own.port);
        let (mut socket, _) = connections.remove(place.expect("it was not accepted"));
        say(scene, &mut client, &mut socket, b"question")?;
        say(scene, &mut socket, &mut client, b"answer")?;
        let (mut one, mut other) = (client.close(), socket.close());
        scene.wait(CLOSE, || one.poll())?;
        scene.wait(CLOSE, || other.poll())?;
    }
    Ok(())
}

fn pending(error: nb::Error<Error>) -> nb::Result<(), Error> {
    if error == nb::Error::WouldBlock { Ok(()) } else { Err(error) }
}

fn say(
    scene: &Scene<'_>,
    from: &mut TcpSocket<'_, Connected>,
    to: &mut TcpSocket<'_, Connected>,
    message: &[u8],
) -> Result<(), Error> {
    let (mut sent, mut received) = (0, Vec::new());
    while received.len() < message.len() {
        // Whoever only receives is not told that the peer is gone.
        scene.wait(2 * PEER, || {
            let rest = &message[sent..];
            let sending = if rest.is_empty() { from.flush().map(|()| 0) } else { from.send(rest) };
            match sending {
                Ok(size) => sent += size,
                Err(error) => pending(error)?,
            }
            let mut buffer = [0; 16];
            let size = to.receive(&mut buffer)?;
            received.extend_from_slice(&buffer[..size]);
            Ok::<_, nb::Error<Error>>(())
        })?;
    }
    assert_eq!(received, message);
    Ok(())
}

/// Datagrams may be lost, and come late: whoever sends them asks again. That they wait for room in
/// the device has no limit but the program's.
fn exchange_datagrams(scene: &Scene<'_>) -> Result<(), Error> {
    let mut socket = scene.pair.near.stack.udp()?.connect(far(ECHO))?;
    for message in [&b"one"[..], &[2; 700]] {
        ask(|| {
            scene.wait_while(PEER, || socket.send(message)).unwrap_or(Err(Error::TimedOut))?;
            // An answer to an earlier one may come first.
            let answer = scene.wait_while(1, || match socket.recv_with(|data| data == message) {
                Ok(false) => Err(nb::Error::WouldBlock),
                answer => answer,
            });
            answer.transpose()
        })?;
    }
    scene.wait_while(PEER, || socket.flush()).unwrap_or(Err(Error::TimedOut))
}

fn ping(scene: &Scene<'_>) -> Result<(), Error> {
    let mut socket = scene.pair.near.stack.icmp()?.bind_any()?;
    let mut seq_no = 0;
    ask(|| {
        seq_no += 1;
        let sending = || socket.send_echo(FAR.into(), seq_no, b"ping");
        scene.wait_while(PEER, sending).unwrap_or(Err(Error::TimedOut))?;
        let mut buffer = [0; 16];
        let answered = scene.wait_while(1, || socket.receive_echo(&mut buffer)).transpose()?;
        Ok(answered.inspect(|_| assert!(buffer.starts_with(b"ping"))))
    })
    .map(drop)
}

fn ask<R>(mut question: impl FnMut() -> Result<Option<R>, Error>) -> Result<R, Error> {
    for _ in 0..TRIES {
        if let Some(answer) = question()? {
            return Ok(answer);
        }
    }
    Err(Error::TimedOut)
}

/// A client of embedded-nal.
fn use_a_client(scene: &Scene<'_>) -> Result<(), Error> {
    let mut stack = scene.pair.near.stack.net();
    let mut socket = stack.socket()?;
    let remote: SocketAddr = far(ECHO);
    scene.wait(CONNECT, || stack.connect(&mut socket, remote))?;
    let sent = scene.wait(PEER, || stack.send(&mut socket, b"!"))?;
    assert_eq!(sent, 1);
    let mut buffer = [0; 16];
    let received = scene.wait_while(2 * PEER, || stack.receive(&mut socket, &mut buffer));
    let size = received.unwrap_or(Err(Error::TimedOut))?;
    assert_eq!(&buffer[..size], b"!");
    stack.close(socket)
}
