// must not compile: whether a socket of any state can send is seen only by looking at its state.
// expect: no method named `send` found for mutable reference `&mut AnyTcpSocket<'_>`

use sockstate::AnyTcpSocket;

fn misuse(socket: &mut AnyTcpSocket<'_>) {
    let _ = socket.send(b"hello");
}

fn main() {}
