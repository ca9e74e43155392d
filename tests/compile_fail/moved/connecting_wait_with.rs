// must not compile: the connection that was waited for is what `wait_with` returned.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.wait_with(|_| ());
    let _ = socket.remote_endpoint();
}

fn main() {}
