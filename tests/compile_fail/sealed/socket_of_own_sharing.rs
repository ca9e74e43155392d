// must not compile: a stack is shared in one of the two ways that the crate defines.
// expect: `Unlocked` does not say who shares a stack

use sockstate::TcpSocket;
use sockstate::state::Connected;

enum Unlocked {}

fn misuse(_socket: TcpSocket<'_, Connected, Unlocked>) {}

fn main() {}
