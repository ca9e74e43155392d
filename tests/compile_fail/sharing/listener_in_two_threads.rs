// must not compile: accepting changes the listener; each thread needs one of its own.
// expect: cannot borrow `listener` as mutable more than once at a time

use sockstate::state::Listening;
use sockstate::{Shared, TcpSocket};

fn in_two_threads(_one: impl FnOnce() + Send, _other: impl FnOnce() + Send) {}

fn misuse(mut listener: TcpSocket<'_, Listening, Shared>) {
    in_two_threads(
        || {
            let _ = listener.accept();
        },
        || {
            let _ = listener.accept();
        },
    );
}

fn main() {}
