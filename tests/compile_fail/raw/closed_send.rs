// must not compile: it has no protocol to send.

use sockstate::RawSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut RawSocket<'_, Closed>) {
    let _ = socket.send(&[0; 20]);
}

fn main() {}
