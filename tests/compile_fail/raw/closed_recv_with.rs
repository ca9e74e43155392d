// must not compile: it has no protocol to receive.

use sockstate::RawSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut RawSocket<'_, Closed>) {
    let _ = socket.recv_with(|packet| packet.len());
}

fn main() {}
