// must not compile: a `Local` stack has no lock between threads.
// expect: cannot be shared between threads safely

use sockstate::device::{Plug, StdClock};
use sockstate::{Local, Stack};

fn on_another_thread(_work: impl FnOnce() + Send) {}

fn misuse(stack: &Stack<Plug, StdClock, Local>) {
    on_another_thread(|| {
        let _ = stack.tcp();
    });
}

fn main() {}
