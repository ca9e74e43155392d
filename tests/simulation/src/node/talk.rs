//! One end of a connection, which behaves as its script says.

use std::net::SocketAddr;

use sockstate::smoltcp::socket::tcp::State;
use sockstate::{Duration, Error, Instant, nb};

use super::line::Line;
use crate::checks::{Invariant, Violation};
use crate::cx::Cx;
use crate::ledger::{Inbound, StreamId};
use crate::plan::{Ending, Plant, Script};
use crate::rng::Rng;

/// How many calls of one kind are made in one turn.
const CALLS: usize = 8;

/// The longest call.
const LONGEST: usize = 8_192;

/// What a stack grants a connection to send its RST, after the deadline to close is over.
const LAST_WORD: u64 = 1_000;

/// How long a stack waits before it tries again to find a neighbour; a peer owes nothing before it
/// was asked.
const NEIGHBOR_PAUSE: u64 = 1_500;

/// The time limits of a stack that concern a connection, in milliseconds. A stack without them
/// waits for ever.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub unreachable: u64,
    pub closing: u64,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Talk<L> {
    line: L,
    script: Script,
    rng: Rng,
    patience: Option<Patience>,
    stream: StreamId,
    inbound: Inbound,
    sent: u64,
    sends: bool,
    receives: bool,
    /// When the next call is made to receive, and when all is over.
    next_read: u64,
    end: u64,
    /// Since when the peer owes something.
    owes: Option<Instant>,
    /// When it was first asked for that.
    asked: Option<Instant>,
    opened: Instant,
    /// Since when it is being closed, or something was last delivered, and what was queued then.
    closing: Option<(Instant, usize)>,
    /// Why it ended, as the first call said that failed.
    error: Option<Error>,
}

impl<L: Line> Talk<L> {
    pub fn new(
        mut line: L,
        (local, remote): (SocketAddr, SocketAddr),
        script: Script,
        patience: Option<Patience>,
        cx: &mut Cx<'_>,
    ) -> Self {
        line.set_options(&script);
        if script.splits {
            cx.shared.stats.halves += 1;
        }
        cx.note(format_args!("{local} to {remote}: open"));
        Talk {
            line,
            script,
            rng: Rng::new(script.seed),
            patience,
            stream: cx.shared.streams.open(local, remote),
            inbound: Inbound::new(local, remote),
            sent: 0,
            sends: true,
            receives: true,
            next_read: cx.now,
            end: cx.now + script.time,
            owes: None,
            asked: None,
            opened: cx.own,
            closing: None,
            error: None,
        }
    }

    /// Does what there is to do. Whether it is over.
    pub fn step(&mut self, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        if self.closing.is_some() {
            return self.go_on_closing(cx);
        }
        if cx.now >= self.end {
            cx.shared.stats.ended += 1;
            return self.leave(self.script.last, cx);
        }
        cx.wake_at(self.end);
        self.receive(cx)?;
        self.send(cx)?;
        self.compare(cx)?;
        if !self.receives && (!self.sends || self.error.is_some()) {
            return self.leave(if self.error.is_some() { Ending::Drop } else { Ending::Close }, cx);
        }
        if self.sends && self.sent >= self.script.bytes && self.is_flushed(cx)? {
            let ending = self.script.ending;
            let is_over = match ending {
                Ending::Stay => !self.receives,
                _ => true,
            };
            if is_over {
                return self.leave(if ending == Ending::Stay { Ending::Close } else { ending }, cx);
            }
        }
        self.watch(cx)?;
        Ok(false)
    }

