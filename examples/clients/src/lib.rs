//! What the client programs have in common.
