// must not compile: the connection that was waited for is what `wait` returned.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.wait();
    let _ = socket.wait();
}

fn main() {}
