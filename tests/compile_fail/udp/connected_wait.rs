// must not compile: what it waits for is done.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: UdpSocket<'_, Connected>) {
    let _ = socket.wait();
}

fn main() {}
