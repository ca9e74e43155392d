// must not compile: it has none yet.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.ident();
}

fn main() {}
