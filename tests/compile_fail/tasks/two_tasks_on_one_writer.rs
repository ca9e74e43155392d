// must not compile: what two tasks send would be mixed.
// expect: cannot borrow `writer` as mutable more than once at a time

use sockstate::TcpWriter;

fn at_once(_one: impl Future, _other: impl Future) {}

fn misuse(mut writer: TcpWriter<'_>) {
    at_once(writer.send_all_async(b"one"), writer.send_all_async(b"other"));
}

fn main() {}
