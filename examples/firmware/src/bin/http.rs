//! A status page for browsers, on an address from the network. `GET /stop` ends the program.
#![no_std]
#![no_main]

use core::fmt::Write;

use cortex_m_rt::entry;
use sockstate::heapless::{String, Vec};
use sockstate::state::{Closing, Connected, Listening};
use sockstate::{Config, Duration, Error, Instant, Lease, Net, Stack, Storage, TcpSocket, nb};
use sockstate_firmware::{HARDWARE_ADDR, SEED, clock, say, semihosting::exit};
use static_cell::ConstStaticCell;

/// How many clients are heard at once.
const CLIENTS: usize = 4;
/// How many more may come meanwhile. Others have to ask for a connection again, seconds later.
const BACKLOG: u16 = 8;

/// Bytes of the longest request. Browsers send about half of it.
const LONGEST_HEAD: usize = 1024;

/// A client that has not asked by then makes room for others.
const PATIENCE: Duration = Duration::from_secs(5);

/// A slot for each client and for each that waits. An answer fits into a send buffer.
static STORAGE: ConstStaticCell<Storage<{ CLIENTS + BACKLOG as usize }, 0, 512, 1024>> =
    ConstStaticCell::new(Storage::new());

#[entry]
fn main() -> ! {
    exit(run())
}

fn run() -> Result<(), Error> {
    let mut config = Config::ethernet(HARDWARE_ADDR, SEED);
    config.idle = clock::sleep;
    let device = sockstate_firmware::start();
    let stack = Stack::new(STORAGE.take(), device, clock::now, config)?;
    let net = stack.net();

    let lease = net.dhcp()?.wait()?;
    let listener = net.tcp()?.bind(80)?.listen(BACKLOG)?;
    say!("http: listening");
    let mut server = Server { net, lease, listener, clients: Vec::new(), served: 0 };
    // Unless there is something to do, the processor sleeps.
    let last = net.block(|| server.serve())?;
    last.wait()?;
    say!("http: {} requests", server.served);
    Ok(())
}

struct Server<'net> {
    net: &'net Net,
    lease: Lease,
    listener: TcpSocket<'net, Listening>,
    clients: Vec<Client<'net>, CLIENTS>,
    served: u32,
}

impl<'net> Server<'net> {
    /// Does what there is to do. The connection of whoever asked it to stop.
    fn serve(&mut self) -> nb::Result<TcpSocket<'net, Closing>, Error> {
        while let Some((client, request)) = self.next_request()? {
            self.served += 1;
            let connection = match request {
                Request::Page => client.answer("200 OK", &self.page()),
                Request::Stop => client.answer("200 OK", "stopped\n"),
                Request::Unknown => client.answer("404 Not Found", "no such page\n"),
                Request::Unsupported => client.answer("501 Not Implemented", ""),
                Request::TooLong => client.answer("431 Request Header Fields Too Large", ""),
            };
            // Without whoever went away meanwhile. What others were told is still delivered when
            // their connections are dropped.
            if let (Request::Stop, Ok(connection)) = (request, connection) {
                return Ok(connection);
            }
        }
        Err(nb::Error::WouldBlock)
    }

    /// Takes the next complete request, and its client, off those that are heard.
    fn next_request(&mut self) -> Result<Option<(Client<'net>, Request)>, Error> {
        let now = self.net.now()?;
        self.clients.retain(|client| now < client.since + PATIENCE);
        while !self.clients.is_full()
            && let Ok((socket, _)) = self.listener.accept()
        {
            let client = Client { socket, head: [0; LONGEST_HEAD], len: 0, since: now };
            let _ = self.clients.push(client); // there is room
        }
        for index in (0..self.clients.len()).rev() {
            match self.clients[index].request() {
                Ok(request) => return Ok(Some((self.clients.swap_remove(index), request))),
                Err(nb::Error::WouldBlock) => {}
                Err(nb::Error::Other(_)) => drop(self.clients.swap_remove(index)),
            }
        }
        Ok(None)
    }

    fn page(&self) -> String<512> {
        let mut page = String::new();
        let now = clock::now();
        let statistics = self.net.statistics().unwrap_or_default();
        // There is room for the largest numbers.
        let _ = write!(
            page,
            "<!DOCTYPE html>\n<title>Status</title>\n<pre>\n\
             running    {} s\n\
             address    {}, for {} s\n\
             requests   {}\n\
             frames     {} received, {} sent\n\
             wake-ups   {}\n\
             </pre>\n",
            now.secs(),
            self.lease.address,
            (now - self.lease.since).secs(),
            self.served,
            statistics.frames_received,
            statistics.frames_sent,
            clock::wake_ups(),
        );
        page
    }
}

#[derive(Clone, Copy)]
enum Request {
    Page,
    Stop,
    Unknown,
    Unsupported,
    TooLong,
}

struct Client<'net> {
    socket: TcpSocket<'net, Connected>,
    /// What has come of its request.
    head: [u8; LONGEST_HEAD],
    len: usize,
    since: Instant,
}

impl<'net> Client<'net> {
    /// Takes in what has come. What is asked for, when the request is complete.
    fn request(&mut self) -> nb::Result<Request, Error> {
        while !self.head[..self.len].windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            if self.len == LONGEST_HEAD {
                return Ok(Request::TooLong);
            }
            self.len += self.socket.receive(&mut self.head[self.len..])?;
        }
        let mut words = self.head.split(|byte| byte.is_ascii_whitespace());
        Ok(match (words.next(), words.next()) {
            (Some(b"GET"), Some(b"/")) => Request::Page,
            (Some(b"GET"), Some(b"/stop")) => Request::Stop,
            (Some(b"GET"), _) => Request::Unknown,
            _ => Request::Unsupported,
        })
    }

    /// Answers, as the only thing on this connection.
    fn answer(mut self, status: &str, content: &str) -> Result<TcpSocket<'net, Closing>, Error> {
        let mut answer: String<1024> = String::new();
        let _ = write!(
            answer,
            "HTTP/1.1 {status}\r\n\
             Content-Type: text/html\r\n\
             Content-Length: {}\r\n\
             Connection: close\r\n\r\n\
             {content}",
            content.len(),
        );
        self.socket.send_all(answer.as_bytes())?;
        Ok(self.socket.close())
    }
}
