// must not compile: it has no protocol to send.

use sockstate::RawSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut RawSocket<'_, Closed>) {
    let _ = socket.send_with(20, |packet| packet.len());
}

fn main() {}
