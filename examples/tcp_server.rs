//! A TCP echo server for several clients at once.
//!
//! With a peer in the same process it serves three clients and ends. On a TAP interface it serves
//! whoever comes, on the port of `--remote`, until it is interrupted.
//!
//! ```sh
//! cargo run --example tcp_server
//! cargo run --example tcp_server -- --tap tap0 --remote 0.0.0.0:7000
//! ```

mod common;

use std::net::SocketAddr;

use common::peer::echo_bytes;
use common::{Idle, Options, Outcome};
use sockstate::{AnyTcpSocket, Net, Unfinished, nb};

/// Clients of the peer in this process.
const CLIENTS: usize = 3;

fn main() -> Outcome {
    let options = Options::from_args();
    let forever = options.tap.is_some();
    options.run(
        |net| clients(net, "192.168.69.1:7".parse()?, CLIENTS),
        |net, remote, idle| serve(net, remote, idle, forever),
    )
}

fn serve(net: &Net, remote: SocketAddr, idle: Idle<'_>, forever: bool) -> Outcome {
    let listener = net.tcp()?.bind(remote.port())?;
    println!("{listener:?} on {}", listener.local_endpoint()?);

    let mut listener = listener.listen(4)?;
    println!("{listener:?}");

    let mut connections = Vec::new();
    let mut served = 0;
    while forever || served < CLIENTS {
        while let Ok((connection, client)) = listener.accept() {
            println!("{connection:?} from {client}");
            connections.push((connection, client));
        }
        connections.retain_mut(|(connection, client)| match echo_bytes(connection) {
            Ok(bytes) => {
                println!("{connection:?} echoed {bytes} bytes to {client}");
                true
            }
            Err(nb::Error::WouldBlock) => true,
            Err(nb::Error::Other(reason)) => {
                // Dropped, it is closed; what was sent is still delivered.
                println!("{connection:?} to {client} ends: {reason}");
                served += 1;
                false
            }
        });
        if !net.poll()? {
            idle(net.poll_delay());
        }
    }
    Ok(())
}

/// The far end of the cable: several TCP clients at once, each with a line of its own.
fn clients(net: &Net, server: SocketAddr, count: usize) -> Outcome<Box<dyn FnMut() + '_>> {
    let mut clients = Vec::new();
    for number in 1..=count {
        let socket = net.tcp()?.connect(server)?;
        clients.push((AnyTcpSocket::from(socket), format!("line of client {number}\n")));
    }
    Ok(Box::new(move || {
        for (socket, line) in &mut clients {
            *socket = next(socket.take(), line);
        }
    }))
}

/// One step of a client: connect, send the line, receive the echo of it, close.
fn next<'net>(socket: AnyTcpSocket<'net>, line: &str) -> AnyTcpSocket<'net> {
    match socket {
        AnyTcpSocket::Connecting(connecting) => match connecting.finish() {
            Ok(mut connected) => {
                // A new connection has room for a line.
                let _ = connected.send(line.as_bytes());
                connected.shutdown().into()
            }
            Err(Unfinished::Pending(connecting)) => connecting.into(),
            Err(Unfinished::Failed(failed)) => failed.into_socket().into(),
        },
        AnyTcpSocket::HalfClosed(mut half) => match half.receive(&mut [0; 64]) {
            Err(nb::Error::Other(_)) => half.close().into(),
            _ => half.into(),
        },
        other => other,
    }
}
