// must not compile: it is a half already.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    let _ = socket.split();
}

fn main() {}
