// must not compile: sockets come from a stack and from `accept`.
// expect: associated function `new` is private

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse() {
    let _ = TcpSocket::<'_, Connected>::new;
}

fn main() {}
