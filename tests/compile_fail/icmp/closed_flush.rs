// must not compile: it cannot have sent anything.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.flush();
}

fn main() {}
