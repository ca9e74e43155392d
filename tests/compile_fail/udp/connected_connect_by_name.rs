// must not compile: it has a peer already, to be given up first.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: UdpSocket<'_, Connected>) {
    let _ = socket.connect_by_name("host.example", 7);
}

fn main() {}
