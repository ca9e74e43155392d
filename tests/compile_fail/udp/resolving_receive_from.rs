// must not compile: it is about to have one peer; others are for a bound socket.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.receive_from(&mut [0; 16]);
}

fn main() {}
