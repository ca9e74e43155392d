// must not compile: it stays half closed until the application closes it.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.wait();
}

fn main() {}
