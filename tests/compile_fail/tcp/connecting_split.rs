// must not compile: there are no directions before the peer has answered.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.split();
}

fn main() {}
