// must not compile: there are no directions to split yet.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.split();
}

fn main() {}