    fn receive(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let mut buffer = [0; LONGEST];
        for _ in 0..CALLS {
            if !self.receives {
                return Ok(());
            }
            if cx.now < self.next_read {
                cx.wake_at(self.next_read);
                return Ok(());
            }
            let size = self.rng.between(1, self.script.read) as usize;
            match self.line.receive(&mut buffer[..size]) {
                Ok(received) => {
                    let data = &buffer[..received];
                    let shared = &mut *cx.shared;
                    shared.stats.bytes_received += received as u64;
                    let checks = &mut shared.stats.checks;
                    let said = shared.streams.receive(&mut self.inbound, data, checks);
                    cx.heed(said)?;
                    self.next_read = cx.now + self.script.pause;
                }
                Err(nb::Error::WouldBlock) => return Ok(()),
                Err(nb::Error::Other(error)) => self.end_of_stream(error, cx)?,
            }
        }
        // There may be more, for the next turn.
        if self.receives && self.script.pause == 0 {
            cx.wake_at(cx.now);
        }
        Ok(())
    }

    fn end_of_stream(&mut self, error: Error, cx: &mut Cx<'_>) -> Result<(), Violation> {
        self.receives = false;
        cx.note(format_args!("{:?}: {error}", self.inbound));
        let checks = &mut cx.shared.stats.checks;
        let said = cx.shared.streams.finish(&self.inbound, error, L::KEEPS, checks);
        cx.heed(said)?;
        if error == Error::PeerClosed {
            cx.shared.stats.completed += 1;
            if cx.shared.is_calm {
                cx.shared.stats.checks.count(Invariant::Calm);
            }
            return Ok(());
        }
        self.fails(error, cx)
    }

    /// The connection is over; every call gives the same reason.
    fn fails(&mut self, error: Error, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let stats = &mut cx.shared.stats;
        stats.checks.count(Invariant::State);
        match self.error.replace(error) {
            Some(first) if first != error => {
                return cx
                    .fails(Invariant::State, format!("it ended with {first}, and with {error}"));
            }
            Some(_) => {}
            None => match error {
                Error::TimedOut => stats.timed_out += 1,
                Error::AddressLost | Error::LinkDown => stats.cut += 1,
                _ => stats.reset += 1,
            },
        }
        if L::KEEPS && cx.shared.is_calm {
            cx.shared.stats.checks.count(Invariant::Calm);
            if error == Error::TimedOut {
                return cx.fails(Invariant::Calm, format!("{:?}: {error}", self.inbound));
            }
        }
        if L::KEEPS && !error.ends_connection() {
            return cx.fails(Invariant::State, format!("a connection does not end with {error}"));
        }
        Ok(())
    }

    fn send(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let mut buffer = [0; LONGEST];
        for _ in 0..CALLS {
            let left = self.script.bytes.saturating_sub(self.sent);
            if !self.sends || left == 0 || self.error.is_some() {
                return Ok(());
            }
            let size = self.rng.between(1, self.script.write).min(left) as usize;
            let data = &mut buffer[..size];
            cx.shared.streams.fill(self.stream, data);
            if cx.has(Plant::WrongByte) && self.sent > 0 {
                data[size - 1] ^= 1;
            }
            match self.line.send(data) {
                Ok(sent) => {
                    self.sent += sent as u64;
                    cx.shared.streams.sent(self.stream, sent as u64);
                    cx.shared.stats.bytes_sent += sent as u64;
                }
                Err(nb::Error::WouldBlock) => return Ok(()),
                // Its last word to the peer was a FIN that nobody has received yet.
                Err(nb::Error::Other(Error::PeerClosed)) => self.sends = false,
                Err(nb::Error::Other(error)) => self.fails(error, cx)?,
            }
        }
        if self.sends && self.sent < self.script.bytes {
            cx.wake_at(cx.now);
        }
        Ok(())
    }

    /// Whether all is delivered, if that is asked for.
    fn is_flushed(&mut self, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        if !self.script.flushes || self.error.is_some() {
            return Ok(true);
        }
        match self.line.flush() {
            Ok(()) => {
                cx.shared.streams.acknowledge(self.stream);
                if cx.has(Plant::FalseReceipt) {
                    cx.shared.streams.boast(self.stream, Invariant::Delivered);
                }
                Ok(true)
            }
            Err(nb::Error::WouldBlock) => Ok(false),
            Err(nb::Error::Other(error)) => self.fails(error, cx).map(|()| true),
        }
    }

