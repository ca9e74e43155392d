// must not compile: binding comes before a host is named.

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(socket: UdpSocket<'_, Resolving<'_>>) {
    let _ = socket.bind(6000);
}

fn main() {}
