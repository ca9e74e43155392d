// must not compile: it cannot have received anything.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.next_len();
}

fn main() {}
