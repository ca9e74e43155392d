// must not compile: it cannot have received anything.

use sockstate::RawSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut RawSocket<'_, Closed>) {
    let _ = socket.next_len();
}

fn main() {}
