// must not compile: the socket that was bound is the one that `bind` returned.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: IcmpSocket<'_, Closed>) {
    let _ = socket.bind(1);
    let _ = socket.bind(2);
}

fn main() {}
