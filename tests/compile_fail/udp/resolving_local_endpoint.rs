// must not compile: it may get its port only when the host is found.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.local_endpoint();
}

fn main() {}