    /// Ends this side. Whether nothing is left to wait for.
    fn leave(&mut self, how: Ending, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        cx.note(format_args!("{:?}: {how:?}", self.inbound));
        if how != Ending::Abort && self.error.is_none() {
            if cx.has(Plant::EarlyEnd) {
                cx.shared.streams.boast(self.stream, Invariant::End);
            }
            cx.shared.streams.end(self.stream);
        }
        match how {
            Ending::Shutdown if self.receives => {
                self.sends = false;
                self.line.shutdown();
                Ok(false)
            }
            Ending::Shutdown | Ending::Close | Ending::Stay => {
                self.line.close();
                self.closing = Some((cx.own, self.line.queued()));
                self.go_on_closing(cx)
            }
            // Dropped by whoever keeps it, which is the same for the stack.
            Ending::Drop => Ok(true),
            Ending::Abort => {
                self.line.abort();
                Ok(true)
            }
        }
    }

    fn go_on_closing(&mut self, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        let closed = self.line.poll_closed();
        if let Some(text) = self.line.contradiction(true) {
            return cx.fails(Invariant::State, text);
        }
        match closed {
            Err(nb::Error::WouldBlock) => {}
            Ok(()) => return Ok(true),
            Err(nb::Error::Other(error)) => {
                cx.note(format_args!("{:?}: closing: {error}", self.inbound));
                return Ok(true);
            }
        }
        let Some((since, was_queued)) = &mut self.closing else { return Ok(true) };
        let queued = self.line.queued();
        if queued < *was_queued {
            (*since, *was_queued) = (cx.own, queued);
        }
        let since = *since;
        if let Some(patience) = self.patience {
            let limit = Duration::from_millis(patience.closing + LAST_WORD);
            let state = self.line.state();
            cx.waits(since, limit, format_args!("closing {:?} in {state}", self.inbound))?;
        }
        Ok(false)
    }

    /// Compares now and then what the type says with what the stack says.
    fn compare(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        if !self.rng.chance(250) {
            return Ok(());
        }
        cx.shared.stats.checks.count(Invariant::State);
        let is_half_closed = !self.sends || cx.has(Plant::WrongState);
        match self.line.contradiction(is_half_closed) {
            Some(text) => cx.fails(Invariant::State, text),
            None => Ok(()),
        }
    }

    /// Sees to it that a peer that is gone is given up in time.
    fn watch(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let (Some(patience), None) = (self.patience, self.error) else { return Ok(()) };
        let state = self.line.state();
        if matches!(state, State::Closed | State::TimeWait) {
            // It is over, and the next call says so, or nothing is owed any more.
            return Ok(());
        }
        let owes = self.line.queued() > 0
            || matches!(state, State::FinWait1 | State::Closing | State::LastAck);
        self.owes = if owes { self.owes.or(Some(cx.own)) } else { None };
        let limit = self.script.timeout.unwrap_or(patience.unreachable);
        let (begin, limit) = match (self.owes, self.script.keep_alive) {
            (Some(since), _) => (since, limit),
            (None, Some(interval)) => {
                (self.opened.max(self.line.spoke_at().unwrap_or(self.opened)), limit + interval)
            }
            // It may be silent for ever.
            (None, None) => return Ok(()),
        };
        let since = match self.line.heard() {
            // Its window is closed, and it will be asked later.
            Some(last) if last.is_full => return Ok(()),
            Some(last) => last.at.max(begin),
            None => begin,
        };
        let asked_at = self.line.sent_at().filter(|at| *at >= begin);
        self.asked = self.asked.filter(|at| *at >= begin).or(asked_at);
        let (since, limit) = match self.asked {
            Some(asked) => (since.max(asked), limit),
            None => (since, limit + NEIGHBOR_PAUSE),
        };
        let what = format_args!("{:?} in {state}", self.inbound);
        cx.waits(since, Duration::from_millis(limit), what)
    }
}
