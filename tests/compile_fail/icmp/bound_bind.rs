// must not compile: it has an identifier already.

use sockstate::IcmpSocket;
use sockstate::state::Bound;

fn misuse(socket: IcmpSocket<'_, Bound>) {
    let _ = socket.bind(2);
}

fn main() {}
