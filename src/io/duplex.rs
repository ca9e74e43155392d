//! A connection that is read and written through shared references.

use core::fmt;

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use mutex::{BlockingMutex, ConstInit};

use super::ended_is_zero;
use crate::stack::{Local, Sharing};
use crate::state::Connected;
use crate::{Error, TcpSocket};

/// A connection for clients that read and write through one value that they clone: `&Duplex` has
/// the traits of embedded-io (and of embedded-io-async, with its feature), and is `Copy`.
///
/// Where two values will do, the halves that [`split`](TcpSocket::split) gives are better: there the
/// compiler sees to it that only one reads and only one writes. Here that is seen to when it
/// happens: a second reader, or a second writer, gets [`Error::Busy`] until the first one is done.
///
/// ```
/// use embedded_io::{Read, Write};
/// use sockstate::{Duplex, Error};
///
/// /// As TLS does that is split into a reader and a writer.
/// fn echo<T: Read + Write + Clone>(transport: T) -> Result<(), T::Error> {
///     let (mut reader, mut writer) = (transport.clone(), transport);
///     let mut buffer = [0; 64];
///     loop {
///         match reader.read(&mut buffer)? {
///             0 => return Ok(()),
///             n => writer.write_all(&buffer[..n])?,
///         }
///     }
/// }
/// # let lab = sockstate::testing::Lab::new(1);
/// # let (connection, mut peer) = lab.connection()?;
/// # peer.send(b"hello").unwrap();
/// # let mut peer = peer.shutdown();
/// let duplex = Duplex::new(connection);
/// echo(&duplex)?;
/// let connection = duplex.into_inner();
/// # lab.run_for(sockstate::Duration::from_millis(50));
/// # assert_eq!(peer.receive(&mut [0; 8]), Ok(5));
/// # Ok::<(), Error>(())
/// ```
pub struct Duplex<'net, S: Sharing = Local> {
    socket: TcpSocket<'net, Connected, S>,
    /// Which directions are in use.
    busy: BlockingMutex<S::Lock, u8>,
}

const READING: u8 = 1;
const WRITING: u8 = 2;

impl<'net, S: Sharing> Duplex<'net, S> {
    /// From a connection.
    pub const fn new(socket: TcpSocket<'net, Connected, S>) -> Self {
        Duplex { socket, busy: BlockingMutex::const_new(S::Lock::INIT, 0) }
    }

    /// The connection.
    pub fn into_inner(self) -> TcpSocket<'net, Connected, S> {
        self.socket
    }

    /// The connection, for questions.
    pub const fn socket(&self) -> &TcpSocket<'net, Connected, S> {
        &self.socket
    }

    fn take(&self, direction: u8) -> Result<Taken<'_, S>, Error> {
        let free = self.busy.try_with_lock(|busy| {
            let free = *busy & direction == 0;
            *busy |= direction;
            free
        });
        if free == Some(true) {
            Ok(Taken { busy: &self.busy, direction })
        } else {
            Err(Error::Busy)
        }
    }
}

/// A direction that is in use.
struct Taken<'a, S: Sharing> {
    busy: &'a BlockingMutex<S::Lock, u8>,
    direction: u8,
}

impl<S: Sharing> Drop for Taken<'_, S> {
    fn drop(&mut self) {
        let _ = self.busy.try_with_lock(|busy| *busy &= !self.direction);
    }
}

impl<S: Sharing> ErrorType for &Duplex<'_, S> {
    type Error = Error;
}

impl<S: Sharing> Read for &Duplex<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let _reading = self.take(READING)?;
        let (net, slot) = (self.socket.net(), self.socket.slot());
        ended_is_zero(net.block(|| net.try_twice(|core| core.tcp_receive(slot, buf))))
    }
}

impl<S: Sharing> ReadReady for &Duplex<'_, S> {
    fn read_ready(&mut self) -> Result<bool, Error> {
        self.socket.read_ready_shared()
    }
}

impl<S: Sharing> Write for &Duplex<'_, S> {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        let _writing = self.take(WRITING)?;
        let (net, slot) = (self.socket.net(), self.socket.slot());
        net.block(|| net.try_twice(|core| core.tcp_send(slot, buf)))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let _writing = self.take(WRITING)?;
        let (net, slot) = (self.socket.net(), self.socket.slot());
        net.block(|| net.try_twice(|core| core.tcp_flush(slot)))
    }
}

impl<S: Sharing> WriteReady for &Duplex<'_, S> {
    fn write_ready(&mut self) -> Result<bool, Error> {
        self.socket.write_ready_shared()
    }
}

/// As for a connection: the futures may be dropped before they are done, and have then done
/// nothing.
#[cfg(feature = "embedded-io-async")]
mod tasks {
    use embedded_io_async::{Read, Write};

    use super::{Duplex, READING, WRITING, ended_is_zero};
    use crate::stack::Sharing;
    use crate::{Error, Ready};

    impl<S: Sharing> Read for &Duplex<'_, S> {
        async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
            let _reading = self.take(READING)?;
            let received =
                self.socket.until(Ready::RECEIVE, |core, slot| core.tcp_receive(slot, buf)).await;
            ended_is_zero(received)
        }
    }

    impl<S: Sharing> Write for &Duplex<'_, S> {
        async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
            let _writing = self.take(WRITING)?;
            self.socket.until(Ready::SEND, |core, slot| core.tcp_send_in_task(slot, buf)).await
        }

        async fn flush(&mut self) -> Result<(), Error> {
            let _writing = self.take(WRITING)?;
            self.socket.until(Ready::FLUSHED, |core, slot| core.tcp_flush(slot)).await
        }
    }
}

impl<S: Sharing> fmt::Debug for Duplex<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Duplex").field(&self.socket).finish()
    }
}
