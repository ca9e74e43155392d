//! The peers of the program under test, at the far end: a name server, a server that echoes
//! connections, and one that echoes datagrams. And how the program waits while they serve.

use std::cell::RefCell;

use sockstate::state::{Bound, Closing, Connected, Listening};
use sockstate::{Error, TcpSocket, UdpSocket, nb};

use super::common::name_server::{A, address, append};
use super::pair::{Pair, micros};

pub const HOST: &str = "host.test";
pub const ECHO: u16 = 7;

/// A connection of the echo server, and what is to be sent back.
struct Connection<'p> {
    socket: TcpSocket<'p, Connected>,
    echoes: Vec<u8>,
}

pub struct Server<'p> {
    names: UdpSocket<'p, Bound>,
    datagrams: UdpSocket<'p, Bound>,
    listener: TcpSocket<'p, Listening>,
    open: Vec<Connection<'p>>,
    closing: Vec<TcpSocket<'p, Closing>>,
}

impl<'p> Server<'p> {
    fn new(pair: &'p Pair) -> Self {
        let net = pair.far.stack.net();
        Server {
            names: net.udp().unwrap().bind(53).unwrap(),
            datagrams: net.udp().unwrap().bind(ECHO).unwrap(),
            listener: net.tcp().unwrap().bind(ECHO).unwrap().listen(2).unwrap(),
            open: Vec::new(),
            closing: Vec::new(),
        }
    }

    fn serve(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok((size, from)) = self.names.receive_from(&mut buffer) {
            // It is asked again for what it has no room for.
            let _ = self.names.send_to(&answer(&buffer[..size]), from);
        }
        while let Ok((size, from)) = self.datagrams.receive_from(&mut buffer) {
            let _ = self.datagrams.send_to(&buffer[..size], from);
        }
        while let Ok((socket, _)) = self.listener.accept() {
            self.open.push(Connection { socket, echoes: Vec::new() });
        }
        for mut connection in std::mem::take(&mut self.open) {
            match connection.serve() {
                Ok(()) => self.open.push(connection),
                Err(Error::PeerClosed) => self.closing.push(connection.socket.close()),
                Err(_) => {}
            }
        }
        self.closing.retain_mut(|socket| socket.poll() == Err(nb::Error::WouldBlock));
    }
}

impl Connection<'_> {
    /// Sends back what there is. The end of the stream comes when all of it is on its way.
    fn serve(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 1500];
        loop {
            if self.echoes.is_empty() {
                match self.socket.receive(&mut buffer) {
                    Ok(size) => self.echoes.extend_from_slice(&buffer[..size]),
                    Err(nb::Error::WouldBlock) => return Ok(()),
                    Err(nb::Error::Other(end)) => return Err(end),
                }
            }
            match self.socket.send(&self.echoes) {
                Ok(sent) => drop(self.echoes.drain(..sent)),
                Err(nb::Error::WouldBlock) => return Ok(()),
                Err(nb::Error::Other(end)) => return Err(end),
            }
        }
    }
}

/// What the name server says of every host: where the far stack is.
fn answer(question: &[u8]) -> Vec<u8> {
    let asks_for_a = question[question.len() - 4..] == [0, A as u8, 0, 1];
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    answer[3] = 0x80;
    let records = if asks_for_a { &[address(HOST, "192.168.69.2")][..] } else { &[] };
    append(&mut answer, records);
    answer
}

pub struct Scene<'p> {
    pub pair: &'p Pair,
    /// How many bytes a connection carries each way.
    pub bytes: usize,
    server: RefCell<Server<'p>>,
}

impl<'p> Scene<'p> {
    pub fn new(pair: &'p Pair) -> Self {
        Scene { pair, bytes: 10 * 1024, server: RefCell::new(Server::new(pair)) }
    }

    /// Lets the servers, and both stacks, do what they do in so many seconds.
    pub fn run_for(&self, seconds: u64) {
        let end = self.pair.lived() + micros(seconds);
        while self.pair.lived() < end {
            self.server.borrow_mut().serve();
            self.pair.step(self.pair.until(end));
        }
    }

    /// Waits for a call, which must be over in so many seconds.
    #[track_caller]
    pub fn wait<R, E: Into<Error>>(
        &self,
        seconds: u64,
        call: impl FnMut() -> nb::Result<R, E>,
    ) -> Result<R, Error> {
        match self.wait_while(seconds, call) {
            Some(result) => result,
            None => panic!("a call has been blocking for {seconds} s"),
        }
    }

    /// Waits for a call, but no longer than so many seconds.
    pub fn wait_while<R, E: Into<Error>>(
        &self,
        seconds: u64,
        mut call: impl FnMut() -> nb::Result<R, E>,
    ) -> Option<Result<R, Error>> {
        let end = self.pair.lived() + micros(seconds) + self.pair.time.went_back.get();
        loop {
            match call() {
                Ok(result) => return Some(Ok(result)),
                Err(nb::Error::Other(error)) => return Some(Err(error.into())),
                Err(nb::Error::WouldBlock) if self.pair.lived() >= end => return None,
                Err(nb::Error::WouldBlock) => {
                    self.server.borrow_mut().serve();
                    self.pair.step(self.pair.until(end));
                }
            }
        }
    }
}
