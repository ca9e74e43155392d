//! An HTTP GET over any `TcpClientStack`, read with httparse.
//!
//! It is polled, so that a loop can do other things meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind, nb};

/// What the server may take to say its next word.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of a response, so that a server without end does not fill the memory.
const LONGEST_HEAD: usize = 16 * 1024;

const MOST_HEADERS: usize = 32;

/// Which version of HTTP to speak, and with it how the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: a body without `Content-Length` ends with the connection.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// How the end of a body was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Length,
    Close,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    pub end: End,
}

/// Why there is no response.
#[derive(Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The stack's own.
    Network(E),
    /// This is no HTTP.
    Malformed(httparse::Error),
    /// The head is longer than any head should be.
    TooLong,
    /// A length that is none, or another encoding of the body than a length or the end.
    Unsupported,
    /// The connection ended before the response did.
    Incomplete,
    /// The server said nothing for as long as `PATIENCE`.
    Silent,
}

/// Where a request is.
enum Stage {
    Connect,
    Send(usize),
    Head,
    Body { status: u16, length: Option<usize> },
}

/// A GET that is under way.
pub struct Get<S: TcpClientStack> {
    remote: SocketAddr,
    request: Vec<u8>,
    /// Whether an error of the stack is the regular end of a stream. The kinds of errors in
    /// embedded-nal do not tell it from a reset, after which the body of a response without
    /// length may have lost its rest.
    is_end: fn(&S::Error) -> bool,
    socket: Option<S::TcpSocket>,
    stage: Stage,
    received: Vec<u8>,
    deadline: Option<Duration>,
}

impl<S: TcpClientStack> Get<S> {
    pub fn new(
        remote: SocketAddr,
        path: &str,
        version: Version,
        is_end: fn(&S::Error) -> bool,
    ) -> Self {
        let request = match version {
            Version::Http10 => format!("GET {path} HTTP/1.0\r\n\r\n"),
            Version::Http11 => {
                format!("GET {path} HTTP/1.1\r\nHost: {remote}\r\nConnection: close\r\n\r\n")
            }
        };
        Get {
            remote,
            request: request.into_bytes(),
            is_end,
            socket: None,
            stage: Stage::Connect,
            received: Vec::new(),
            deadline: None,
        }
    }

    /// Bytes of the body that have arrived.
    pub fn progress(&self) -> usize {
        if matches!(self.stage, Stage::Body { .. }) { self.received.len() } else { 0 }
    }

    /// Goes on with it. To be called until it no longer would block.
    pub fn poll(&mut self, stack: &mut S, now: Duration) -> nb::Result<Response, Error<S::Error>> {
        let before = (self.received.len(), matches!(self.stage, Stage::Connect));
        let result = match self.advance(stack) {
            Err(nb::Error::WouldBlock) => {
                let went_on = before != (self.received.len(), matches!(self.stage, Stage::Connect));
                if went_on || self.deadline.is_none() {
                    self.deadline = Some(now + PATIENCE);
                }
                if self.deadline.is_some_and(|deadline| now < deadline) {
                    return Err(nb::Error::WouldBlock);
                }
                Err(nb::Error::Other(Error::Silent))
            }
            result => result,
        };
        if let Some(socket) = self.socket.take() {
            let closed = stack.close(socket);
            // The response is complete, or there is another error already.
            let _ = closed;
        }
        result
    }

    fn advance(&mut self, stack: &mut S) -> nb::Result<Response, Error<S::Error>> {
        let network = |error: nb::Error<S::Error>| error.map(Error::Network);
        loop {
            let socket = match &mut self.socket {
                Some(socket) => socket,
                None => self.socket.insert(stack.socket().map_err(Error::Network)?),
            };
            match self.stage {
                Stage::Connect => {
                    stack.connect(socket, self.remote).map_err(network)?;
                    self.stage = Stage::Send(0);
                }
                Stage::Send(sent) => {
                    let rest = self.request.get(sent..).unwrap_or_default();
                    if rest.is_empty() {
                        self.stage = Stage::Head;
                        continue;
                    }
                    self.stage = Stage::Send(sent + stack.send(socket, rest).map_err(network)?);
                }
                Stage::Head | Stage::Body { .. } => {
                    let mut buffer = [0; 4096];
                    match stack.receive(socket, &mut buffer) {
                        Ok(size) => {
                            self.received.extend_from_slice(buffer.get(..size).unwrap_or_default());
                            if let Some(response) = self.read()? {
                                return Ok(response);
                            }
                        }
                        Err(nb::Error::Other(error)) => return Ok(self.end(error)?),
                        Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
                    }
                }
            }
        }
    }

    /// Looks at what has been received: the response, if it is complete by its length.
    fn read(&mut self) -> Result<Option<Response>, Error<S::Error>> {
        if matches!(self.stage, Stage::Head) {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            let size = match head.parse(&self.received).map_err(Error::Malformed)? {
                httparse::Status::Complete(size) => size,
                httparse::Status::Partial if self.received.len() > LONGEST_HEAD => {
                    return Err(Error::TooLong);
                }
                httparse::Status::Partial => return Ok(None),
            };
            let length = content_length(head.headers).ok_or(Error::Unsupported)?;
            self.stage = Stage::Body { status: head.code.unwrap_or_default(), length };
            self.received.drain(..size);
        }
        match self.stage {
            Stage::Body { status, length: Some(length) } if self.received.len() >= length => {
                let mut body = std::mem::take(&mut self.received);
                body.truncate(length);
                Ok(Some(Response { status, body, end: End::Length }))
            }
            _ => Ok(None),
        }
    }

    /// The response, if it is complete by the end of the connection.
    fn end(&mut self, error: S::Error) -> Result<Response, Error<S::Error>> {
        match self.stage {
            Stage::Body { status, length: None } if (self.is_end)(&error) => {
                Ok(Response { status, body: std::mem::take(&mut self.received), end: End::Close })
            }
            _ if (self.is_end)(&error) && error.kind() == TcpErrorKind::PipeClosed => {
                Err(Error::Incomplete)
            }
            _ => Err(Error::Network(error)),
        }
    }
}

/// The length of the body, `Some(None)` if it has none; `None` if it is unreadable.
fn content_length(headers: &[httparse::Header<'_>]) -> Option<Option<usize>> {
    let value = |name: &str| {
        let mut matching = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        matching.next().map(|header| header.value)
    };
    if value("Transfer-Encoding").is_some() {
        return None;
    }
    match value("Content-Length") {
        None => Some(None),
        Some(digits) => std::str::from_utf8(digits).ok()?.trim().parse().ok().map(Some),
    }
}
