//! How often tasks are woken and polled for the same work, on sockstate and on embassy-net 0.9.1.
//!
//! The stack under test, its runner and the applications are tasks of a small executor that counts
//! ([`executor`]), at one end of a cable ([`cable`]). At the other end is a plain smoltcp
//! ([`far`]), which is the same for both stacks and is no task. Time is virtual ([`time`]) and
//! passes only when no task is woken and the far end has nothing to do: all of it is one thread,
//! and a run gives the same numbers each time.
//!
//! What is the same for both: the frames' largest size, the sizes of the buffers, the clock, the
//! timer (embassy-time's, as `embassy_time::Delay` here), the way in which the device wakes the
//! runner, the applications ([`work`] is written once) and smoltcp's settings, which are its
//! defaults: acknowledgements are delayed by up to 10 ms, and Nagle's algorithm is on.
//!
//! What differs: embassy-net stands on smoltcp 0.13, sockstate on 0.14, as does the far end.
//! sockstate has its time limits for silent peers on, as it has by default; embassy-net has none
//! unless a socket is given one. Computing takes no time.

pub mod cable;
pub mod executor;
pub mod far;
pub mod near;
pub mod table;
pub mod time;
pub mod work;
pub mod world;
