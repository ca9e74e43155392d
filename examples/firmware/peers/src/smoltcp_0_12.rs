//! Devices and clocks of smoltcp 0.14 for smoltcp-nal, which stands on smoltcp 0.12.

use embedded_time::rate::Fraction;
use smoltcp_0_12::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp_0_12::time::Instant;

pub struct Clock(pub fn() -> smoltcp::time::Instant);

impl embedded_time::Clock for Clock {
    type T = u32;
    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000);

    fn try_now(&self) -> Result<embedded_time::Instant<Self>, embedded_time::clock::Error> {
        Ok(embedded_time::Instant::new((self.0)().total_millis() as u32))
    }
}

pub struct Device<D>(pub D);

pub struct Token<T>(T);

impl<D: smoltcp::phy::Device> phy::Device for Device<D> {
    type RxToken<'a>
        = Token<D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Token<D::TxToken<'a>>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (frame, room) = self.0.receive(smoltcp::time::Instant::ZERO)?;
        Some((Token(frame), Token(room)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Self::TxToken<'_>> {
        Some(Token(self.0.transmit(smoltcp::time::Instant::ZERO)?))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let known = self.0.capabilities();
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = known.max_transmission_unit;
        caps.max_burst_size = known.max_burst_size;
        caps.checksum = ChecksumCapabilities::default();
        caps
    }
}

impl<T: smoltcp::phy::RxToken> phy::RxToken for Token<T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.0.consume(read)
    }
}

impl<T: smoltcp::phy::TxToken> phy::TxToken for Token<T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.0.consume(len, write)
    }
}
