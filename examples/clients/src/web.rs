//! What picoserve leaves to those who are neither on tokio nor on embassy: a clock, and its socket
//! trait for a connection, which is a `Duplex` here, so that others can look at it meanwhile.

use std::rc::Rc;

use embassy_time::Timer;
use embedded_io_async::ErrorType;
use picoserve::io::{BaseWrite, Write};
use picoserve::mem::{BorrowedBuffer, BorrowedCursor};
use picoserve::time::Duration;
use picoserve::{Timeouts, io};
use sockstate::{Duplex, Error};

/// The runtime that picoserve's traits are for.
pub struct Host;

/// Its clock.
pub struct HostTimer;

impl picoserve::Timer<Host> for HostTimer {
    fn delay(&self, duration: Duration) -> impl Future<Output = ()> {
        Timer::after_millis(duration.as_millis())
    }
}

/// Closing needs the only strong reference; of those who look at the connection, each has a weak
/// one.
impl<'net> io::Socket<Host> for Rc<Duplex<'net>> {
    type Error = Error;
    type ReadHalf<'a>
        = &'a Duplex<'net>
    where
        'net: 'a;
    type WriteHalf<'a>
        = Writer<'a, 'net>
    where
        'net: 'a;

    fn split(&mut self) -> (&Duplex<'net>, Writer<'_, 'net>) {
        (self, Writer(self))
    }

    async fn abort<T: picoserve::Timer<Host>>(
        self,
        _timeouts: &Timeouts,
        _timer: &T,
    ) -> Result<(), picoserve::Error<Error>> {
        if let Some(connection) = Rc::into_inner(self) {
            connection.into_inner().abort();
        }
        Ok(())
    }

    /// Waits until the client has everything and has closed, too. If it takes too long for that, the
    /// stack goes on without anybody who waits.
    async fn shutdown<T: picoserve::Timer<Host>>(
        self,
        timeouts: &Timeouts,
        timer: &T,
    ) -> Result<(), picoserve::Error<Error>> {
        let Some(connection) = Rc::into_inner(self) else { return Ok(()) };
        let closing = connection.into_inner().close();
        match timer.run_with_timeout(timeouts.read_request, closing.into_future()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failed)) => Err(picoserve::Error::Write(failed.into())),
            Err(timeout) => Err(picoserve::Error::WriteTimeout(timeout)),
        }
    }
}

/// The writing half of a connection.
pub struct Writer<'a, 'net>(&'a Duplex<'net>);

impl ErrorType for Writer<'_, '_> {
    type Error = Error;
}

impl BaseWrite for Writer<'_, '_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.0.write(data).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.0.flush().await
    }
}

impl Write for Writer<'_, '_> {
    async fn write_with<F: FnOnce(BorrowedCursor<'_>) -> R, R>(
        &mut self,
        fill: F,
    ) -> Result<R, Error> {
        let mut buffer = [0; 1024];
        let mut buffer = BorrowedBuffer::new(&mut buffer);
        let result = fill(buffer.unfilled());
        self.0.write_all(buffer.filled()).await?;
        Ok(result)
    }
}
