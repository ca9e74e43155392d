// must not compile: a connection is closed once.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.close();
    let _ = socket.close();
}

fn main() {}
