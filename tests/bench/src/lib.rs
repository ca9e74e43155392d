//! What the same work costs on several TCP/IP stacks: instructions, frames, time and memory.
//!
//! A stack under test (`near`) is at one end of a cable (`cable`), at the other end is a plain
//! smoltcp of another version (`remote`), and `world` runs both in virtual time (`time`). The
//! work (`work`) is written once.
//!
//! What is counted is the near end's part: instructions by callgrind (`count`), which gives the same
//! number every time, and wall time by turns with another stack (`wall`), as a machine is now fast
//! and now slow. `results` has all that is measured, `table` and `plot` show it, `gate` says which
//! bounds are kept, and `report` what becomes of it.

mod cable;
mod count;
mod gate;
mod memory;
pub mod near;
mod plot;
mod remote;
pub mod report;
pub mod results;
pub mod stacks;
mod table;
mod time;
mod wall;
mod work;
mod world;
