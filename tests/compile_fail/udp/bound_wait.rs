// must not compile: nothing was asked that there could be an answer to.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = socket.wait();
}

fn main() {}
