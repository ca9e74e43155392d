// must not compile: it would cut the other half off in the middle of its work.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    socket.abort();
}

fn main() {}
