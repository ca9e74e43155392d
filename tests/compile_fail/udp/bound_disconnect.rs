// must not compile: it has no peer to give up.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = socket.disconnect();
}

fn main() {}
