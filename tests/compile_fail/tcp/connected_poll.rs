// must not compile: the connection is there; `receive` and `send` poll by themselves.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut TcpSocket<'_, Connected>) {
    let _ = socket.poll();
}

fn main() {}
