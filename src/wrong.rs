#![doc = include_str!("../examples/wrong.md")]
