//! An HTTP server with eight handlers that wait for connections at the same time: edge-http, over
//! the traits of edge-nal. `/5` answers with the numbers below 5, each on a line.
//!
//! ```sh
//! cargo run -p sockstate-clients --example edge_http_server -- --tap tap0
//! curl http://192.168.69.1/5
//! ```

use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;

use edge_http::io::Error;
use edge_http::io::server::{Connection, Handler, Server};
use edge_nal::{TcpBind, TcpSplit, WithTimeout};
use embassy_futures::select::{Either, select};
use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use sockstate::Net;
use sockstate_clients::{Options, Outcome, Own, failure};

const HANDLERS: usize = 8;

/// How long a client may do nothing, in milliseconds: between two requests, in the middle of one,
/// and, as a handler waits for that, until it has closed its side of a connection that is closed.
const PATIENCE: u32 = 5_000;

const OWN: [Own; 2] = [
    Own { name: "--requests", value: Some("N"), help: "end after so many requests" },
    Own { name: "--together", value: Some("N"), help: "answer nobody before so many have asked" },
];

fn main() -> Outcome {
    Options::from_args("an HTTP server: edge-http on sockstate", 80, &OWN).run_async(server)
}

async fn server(options: &Options, net: &Net) -> Outcome {
    let limit: Option<usize> = options.number("--requests")?;
    let numbers = Numbers {
        together: options.number("--together")?.unwrap_or(1),
        handling: Cell::new(0),
        most: Cell::new(0),
        answered: Cell::new(0),
    };
    let local = SocketAddr::from((Ipv4Addr::UNSPECIFIED, options.port));
    let acceptor = WithTimeout::new(PATIENCE, net.bind(local).await?);
    println!("listening on port {}", options.port);

    // Polled after the server, which is who changes that.
    let over = poll_fn(|_| match limit {
        Some(limit) if numbers.answered.get() >= limit => Poll::Ready(()),
        _ => Poll::Pending,
    });
    let mut server = Box::new(Server::<HANDLERS, 2048>::new());
    match select(server.run(Some(PATIENCE), acceptor, &numbers), over).await {
        Either::First(ended) => ended.map_err(failure)?,
        Either::Second(()) => {}
    }
    println!("{} requests, {} of them at once", numbers.answered.get(), numbers.most.get());
    Ok(())
}

struct Numbers {
    together: usize,
    /// Requests that are being handled.
    handling: Cell<usize>,
    /// How many that were at most.
    most: Cell<usize>,
    /// Requests of whose answers everything has arrived.
    answered: Cell<usize>,
}

impl Handler for Numbers {
    type Error<E>
        = Error<E>
    where
        E: Debug;

    async fn handle<T, const N: usize>(
        &self,
        handler: impl Display + Copy,
        connection: &mut Connection<'_, T, N>,
    ) -> Result<(), Error<T::Error>>
    where
        T: Read + Write + TcpSplit,
    {
        let path = connection.headers()?.path;
        println!("GET {path}, by handler {handler}");
        let count: Option<u32> = path.strip_prefix('/').and_then(|number| number.parse().ok());
        self.handling.set(self.handling.get() + 1);
        self.most.set(self.most.get().max(self.handling.get()));
        while self.most.get() < self.together {
            Timer::after_millis(1).await;
        }
        self.handling.set(self.handling.get() - 1);

        // Without a length, so that it is sent in chunks.
        let status = if count.is_some() { 200 } else { 404 };
        connection.initiate_response(status, None, &[("Content-Type", "text/plain")]).await?;
        for number in 0..count.unwrap_or(0) {
            connection.write_all(format!("{number}\n").as_bytes()).await?;
        }
        connection.complete().await?;
        self.answered.set(self.answered.get() + 1);
        Ok(())
    }
}
