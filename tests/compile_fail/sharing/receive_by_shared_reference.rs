// must not compile: whoever receives must be the only one who can.
// expect: cannot borrow `*reader` as mutable, as it is behind a `&` reference

use sockstate::TcpReader;

fn misuse(reader: &TcpReader<'_>) {
    let _ = reader.receive(&mut [0; 16]);
}

fn main() {}
