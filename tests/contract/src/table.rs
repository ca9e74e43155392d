//! The outcomes as a table.
