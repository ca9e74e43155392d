// must not compile: without an identifier no reply can be for it.

use sockstate::IcmpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut IcmpSocket<'_, Closed>) {
    let _ = socket.receive_echo(&mut [0; 16]);
}

fn main() {}
