// must not compile: a whole is made of a reader and a writer.
// expect: mismatched types

use sockstate::TcpReader;

fn misuse<'net>(first: TcpReader<'net>, second: TcpReader<'net>) {
    let _ = first.reunite(second);
}

fn main() {}
