// must not compile: there is no direction to end before the peer has answered.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.shutdown();
}

fn main() {}
