// must not compile: its sending direction is ended already.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.shutdown();
}

fn main() {}
