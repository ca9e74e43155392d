//! A page that shows the stack it comes from: picoserve, by an adapter (`sockstate_clients::web`).
//! `/` is for browsers, `/status.json` for their scripts.
//!
//! ```sh
//! cargo run -p sockstate-clients --example status_page -- --tap tap0
//! chromium http://192.168.69.1/
//! ```

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::Poll;

use embassy_futures::select::{select, select_array};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use picoserve::response::{Json, Response};
use picoserve::routing::{Router, get};
use picoserve::time::Duration;
use picoserve::{Config, Server, Timeouts};
use serde::Serialize;
use sockstate::Protocol::{Tcp, Udp};
use sockstate::{Duplex, Error, Net, TcpSocket, state::Connected};
use sockstate_clients::web::HostTimer;
use sockstate_clients::{Options, Outcome, Own};

/// How many clients are served at once.
const TASKS: usize = 4;

const OWN: [Own; 1] =
    [Own { name: "--connections", value: Some("N"), help: "end after so many connections" }];

fn main() -> Outcome {
    Options::from_args("a page about its own stack: picoserve on sockstate", 80, &OWN)
        .run_async(server)
}

async fn server(options: &Options, net: &Net) -> Outcome {
    let limit: Option<usize> = options.number("--connections")?;
    let listener = net.tcp()?.bind(options.port).map_err(Error::from)?;
    let listener = listener.listen(TASKS as u16).map_err(Error::from)?;
    let listener: Mutex<NoopRawMutex, _> = Mutex::new(listener);
    println!("listening on port {}", options.port);

    let stack = Watched { net, connections: RefCell::default(), requests: Cell::new(0) };
    let html = "text/html; charset=utf-8";
    let app = Router::new()
        .route(
            "/",
            get(async || {
                let page = stack.status("/").to_string();
                Response::ok(page).with_content_type(html)
            }),
        )
        .route("/status.json", get(async || Json(stack.status("/status.json"))));
    // A browser opens connections before it knows what for.
    let timeouts = Timeouts { start_read_request: Duration::from_secs(20), ..Timeouts::default() };
    let config = Config::new(timeouts).keep_connection_alive();

    let served = Cell::new(0);
    let task = async || loop {
        let (connection, remote) = listener.lock().await.accept_async().await;
        let connection = Rc::new(Duplex::new(connection));
        stack.connections.borrow_mut().push(Rc::downgrade(&connection));
        let mut buffer = [0; 2048];
        let server = Server::custom(&app, HostTimer, &config, &mut buffer);
        if let Err(error) = server.serve(connection).await {
            println!("{remote}: {error}");
        }
        served.set(served.get() + 1);
    };
    // Polled after the tasks, which are who changes that.
    let over = poll_fn(|_| match limit {
        Some(limit) if served.get() >= limit => Poll::Ready(()),
        _ => Poll::Pending,
    });
    let tasks: [_; TASKS] = std::array::from_fn(|_| task());
    select(select_array(tasks), over).await;
    println!("{} connections, {} requests", served.get(), stack.requests.get());
    Ok(())
}

/// The stack, and what is known about it.
struct Watched<'net> {
    net: &'net Net,
    connections: RefCell<Vec<Weak<Duplex<'net>>>>,
    requests: Cell<usize>,
}

impl Watched<'_> {
    /// What there is to answer to a request.
    fn status(&self, path: &str) -> Status {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| connection.strong_count() > 0);
        self.requests.set(self.requests.get() + 1);
        let statistics = self.net.statistics().unwrap_or_default();
        let status = Status {
            requests: self.requests.get(),
            frames_received: statistics.frames_received,
            bytes_received: statistics.bytes_received,
            frames_sent: statistics.frames_sent,
            bytes_sent: statistics.bytes_sent,
            free_tcp: self.net.free_slots(Tcp).unwrap_or_default(),
            free_udp: self.net.free_slots(Udp).unwrap_or_default(),
            connections: connections
                .iter()
                .filter_map(|connection| Connection::of(connection.upgrade()?.socket()).ok())
                .collect(),
        };
        println!("GET {path}: request {}, {} frames", status.requests, status.frames_received);
        status
    }
}

#[derive(Serialize)]
struct Status {
    requests: usize,
    frames_received: u32,
    bytes_received: u64,
    frames_sent: u32,
    bytes_sent: u64,
    free_tcp: usize,
    free_udp: usize,
    connections: Vec<Connection>,
}

#[derive(Serialize)]
struct Connection {
    remote: String,
    state: String,
}

impl Connection {
    fn of(socket: &TcpSocket<'_, Connected>) -> Result<Self, Error> {
        Ok(Connection {
            remote: socket.remote_endpoint()?.to_string(),
            state: socket.tcp_state()?.to_string(),
        })
    }
}

/// As a page, whose script asks for the same as JSON and says what it got.
impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<!DOCTYPE html>\n<html lang=\"en\">\n<title>sockstate</title>\n<table>\n")?;
        for (name, value) in [
            ("requests", self.requests as u64),
            ("frames received", self.frames_received.into()),
            ("bytes received", self.bytes_received),
            ("frames sent", self.frames_sent.into()),
            ("bytes sent", self.bytes_sent),
            ("free TCP sockets", self.free_tcp as u64),
            ("free UDP sockets", self.free_udp as u64),
        ] {
            writeln!(f, "<tr><td>{name}<td>{value}</tr>")?;
        }
        for Connection { remote, state } in &self.connections {
            writeln!(f, "<tr><td>{remote}<td>{state}</tr>")?;
        }
        f.write_str(
            "</table>\n<p id=\"later\">nothing yet</p>\n<script>\n\
             fetch('status.json').then(answer => answer.json()).then(status => {\n\
             document.getElementById('later').textContent = `request ${status.requests}, \
             ${status.frames_received} frames, ${status.connections.length} connections`;\n\
             });\n</script>\n",
        )
    }
}
