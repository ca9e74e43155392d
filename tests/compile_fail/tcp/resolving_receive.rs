// must not compile: nothing can come from a host that was not asked.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
