// must not compile: it has no peer to receive from.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
