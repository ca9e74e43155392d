// must not compile: the peer has not answered yet.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: &mut TcpSocket<'_, Connecting>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
