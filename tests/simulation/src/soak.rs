pub struct Soak;
pub fn soak() {}
