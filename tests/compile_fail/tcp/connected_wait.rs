// must not compile: the connection is there; there is no later state to wait for.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.wait();
}

fn main() {}
