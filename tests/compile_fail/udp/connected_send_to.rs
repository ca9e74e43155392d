// must not compile: it sends to its peer alone.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut UdpSocket<'_, Connected>, remote: SocketAddr) {
    let _ = socket.send_to(b"hello", remote);
}

fn main() {}
