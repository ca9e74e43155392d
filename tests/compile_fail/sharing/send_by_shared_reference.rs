// must not compile: whoever sends must be the only one who can.
// expect: cannot borrow `*writer` as mutable, as it is behind a `&` reference

use sockstate::TcpWriter;

fn misuse(writer: &TcpWriter<'_>) {
    let _ = writer.send(b"hello");
}

fn main() {}
