// must not compile: it would cut the other half off in the middle of its work.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    socket.abort();
}

fn main() {}
