//! What the fuzzer's bytes decide.

/// The bytes that are left. Without any, every throw is a zero.
#[derive(Clone, Debug)]
pub struct Dice<'d>(&'d [u8]);

impl<'d> Dice<'d> {
    pub fn new(data: &'d [u8]) -> Self {
        Dice(data)
    }

    pub fn are_used_up(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub fn long(&mut self) -> u32 {
        u32::from(self.word()) << 16 | u32::from(self.word())
    }

    /// A number below `limit`, of as few bytes as will do: then each of them matters.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = if limit <= 256 { self.byte().into() } else { self.word() };
        usize::from(number) % limit
    }

    /// Not what happens when the bytes are used up.
    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == chances - 1
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// So many bytes, or as many as there are.
    pub fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}
