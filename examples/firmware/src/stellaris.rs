//! The Ethernet controller of TI's Stellaris LM3S6000 series: FIFOs behind one data register.
//!
//! Names and numbers are those of the LM3S6965 data sheet, chapter "Ethernet Controller".

use crate::registers::Registers;

const MACRIS: usize = 0x00;
const MACIM: usize = 0x04;
const MACRCTL: usize = 0x08;
const MACTCTL: usize = 0x0c;
const MACDATA: usize = 0x10;
const MACIA0: usize = 0x14;
const MACIA1: usize = 0x18;
const MACNP: usize = 0x34;
const MACTR: usize = 0x38;

/// The interrupt "a frame was received".
const RXINT: u32 = 1;

/// The length field in front of a received frame and the frame check sequence behind it, which
/// the length counts.
const AROUND: usize = 2 + 4;
const HEADER: usize = 14;

/// Whether a frame waits, as the interrupt says.
pub fn has_frame(registers: Registers) -> bool {
    registers.read(MACRIS) & RXINT != 0
}

pub struct Ethernet {
    registers: Registers,
}

impl Ethernet {
    /// # Safety
    ///
    /// The controller's registers are at `base`, it has its clock, and nobody else uses it.
    pub unsafe fn new(base: usize, address: [u8; 6]) -> Self {
        // SAFETY: as promised.
        let registers = unsafe { Registers::new(base) };
        let [a, b, c, d, e, f] = address;
        registers.write(MACIA0, u32::from_le_bytes([a, b, c, d]));
        registers.write(MACIA1, u32::from_le_bytes([e, f, 0, 0]));
        registers.write(MACRCTL, 1 << 4); // RSTFIFO
        // BADCRC, RXEN. For IPv6 and groups multicast frames as well: AMUL.
        registers.write(MACRCTL, 1 << 3 | 1);
        registers.write(MACTCTL, 1 << 4 | 1 << 2 | 1 << 1 | 1); // DUPLEX, CRC, PADEN, TXEN
        registers.write(MACRIS, !0);
        registers.write(MACIM, RXINT);
        Ethernet { registers }
    }
}

impl crate::Controller for Ethernet {
    const MOST_FRAMES: usize = 1;

    fn receive(&mut self, buffer: &mut [u32]) -> Option<usize> {
        // First: a frame that comes after the look at the FIFO must interrupt again.
        self.registers.write(MACRIS, RXINT);
        while self.registers.read(MACNP) & 0x3f != 0 {
            // The first word holds the length and the first two bytes of the frame; so all the
            // others are two bytes off.
            let mut word = self.registers.read(MACDATA);
            let total = (word & 0xffff) as usize;
            let rest = total.div_ceil(4).saturating_sub(1);
            match buffer.get_mut(..rest) {
                Some(words) if total >= AROUND => {
                    for place in words {
                        let next = self.registers.read(MACDATA);
                        *place = word >> 16 | next << 16;
                        word = next;
                    }
                    if let Some(last) = buffer.get_mut(rest) {
                        *last = word >> 16;
                    }
                    return Some(total - AROUND);
                }
                _ => {
                    for _ in 0..rest {
                        self.registers.read(MACDATA);
                    }
                }
            }
        }
        None
    }

    fn has_room(&mut self) -> bool {
        self.registers.read(MACTR) & 1 == 0
    }

    fn send(&mut self, frame: &[u32], len: usize) {
        // The length does not count the header.
        let mut low = len.saturating_sub(HEADER) as u32;
        for word in frame {
            self.registers.write(MACDATA, low | word << 16);
            low = word >> 16;
        }
        // The last bytes, if they came too late for the words before.
        if (len + 2).div_ceil(4) > frame.len() {
            self.registers.write(MACDATA, low);
        }
        self.registers.write(MACTR, 1); // NEWTX
    }
}
