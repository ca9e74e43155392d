// must not compile: it has no peer yet.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.disconnect();
}

fn main() {}
