//! Connections that are asked for.

use sockstate::smoltcp::socket::tcp::State;
use sockstate::state::{Closed, Connected, Connecting, Resolving};
use sockstate::{Duration, Error, Failed, Instant, Net, TcpSocket, Unfinished};

use super::Ours;
use super::lookups::limit_of;
use crate::checks::{Invariant, Violation};
use crate::cx::Cx;
use crate::plan::{Act, Script};

/// A connection that is asked for.
#[derive(Debug)]
pub struct Dial<'net> {
    form: Form<'net>,
    by_name: bool,
    since: Instant,
    jumped: u64,
    /// When the application gives it up.
    until: u64,
    script: u64,
}

#[derive(Debug)]
enum Form<'net> {
    Resolving(TcpSocket<'net, Resolving<'static>>),
    Connecting(TcpSocket<'net, Connecting>),
}

/// What became of it.
enum Outcome<'net> {
    Pending(Form<'net>),
    Connected(TcpSocket<'net, Connected>),
    Failed(Failed<TcpSocket<'net, Closed>>),
}

impl<'net> Dial<'net> {
    pub fn begin(net: &'net Net, act: &Act, cx: &mut Cx<'_>) -> Result<Self, Error> {
        let Act::Dial { to, v6, port, from, by_name, patience, script } = *act else {
            return Err(Error::WrongState);
        };
        cx.shared.stats.dials += 1;
        let remote = cx.shared.addresses.endpoint(to, v6, port);
        let socket = net.tcp()?;
        let form = match (from, by_name) {
            (None, false) => Form::Connecting(socket.connect(remote)?),
            (Some(from), false) => Form::Connecting(socket.bind(from)?.connect(remote)?),
            (None, true) => {
                Form::Resolving(socket.connect_by_name(crate::name_of(Some(to)), port)?)
            }
            (Some(from), true) => {
                let socket = socket.bind(from)?;
                Form::Resolving(socket.connect_by_name(crate::name_of(Some(to)), port)?)
            }
        };
        Ok(Dial {
            form,
            by_name,
            since: cx.own,
            jumped: cx.jumped,
            until: cx.now.saturating_add(patience),
            script,
        })
    }

    fn name(&self) -> &'static str {
        match self.form {
            Form::Resolving(_) => "resolving",
            Form::Connecting(_) => "connecting",
        }
    }
}

impl<'net> Form<'net> {
    fn finish(self) -> Outcome<'net> {
        match self {
            Form::Resolving(socket) => match socket.finish() {
                Ok(socket) => Form::Connecting(socket).finish(),
                Err(Unfinished::Pending(socket)) => Outcome::Pending(Form::Resolving(socket)),
                Err(Unfinished::Failed(failed)) => Outcome::Failed(failed),
            },
            Form::Connecting(socket) => match socket.finish() {
                Ok(socket) => Outcome::Connected(socket),
                Err(Unfinished::Pending(socket)) => Outcome::Pending(Form::Connecting(socket)),
                Err(Unfinished::Failed(failed)) => Outcome::Failed(failed),
            },
        }
    }

    /// The peer may have answered already: then it sees a stream that ends before it begins.
    fn give_up(self, cx: &mut Cx<'_>) {
        if let Form::Connecting(socket) = self
            && let (Ok(local), Ok(remote)) = (socket.local_endpoint(), socket.remote_endpoint())
            && let Some(addr) = local.addr
        {
            let stream = cx.shared.streams.open((addr, local.port).into(), remote);
            cx.shared.streams.end(stream);
        }
    }

    /// What its type promises and its state contradicts.
    fn contradiction(&self) -> Option<String> {
        let (name, state, fits) = match self {
            Form::Resolving(socket) => ("resolving", socket.tcp_state(), &[State::Closed][..]),
            Form::Connecting(socket) => {
                ("connecting", socket.tcp_state(), &[State::SynSent, State::SynReceived][..])
            }
        };
        let state = state.unwrap_or(State::Closed);
        (!fits.contains(&state)).then(|| format!("{name}, and not done, in {state}"))
    }
}

impl<'net> Ours<'net> {
    pub(super) fn step_dials(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        for dial in std::mem::take(&mut self.dials) {
            if cx.now >= dial.until {
                cx.shared.stats.given_up += 1;
                dial.form.give_up(cx);
                continue;
            }
            cx.wake_at(dial.until);
            let was = dial.name();
            match dial.form.finish() {
                Outcome::Connected(socket) => {
                    cx.shared.stats.connected += 1;
                    let script = Script::random(dial.script);
                    self.begin_talk(socket, script, cx)?;
                }
                Outcome::Failed(failed) => self.dial_failed(failed, cx)?,
                Outcome::Pending(form) => {
                    cx.shared.stats.checks.count(Invariant::State);
                    if let Some(text) = form.contradiction() {
                        return cx.fails(Invariant::State, text);
                    }
                    let mut dial = Dial { form, ..dial };
                    if dial.name() != was {
                        dial.since = cx.own;
                    }
                    let connect = self.limits.connect;
                    let limit = match dial.form {
                        Form::Resolving(_) => limit_of(self.limits.lookup, dial.jumped, cx),
                        // Of two addresses, the first one has half of the time.
                        Form::Connecting(_) if dial.by_name => {
                            limit_of(connect * 3 / 2, dial.jumped, cx)
                        }
                        Form::Connecting(_) => Duration::from_millis(connect),
                    };
                    let (since, what) = (dial.since, dial.name());
                    cx.waits(since, limit, what)?;
                    self.dials.push(dial);
                }
            }
        }
        Ok(())
    }

    fn dial_failed(
        &mut self,
        failed: Failed<TcpSocket<'net, Closed>>,
        cx: &mut Cx<'_>,
    ) -> Result<(), Violation> {
        let (socket, error) = failed.into_parts();
        cx.note(format_args!("connecting: {error}"));
        let stats = &mut cx.shared.stats;
        match error {
            Error::Refused => stats.refused += 1,
            Error::TimedOut => stats.connect_timed_out += 1,
            _ => stats.connect_failed += 1,
        }
        stats.checks.count(Invariant::State);
        match socket.tcp_state() {
            Ok(State::Closed) => Ok(()),
            state => cx.fails(Invariant::State, format!("not connected, in {state:?}")),
        }
    }
}
