// must not compile: it cannot send yet.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.set_hop_limit(None);
}

fn main() {}
