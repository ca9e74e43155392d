// must not compile: it has no peer to give up.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: UdpSocket<'_, Closed>) {
    let _ = socket.disconnect();
}

fn main() {}
