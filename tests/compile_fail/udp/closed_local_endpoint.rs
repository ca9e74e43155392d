// must not compile: it has neither an address nor a port yet.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &UdpSocket<'_, Closed>) {
    let _ = socket.local_endpoint();
}

fn main() {}
