// must not compile: the closure runs while the socket is at work.
// expect: closure requires unique access to `*socket` but it is already borrowed

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut TcpSocket<'_, Connected>) {
    let _ = socket.send_with(|buffer| (buffer.len(), socket.flush()));
}

fn main() {}
