// must not compile: the receiving half would not learn of it; dropping the writer does the same.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    let _ = socket.shutdown();
}

fn main() {}
