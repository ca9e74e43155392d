// must not compile: the peer has not answered yet.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: &mut TcpSocket<'_, Connecting>) {
    let _ = socket.recv_with(|data| (data.len(), ()));
}

fn main() {}
