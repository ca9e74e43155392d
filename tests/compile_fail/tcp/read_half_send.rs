// must not compile: sending is for the other half alone.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: &mut TcpSocket<'_, ReadHalf>) {
    let _ = socket.send(b"hello");
}

fn main() {}
