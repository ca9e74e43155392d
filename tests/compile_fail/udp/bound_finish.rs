// must not compile: nothing was begun.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = socket.finish();
}

fn main() {}
