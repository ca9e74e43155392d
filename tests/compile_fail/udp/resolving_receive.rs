// must not compile: it has no peer yet to receive from.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
