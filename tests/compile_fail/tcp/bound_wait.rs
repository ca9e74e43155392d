// must not compile: nothing is on its way that would change the state.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.wait();
}

fn main() {}
