// must not compile: another way to pass the time does not give it anything to wait for.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.wait_with(|_| ());
}

fn main() {}
