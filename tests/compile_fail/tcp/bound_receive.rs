// must not compile: a TCP port receives nothing before there is a connection.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut TcpSocket<'_, Bound>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
