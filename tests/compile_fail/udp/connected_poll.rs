// must not compile: there is nothing left to become; `net.poll()` polls the stack.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: UdpSocket<'_, Connected>) {
    let _ = socket.poll();
}

fn main() {}
