// must not compile: the sending direction belongs to the other half.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    let _ = socket.shutdown();
}

fn main() {}
