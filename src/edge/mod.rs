//! The edge-nal traits for `&Net`, over the typed sockets.
//!
//! Their sockets change their state behind `&mut self`, and part into halves that are borrowed:
//! hence types of their own, which hold the typed sockets. Each future may be dropped before it is
//! done, and nothing is lost by that.
//!
//! ```
//! use core::net::SocketAddr;
//! use edge_nal::io::{Read, Write};
//! use edge_nal::{Close, TcpAccept, TcpBind, TcpShutdown};
//! use sockstate::{Error, Net};
//!
//! /// As a server crate does it, for any stack.
//! async fn greet<T: TcpBind>(stack: &T, local: SocketAddr) -> Result<(), T::Error> {
//!     let acceptor = stack.bind(local).await?;
//!     let (_remote, mut connection) = acceptor.accept().await?;
//!     connection.write_all(b"hello").await?;
//!     connection.close(Close::Both).await
//! }
//!
//! async fn application(net: &Net) -> Result<(), Error> {
//!     greet(&net, "0.0.0.0:7".parse().unwrap()).await
//! }
//! # let lab = sockstate::testing::Lab::new(1);
//! # let mut server = core::pin::pin!(application(&lab.near));
//! # let mut client = core::pin::pin!(async {
//! #     let server = "192.168.69.1:7".parse().unwrap();
//! #     let mut socket = loop {
//! #         match lab.far.tcp()?.connect(server)?.await {
//! #             Ok(socket) => break socket,
//! #             Err(_) => lab.sleep(sockstate::Duration::from_millis(1)).await,
//! #         }
//! #     };
//! #     socket.receive_async(&mut [0; 8]).await
//! # });
//! # let (mut served, mut heard) = (None, None);
//! # lab.block_on(core::future::poll_fn(|cx| {
//! #     use core::task::Poll;
//! #     if served.is_none() && let Poll::Ready(end) = server.as_mut().poll(cx) { served = Some(end) }
//! #     if heard.is_none() && let Poll::Ready(size) = client.as_mut().poll(cx) { heard = Some(size) }
//! #     if served.is_some() && heard.is_some() { Poll::Ready(()) } else { Poll::Pending }
//! # }));
//! # assert_eq!((served, heard), (Some(Ok(())), Some(Ok(5))));
//! # Ok::<(), Error>(())
//! ```

#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "tcp")]
pub use self::tcp::{Acceptor, Connection, ConnectionReader, ConnectionWriter};
#[cfg(feature = "udp")]
pub use self::udp::{Groups, UdpEndpoint, UdpReader, UdpWriter};

#[cfg(feature = "dns")]
mod dns {
    use core::net::IpAddr;

    use edge_nal::{AddrType, Dns};

    use crate::Error;
    use crate::stack::{Net, Sharing};

    impl From<AddrType> for crate::AddrType {
        fn from(addr_type: AddrType) -> Self {
            match addr_type {
                AddrType::IPv4 => crate::AddrType::Ipv4,
                AddrType::IPv6 => crate::AddrType::Ipv6,
                AddrType::Either => crate::AddrType::Either,
            }
        }
    }

    impl<S: Sharing> Dns for &Net<S> {
        type Error = Error;

        /// [`Net::lookup`]; the text of an address is its own answer. While all UDP slots are taken,
        /// but a closed socket will leave its own, it waits for that.
        async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, Error> {
            self.lookup_when_free(host, addr_type.into()).await?.await
        }

        /// [`Net::lookup_name`]. For a name that does not fit, [`Error::Truncated`] has its length.
        async fn get_host_by_address(
            &self,
            addr: IpAddr,
            result: &mut [u8],
        ) -> Result<usize, Error> {
            self.host_name_when_free(addr, result).await
        }
    }
}
