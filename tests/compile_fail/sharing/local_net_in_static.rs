// must not compile: every thread and interrupt handler sees a static.
// expect: cannot be shared between threads safely

use sockstate::Net;

static NET: Option<&Net> = None;

fn main() {}
