pub fn frames(_data: &[u8]) {}
pub fn calls(_data: &[u8]) {}
pub fn answers(_data: &[u8]) {}
pub fn router(data: &[u8]) {
    sockstate::fuzz_router(data);
}
