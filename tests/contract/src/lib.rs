//! The contract of embedded-nal 0.9.
