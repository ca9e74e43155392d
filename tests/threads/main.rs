//! Threads, tasks and interrupt handlers that share a stack, and sleep until it has something for
//! them.
//!
//! One runs the stack, the others sleep until it wakes them. What could go wrong is that somebody
//! sleeps who has something to do, or that somebody is woken over and over for nothing.

mod alarm;
mod interrupt;
mod lost;
mod runner;
mod tasks;
