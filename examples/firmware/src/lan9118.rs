//! SMSC LAN9118: an Ethernet controller whose FIFOs are read and written word by word.
//!
//! Names and numbers are those of its data sheet, "LAN9118 High Performance Single-Chip 10/100
//! Non-PCI Ethernet Controller", chapter 5.

use crate::registers::Registers;

const RX_DATA_FIFO: usize = 0x00;
const TX_DATA_FIFO: usize = 0x20;
const RX_STATUS_FIFO: usize = 0x40;
const TX_STATUS_FIFO: usize = 0x48;
const IRQ_CFG: usize = 0x54;
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5c;
const FIFO_INT: usize = 0x68;
const RX_CFG: usize = 0x6c;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_DP_CTL: usize = 0x78;
const RX_FIFO_INF: usize = 0x7c;
const TX_FIFO_INF: usize = 0x80;
const PMT_CTRL: usize = 0x84;
const MAC_CSR_CMD: usize = 0xa4;
const MAC_CSR_DATA: usize = 0xa8;

const MAC_CR: u32 = 1;
const ADDRH: u32 = 2;
const ADDRL: u32 = 3;

/// The interrupt "receive status FIFO level".
const RSFL: u32 = 1 << 3;

/// Frames of a kibibyte and a half that the receive FIFO holds (10,560 bytes).
const RX_FRAMES: usize = 6;
/// The frame check sequence, which the controller leaves at the end.
const FCS: usize = 4;

/// Whether a frame waits, as the interrupt says.
pub fn has_frame(registers: Registers) -> bool {
    registers.read(INT_STS) & RSFL != 0
}

pub struct Ethernet {
    registers: Registers,
}

impl Ethernet {
    /// # Safety
    ///
    /// The controller's registers are at `base`, and nobody else uses them.
    pub unsafe fn new(base: usize, address: [u8; 6]) -> Self {
        // SAFETY: as promised.
        let registers = unsafe { Registers::new(base) };
        let ethernet = Ethernet { registers };
        registers.write(HW_CFG, 1); // SRST
        while registers.read(HW_CFG) & 1 != 0 || registers.read(PMT_CTRL) & 1 == 0 {}
        registers.write(HW_CFG, 1 << 20 | 5 << 16); // MBO; 5 KiB of the FIFOs are for sending

        let [a, b, c, d, e, f] = address;
        ethernet.write_mac(ADDRL, u32::from_le_bytes([a, b, c, d]));
        ethernet.write_mac(ADDRH, u32::from_le_bytes([e, f, 0, 0]));
        // FDPX, TXEN, RXEN. For IPv6 and groups multicast frames as well: MCPAS.
        ethernet.write_mac(MAC_CR, 1 << 20 | 1 << 3 | 1 << 2);
        registers.write(RX_CFG, 0);
        registers.write(TX_CFG, 1 << 1); // TX_ON

        // The interrupt stands while a received frame waits.
        registers.write(FIFO_INT, 0);
        registers.write(INT_STS, !0);
        registers.write(INT_EN, RSFL);
        registers.write(IRQ_CFG, 1 << 8 | 1 << 4 | 1); // IRQ_EN, IRQ_POL, IRQ_TYPE
        ethernet
    }

    fn write_mac(&self, register: u32, value: u32) {
        self.registers.write(MAC_CSR_DATA, value);
        self.registers.write(MAC_CSR_CMD, 1 << 31 | register);
        while self.registers.read(MAC_CSR_CMD) >> 31 != 0 {}
    }
}

impl crate::Controller for Ethernet {
    const MOST_FRAMES: usize = RX_FRAMES;

    fn receive(&mut self, buffer: &mut [u32]) -> Option<usize> {
        // First: a frame that comes after the look at the FIFO must interrupt again.
        self.registers.write(INT_STS, RSFL);
        while self.registers.read(RX_FIFO_INF) >> 16 & 0xff != 0 {
            let status = self.registers.read(RX_STATUS_FIFO);
            let len = (status >> 16 & 0x3fff) as usize;
            let words = len.div_ceil(4);
            let is_damaged = status & 1 << 15 != 0;
            match buffer.get_mut(..words) {
                Some(buffer) if !is_damaged && len > FCS => {
                    buffer.fill_with(|| self.registers.read(RX_DATA_FIFO));
                    return Some(len - FCS);
                }
                _ => {
                    self.registers.write(RX_DP_CTL, 1 << 31); // RX_FFWD
                    while self.registers.read(RX_DP_CTL) >> 31 != 0 {}
                }
            }
        }
        None
    }

    fn has_room(&mut self) -> bool {
        // Statuses that nobody reads would fill their FIFO.
        while self.registers.read(TX_FIFO_INF) >> 16 & 0xff != 0 {
            self.registers.read(TX_STATUS_FIFO);
        }
        self.registers.read(TX_FIFO_INF) & 0xffff >= 1536
    }

    fn send(&mut self, frame: &[u32], len: usize) {
        let len = len as u32;
        self.registers.write(TX_DATA_FIFO, 1 << 13 | 1 << 12 | len); // first and last segment
        self.registers.write(TX_DATA_FIFO, len);
        for word in frame {
            self.registers.write(TX_DATA_FIFO, *word);
        }
    }
}
