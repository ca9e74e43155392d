// must not compile: the half of a connection receives bytes, not connections.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: &mut TcpSocket<'_, ReadHalf>) {
    let _ = socket.accept();
}

fn main() {}
