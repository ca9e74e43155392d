// must not compile: two tasks that read one connection would each miss what the other has received.
// expect: cannot borrow `reader` as mutable more than once at a time

use sockstate::TcpReader;

fn at_once(_one: impl Future, _other: impl Future) {}

fn misuse(mut reader: TcpReader<'_>) {
    let (mut first, mut second) = ([0; 8], [0; 8]);
    at_once(reader.receive_async(&mut first), reader.receive_async(&mut second));
}

fn main() {}
