//! A short soak. Alone in its program, as it looks at the whole heap.

use std::alloc::System;

use cap::Cap;
use sockstate_simulation::soak;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn ten_minutes_leave_nothing_behind() {
    let soak = soak(1, 10, || HEAP.allocated(), |_| {});
    assert!(soak.is_clean(), "{soak}");
    assert!(soak.stats.connected > 250 && soak.stats.lookups_answered > 30, "{soak}");
}
