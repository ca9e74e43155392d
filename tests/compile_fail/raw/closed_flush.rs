// must not compile: it cannot have sent anything.

use sockstate::RawSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut RawSocket<'_, Closed>) {
    let _ = socket.flush();
}

fn main() {}
