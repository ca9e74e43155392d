// must not compile: nothing is on its way that would change the state.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.wait();
}

fn main() {}
