//! Peers for the far end of the cable.

use sockstate::state::{Bound, Connected, Listening};
use sockstate::{Error, Net, TcpSocket, UdpSocket, nb};

use super::Outcome;

/// The port of the echo service (RFC 862).
const ECHO: u16 = 7;

/// A TCP and UDP echo service.
pub fn echo(net: &Net) -> Outcome<Box<dyn FnMut() + '_>> {
    let mut tcp = TcpEcho { listener: net.tcp()?.bind(ECHO)?.listen(4)?, connections: Vec::new() };
    let mut udp = net.udp()?.bind(ECHO)?;
    Ok(Box::new(move || {
        tcp.step();
        echo_datagram(&mut udp);
    }))
}

struct TcpEcho<'net> {
    listener: TcpSocket<'net, Listening>,
    connections: Vec<TcpSocket<'net, Connected>>,
}

impl TcpEcho<'_> {
    fn step(&mut self) {
        if let Ok((connection, _)) = self.listener.accept() {
            self.connections.push(connection);
        }
        // A connection that has ended is dropped, which closes it.
        self.connections
            .retain_mut(|connection| !matches!(echo_bytes(connection), Err(nb::Error::Other(_))));
    }
}

/// Sends back what has arrived, as far as there is room for it.
pub fn echo_bytes(connection: &mut TcpSocket<'_, Connected>) -> nb::Result<usize, Error> {
    let mut buffer = [0; 1024];
    let room = connection.send_room()?.min(buffer.len());
    let received = connection.receive(&mut buffer[..room])?;
    connection.send(&buffer[..received])
}

fn echo_datagram(socket: &mut UdpSocket<'_, Bound>) {
    let mut buffer = [0; 1472];
    if let Ok((size, from)) = socket.receive_from(&mut buffer) {
        // A datagram that cannot be answered is lost, as datagrams are.
        let _ = socket.send_to(&buffer[..size], from);
    }
}
