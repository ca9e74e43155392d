// must not compile: there is no direction to end yet.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.shutdown();
}

fn main() {}
