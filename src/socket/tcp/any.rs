//! A TCP socket whose state is known at run time only.

use super::TcpSocket;
use crate::socket::any::any_socket;
use crate::stack::{Local, Sharing};
#[cfg(feature = "dns")]
use crate::state::Resolving;
use crate::state::{Bound, Closed, Closing, Connected, Connecting, HalfClosed, Listening};

any_socket! {
    /// A TCP socket in any state but split: for fields of structs, and for traits that know one
    /// socket type only.
    ///
    /// It converts from a socket of each state, and back with `TryFrom`, which returns it
    /// when it is in another state. `Idle` holds no socket: what is left behind when the
    /// socket is taken out.
    ///
    /// ```
    /// use sockstate::{AnyTcpSocket, Error, Net, TcpSocket, state::Connected};
    ///
    /// struct Device<'net> {
    ///     net: &'net Net,
    ///     socket: AnyTcpSocket<'net>,
    /// }
    ///
    /// impl Device<'_> {
    ///     /// One step of the device, never blocking.
    ///     fn step(&mut self) -> Result<(), Error> {
    ///         self.socket = match self.socket.take() {
    ///             AnyTcpSocket::Idle => {
    ///                 let server = "192.168.69.2:80".parse().unwrap();
    ///                 self.net.tcp()?.connect(server)?.into()
    ///             }
    ///             AnyTcpSocket::Connecting(socket) => match socket.finish() {
    ///                 Ok(connected) => connected.into(),
    ///                 Err(sockstate::Unfinished::Pending(socket)) => socket.into(),
    ///                 Err(sockstate::Unfinished::Failed(failed)) => return Err(failed.into()),
    ///             },
    ///             other => other,
    ///         };
    ///         Ok(())
    ///     }
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
    /// # let mut device = Device { net: lab.near.net(), socket: AnyTcpSocket::Idle };
    /// # device.step()?;
    /// # lab.run_for(sockstate::Duration::from_millis(50));
    /// # device.step()?;
    /// # let connected = TcpSocket::<Connected>::try_from(device.socket);
    /// # assert!(connected.is_ok());
    /// # Ok::<(), Error>(())
    /// ```
    AnyTcpSocket over TcpSocket {
        /// Open, and no more.
        Closed,
        /// Bound to a port.
        Bound,
        /// A listener.
        Listening,
        /// Waiting for the addresses of a host, whose name has to live as long as the stack is
        /// borrowed here.
        Resolving<'net> with "dns",
        /// Waiting for the peer's answer.
        Connecting,
        /// A connection.
        Connected,
        /// A connection whose sending direction is ended.
        HalfClosed,
        /// A connection that is being closed.
        Closing,
    }
}
