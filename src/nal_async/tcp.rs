//! `TcpConnect`.

use core::net::SocketAddr;

use embedded_nal_async::TcpConnect;

use crate::stack::{Net, Sharing};
use crate::state::Connected;
use crate::{Error, TcpSocket};

impl<'net, S: Sharing> TcpConnect for &'net Net<S> {
    type Error = Error;
    type Connection<'a>
        = TcpSocket<'net, Connected, S>
    where
        Self: 'a;

    /// Opens a socket and connects it. While all slots are taken, but a closed connection will
    /// leave its own when it has delivered everything, it waits for that. Dropping the connection
    /// closes it, and what was written is still delivered.
    ///
    /// ```
    /// use embedded_io_async::{Read, Write};
    /// use embedded_nal_async::TcpConnect;
    /// use sockstate::{Error, Net};
    ///
    /// /// As a client crate does it, for any stack.
    /// async fn ask<T: TcpConnect>(stack: &T, answer: &mut [u8]) -> Result<usize, T::Error> {
    ///     let mut connection = stack.connect("192.168.69.2:7".parse().unwrap()).await?;
    ///     connection.write_all(b"a question").await?;
    ///     connection.read(answer).await
    /// }
    ///
    /// async fn application(net: &Net) -> Result<usize, Error> {
    ///     ask(&net, &mut [0; 64]).await
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # let mut listener = lab.far.tcp()?.bind(7)?.listen(1)?;
    /// # let mut answered = core::pin::pin!(application(&lab.near));
    /// # let mut server = core::pin::pin!(async {
    /// #     let (mut peer, _) = listener.accept_async().await;
    /// #     peer.send_all_async(b"an answer").await.unwrap();
    /// #     peer.closed().await
    /// # });
    /// # let size = lab.block_on(core::future::poll_fn(|cx| {
    /// #     let _ = server.as_mut().poll(cx);
    /// #     answered.as_mut().poll(cx)
    /// # }))?;
    /// # assert_eq!(size, 9);
    /// # Ok::<(), Error>(())
    /// ```
    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<Self::Connection<'a>, Error> {
        Ok(self.tcp_when_free().await?.connect(remote)?.await?)
    }
}
