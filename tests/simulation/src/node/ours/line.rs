//! A connection of this library.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::rc::Rc;

use sockstate::smoltcp::socket::tcp::State;
use sockstate::state::{Closing, Connected, HalfClosed};
use sockstate::{Duration, Error, Instant, TcpReader, TcpSocket, TcpWriter, nb};

use crate::net::{Flow, Last, Wire, owner};
use crate::node::line::Line;
use crate::plan::Script;

/// A connection of this library.
#[derive(Debug)]
pub struct OurLine<'net> {
    form: Form<'net>,
    wire: Rc<Wire>,
    flow: Flow,
}

#[derive(Debug)]
enum Form<'net> {
    Whole(TcpSocket<'net, Connected>),
    Split(TcpReader<'net>, Option<TcpWriter<'net>>),
    Half(TcpSocket<'net, HalfClosed>),
    Closing(TcpSocket<'net, Closing>),
    /// Nothing is held any more.
    Gone,
}

/// How many bytes, or why none any more.
type Promise = Result<usize, Error>;

/// Does the same with a socket in each state that has the method.
macro_rules! with {
    (
        $form:expr, $socket:ident, $call:expr,
        [$($state:ident)*], $split:pat => $half:expr, $else:expr
    ) => {
        match $form {
            $(Form::$state($socket) => $call,)*
            $split => { let $socket = $half; $call }
            #[allow(unreachable_patterns)]
            _ => $else,
        }
    };
}

impl<'net> OurLine<'net> {
    pub fn new(
        socket: TcpSocket<'net, Connected>,
        wire: Rc<Wire>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Self {
        let flow = Flow {
            v6: local.is_ipv6(),
            peer: owner(remote.ip()),
            local_port: local.port(),
            remote_port: remote.port(),
        };
        OurLine { form: Form::Whole(socket), wire, flow }
    }

    /// What may be received and sent, in the stack's words, beside the state.
    fn promises(&self) -> (Option<Promise>, Option<Promise>) {
        match &self.form {
            Form::Whole(socket) => (Some(socket.receive_queue()), Some(socket.send_room())),
            Form::Split(reader, writer) => {
                (Some(reader.receive_queue()), writer.as_ref().map(|writer| writer.send_room()))
            }
            Form::Half(socket) => (Some(socket.receive_queue()), None),
            Form::Closing(_) | Form::Gone => (None, None),
        }
    }
}

impl Line for OurLine<'_> {
    const KEEPS: bool = true;

    fn set_options(&mut self, script: &Script) {
        let Form::Whole(socket) = &mut self.form else { return };
        let set = || -> Result<(), Error> {
            socket.set_nagle(script.nagle)?;
            if !script.delays_acks {
                socket.set_ack_delay(None)?;
            }
            if let Some(interval) = script.keep_alive {
                socket.set_keep_alive(Some(Duration::from_millis(interval)))?;
            }
            if let Some(timeout) = script.timeout {
                socket.set_timeout(Some(Duration::from_millis(timeout)))?;
            }
            socket.set_hop_limit(NonZeroU8::new(32))
        }();
        set.expect("nobody is within the stack");
        if script.splits
            && let Form::Whole(socket) = std::mem::replace(&mut self.form, Form::Gone)
        {
            let (reader, writer) = socket.split();
            self.form = Form::Split(reader, Some(writer));
        }
    }

    fn send(&mut self, data: &[u8]) -> nb::Result<usize, Error> {
        let fill = |buffer: &mut [u8]| {
            let n = data.len().min(buffer.len());
            buffer[..n].copy_from_slice(&data[..n]);
            (n, n)
        };
        with!(&mut self.form, socket, {
            if data.len().is_multiple_of(2) { socket.send(data) } else { socket.send_with(fill) }
        }, [Whole], Form::Split(_, Some(writer)) => writer, Err(Error::WrongState.into()))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error> {
        with!(&mut self.form, socket, match buffer.len() % 3 {
            0 => socket.receive(buffer),
            1 => socket.recv_with(|data| {
                let n = data.len().min(buffer.len());
                buffer[..n].copy_from_slice(&data[..n]);
                (n, n)
            }),
            _ => {
                let seen = socket.peek(buffer)?;
                let taken = socket.receive(&mut buffer[..seen])?;
                assert_eq!(seen, taken, "what was seen can be taken");
                Ok(taken)
            }
        }, [Whole Half], Form::Split(reader, _) => reader, Err(Error::WrongState.into()))
    }

    fn flush(&mut self) -> nb::Result<(), Error> {
        with!(&mut self.form, socket, socket.flush(), [Whole Half Closing],
            Form::Split(reader, _) => reader, Ok(()))
    }

    fn queued(&self) -> usize {
        let queued = with!(&self.form, socket, socket.send_queue(), [Whole Half Closing],
            Form::Split(reader, _) => reader, Ok(0));
        queued.unwrap_or(0)
    }

    fn state(&self) -> State {
        let state = with!(&self.form, socket, socket.tcp_state(), [Whole Half Closing],
            Form::Split(reader, _) => reader, Ok(State::Closed));
        state.unwrap_or(State::Closed)
    }

    fn shutdown(&mut self) {
        self.form = match std::mem::replace(&mut self.form, Form::Gone) {
            Form::Whole(socket) => Form::Half(socket.shutdown()),
            Form::Split(reader, _) => Form::Split(reader, None),
            other => other,
        };
    }

    fn close(&mut self) {
        self.form = match std::mem::replace(&mut self.form, Form::Gone) {
            Form::Whole(socket) => Form::Closing(socket.close()),
            Form::Half(socket) => Form::Closing(socket.close()),
            Form::Split(reader, Some(writer)) => {
                let whole = reader.reunite(writer).expect("they are of one connection");
                Form::Closing(whole.close())
            }
            _ => Form::Gone,
        };
    }

    fn poll_closed(&mut self) -> nb::Result<(), Error> {
        let Form::Closing(socket) = &mut self.form else { return Ok(()) };
        socket.poll()
    }

    fn abort(&mut self) {
        match std::mem::replace(&mut self.form, Form::Gone) {
            Form::Whole(socket) => socket.abort(),
            Form::Half(socket) => socket.abort(),
            Form::Closing(socket) => socket.abort(),
            Form::Split(reader, Some(writer)) => {
                reader.reunite(writer).expect("they are of one connection").abort();
            }
            Form::Split(_, None) | Form::Gone => {}
        }
    }

    fn contradiction(&self, is_half_closed: bool) -> Option<String> {
        use State as S;
        let state = self.state();
        let fits_state = match (&self.form, is_half_closed) {
            (Form::Gone, _) => true,
            (_, false) => matches!(state, S::Established | S::CloseWait | S::Closed),
            (_, true) => matches!(
                state,
                S::FinWait1 | S::FinWait2 | S::Closing | S::TimeWait | S::LastAck | S::Closed
            ),
        };
        let (receives, sends) = self.promises();
        let fits_receive = match receives {
            Some(Ok(0)) => matches!(state, S::Established | S::FinWait1 | S::FinWait2),
            Some(Err(Error::PeerClosed)) => {
                !matches!(state, S::Established | S::FinWait1 | S::FinWait2)
            }
            Some(Err(error)) => state == S::Closed && error.ends_connection(),
            Some(Ok(_)) | None => true,
        };
        let fits_send = match sends {
            Some(Ok(_)) => matches!(state, S::Established | S::CloseWait),
            Some(Err(error)) => state == S::Closed && error.ends_connection(),
            None => true,
        };
        let fits = fits_state && fits_receive && fits_send;
        (!fits).then(|| {
            let form = if is_half_closed { "half closed" } else { "connected" };
            format!("{form}, in {state}: may receive {receives:?}, may send {sends:?}")
        })
    }

    fn heard(&self) -> Option<Last> {
        self.wire.flows.heard(self.flow)
    }

    fn sent_at(&self) -> Option<Instant> {
        self.wire.flows.sent_at(self.flow)
    }

    fn spoke_at(&self) -> Option<Instant> {
        self.wire.flows.spoke_at(self.flow)
    }
}
