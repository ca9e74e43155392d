// must not compile: nobody knows yet where the host is.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.send(b"hello");
}

fn main() {}
