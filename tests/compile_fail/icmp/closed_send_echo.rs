// must not compile: without an identifier no reply would find it.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.send_echo([192, 168, 69, 2].into(), 1, b"data");
}

fn main() {}
