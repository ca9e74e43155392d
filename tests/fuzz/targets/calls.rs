#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockstate_fuzz::calls(data));
