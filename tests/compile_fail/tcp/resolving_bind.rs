// must not compile: binding comes before a host is named.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.bind(6000);
}

fn main() {}
