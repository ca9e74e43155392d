//! A TCP echo server of 32 connections in one loop, which visits only those that are ready.
//!
//! With a peer in the same process it serves 32 clients and ends. On a TAP interface it serves
//! whoever comes, on the port of `--remote`, until it is interrupted.
//!
//! ```sh
//! cargo run --example watch_server
//! cargo run --example watch_server -- --tap tap0 --remote 0.0.0.0:7000
//! ```

mod common;

use std::net::SocketAddr;

use common::{Idle, Options, Outcome};
use sockstate::state::Connected;
use sockstate::{AnyTcpSocket, Error, Net, Ready, TcpSocket, Unfinished, Watch, nb};

/// Connections at once; one slot more is the listener's.
const CONNECTIONS: usize = 32;

/// The key of the listener. Those of the connections are their places in the array.
const LISTENER: u16 = u16::MAX;

fn main() -> Outcome {
    let mut options = Options::from_args();
    options.heap.tcp = CONNECTIONS + 1;
    let forever = options.tap.is_some();
    options.run(
        |net| clients(net, "192.168.69.1:7".parse()?),
        |net, remote, idle| serve(net, remote, idle, forever),
    )
}

fn serve(net: &Net, remote: SocketAddr, mut idle: Idle<'_>, forever: bool) -> Outcome {
    let mut listener = net.tcp()?.bind(remote.port())?.listen(1)?;
    let mut clients: [AnyTcpSocket; CONNECTIONS] = Default::default();
    let mut watch = net.watch()?;
    watch.add(&listener, LISTENER, Ready::ACCEPT)?;
    println!("{listener:?} on {}", listener.local_endpoint()?);

    let mut served = 0;
    while forever || served < CONNECTIONS {
        let event = net.block_with(&mut idle, || watch.event())?;
        if event.key == LISTENER {
            let Ok((client, remote)) = listener.accept() else { continue };
            // There are as many places as connections that can be accepted.
            let place = clients.iter().position(is_idle).ok_or("no place")?;
            println!("{client:?} from {remote} is client {place}");
            watch.add(&client, place as u16, Ready::RECEIVE)?;
            clients[place] = client.into();
        } else if let AnyTcpSocket::Connected(client) = &mut clients[usize::from(event.key)] {
            match echo(&mut watch, event.key, client) {
                Ok(()) | Err(nb::Error::WouldBlock) => {}
                Err(nb::Error::Other(reason)) => {
                    // Dropped, it is closed; what was sent is still delivered.
                    println!("{client:?} ends: {reason}");
                    clients[usize::from(event.key)] = AnyTcpSocket::Idle;
                    served += 1;
                }
            }
        }
    }
    Ok(())
}

/// Receives as much as can be sent back, and waits for room while there is none.
fn echo<'net>(
    watch: &mut Watch<'net>,
    key: u16,
    client: &mut TcpSocket<'net, Connected>,
) -> nb::Result<(), Error> {
    let mut buffer = [0; 2048];
    let room = client.send_room()?.min(buffer.len());
    let interest = if room == 0 { Ready::SEND } else { Ready::RECEIVE };
    watch.add(client, key, interest)?;
    let received = client.receive(&mut buffer[..room])?;
    client.send(&buffer[..received])?;
    Ok(())
}

fn is_idle(client: &AnyTcpSocket<'_>) -> bool {
    matches!(client, AnyTcpSocket::Idle)
}

/// The far end of the cable: clients that send a line each, one after the other, and then leave.
fn clients(net: &Net, server: SocketAddr) -> Outcome<Box<dyn FnMut() + '_>> {
    let mut clients: Vec<AnyTcpSocket<'_>> = Vec::new();
    let mut turn = 0;
    Ok(Box::new(move || {
        if clients.len() < CONNECTIONS && !clients.iter().any(is_connecting) {
            // With no slot or port left, there is nothing to be done but to try again.
            if let Ok(socket) = net.tcp().and_then(|socket| Ok(socket.connect(server)?)) {
                clients.push(socket.into());
            }
        }
        let all_here = clients.len() == CONNECTIONS;
        for (place, client) in clients.iter_mut().enumerate() {
            *client = match client.take() {
                AnyTcpSocket::Connecting(connecting) => match connecting.finish() {
                    Ok(connected) => connected.into(),
                    Err(Unfinished::Pending(connecting)) => connecting.into(),
                    Err(Unfinished::Failed(failed)) => failed.into_socket().into(),
                },
                AnyTcpSocket::Connected(mut socket) if all_here && place == turn => {
                    turn += 1;
                    // A new connection has room for a line.
                    let _ = socket.send(format!("line of client {place}\n").as_bytes());
                    socket.shutdown().into()
                }
                AnyTcpSocket::HalfClosed(mut half) => match half.receive(&mut [0; 64]) {
                    Err(nb::Error::Other(_)) => half.close().into(),
                    _ => half.into(),
                },
                other => other,
            }
        }
    }))
}

fn is_connecting(client: &AnyTcpSocket<'_>) -> bool {
    matches!(client, AnyTcpSocket::Connecting(_))
}
