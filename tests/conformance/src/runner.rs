//! Runs a script: passes time, compares, and writes down what happens.

use std::fmt::{self, Write};

use sockstate::device::Cable;
use sockstate::testing::{LabStack, VirtualClock};
use sockstate::{Config, Duration, Heap, Instant, Stack};

use crate::line::{Event, Line};
use crate::peer::{Ends, Peer, Sent};
use crate::script::Script;
use crate::sockets::Sockets;
use crate::wire::STACK_MAC;

const SEED: u64 = 0x5eed;
const ETHERNET_HEADER: usize = 14;
/// More polls in a row than any script needs.
const MANY_POLLS: usize = 1_000;

/// Why a script failed.
#[derive(Debug)]
pub struct Failure {
    /// The script.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// What that line wants.
    pub expected: String,
    /// What there was.
    pub got: String,
    /// What had happened until then.
    pub transcript: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { name, line, expected, got, transcript } = self;
        writeln!(f, "{name}:{line}")?;
        writeln!(f, "  expected {expected}")?;
        writeln!(f, "  got      {got}")?;
        f.write_str(transcript)
    }
}

/// What a line wants, and what there was in its place.
#[derive(Debug)]
struct Mismatch {
    expected: String,
    got: String,
}

/// Runs a script, and gives what happened.
///
/// # Errors
///
/// The first line that something else happened at.
pub fn run(script: &Script) -> Result<String, Box<Failure>> {
    if let Some(line) = script.lines.iter().find(|line| line.differs.is_some()) {
        return Err(Box::new(Failure {
            name: script.name.clone(),
            line: line.number,
            expected: "no `!!`, which is for what is known to differ".into(),
            got: line.text.clone(),
            transcript: String::new(),
        }));
    }
    play(script)
}

/// Runs a script of what is known to differ, up to where it does.
///
/// # Errors
///
/// That it does not differ any more, or otherwise than is known.
pub fn run_known(script: &Script) -> Result<String, String> {
    let mut known = script.lines.iter().filter_map(|line| Some((line, line.differs.as_ref()?)));
    let (Some((line, differs)), None) = (known.next(), known.next()) else {
        return Err(format!("{}: one line is to have a `!!`", script.name));
    };
    match play(script) {
        Ok(transcript) => {
            Err(format!("{}: it does not differ any more\n{transcript}", script.name))
        }
        Err(failure) if failure.line == line.number && failure.got == *differs => {
            Ok(failure.transcript)
        }
        Err(failure) => Err(format!("not as it is known, line {}:\n{failure}", line.number)),
    }
}

fn play(script: &Script) -> Result<String, Box<Failure>> {
    let setup = &script.setup;
    let clock = VirtualClock::new();
    let (near, far) = Cable::ethernet().with_mtu(setup.mtu + ETHERNET_HEADER).plugs();
    let ends = Ends::new(setup.ipv6);
    let mut config = Config::ethernet(STACK_MAC.0, SEED);
    config.deadlines = setup.deadlines;
    config.overflow = setup.overflow;
    let heap = Heap { tcp: setup.slots, tcp_rx: setup.rx, tcp_tx: setup.tx, ..Heap::default() };
    let stack: LabStack = Stack::new(heap, near, clock.clone(), config).expect("a stack");
    stack.add_address(ends.network()).expect("an address");
    let mut runner = Runner {
        start: clock.time(),
        sockets: Sockets::new(stack.net(), ends.peer.into()),
        peer: Peer::new(far, ends, setup.answers, clock.time()),
        stack: &stack,
        clock,
        transcript: String::new(),
    };
    runner.settle();
    for line in &script.lines {
        runner.step(line).map_err(|Mismatch { expected, got }| {
            Box::new(Failure {
                name: script.name.clone(),
                line: line.number,
                expected,
                got,
                transcript: runner.transcript.clone(),
            })
        })?;
    }
    let last = script.lines.last().map_or(0, |line| line.number);
    runner.expect_silence().map_err(|Mismatch { expected, got }| {
        let (name, transcript) = (script.name.clone(), runner.transcript.clone());
        Box::new(Failure { name, line: last, expected, got, transcript })
    })?;
    Ok(runner.transcript)
}

struct Runner<'net> {
    stack: &'net LabStack,
    sockets: Sockets<'net>,
    peer: Peer,
    clock: VirtualClock,
    start: Instant,
    transcript: String,
}

impl Runner<'_> {
    fn step(&mut self, line: &Line) -> Result<(), Mismatch> {
        self.pass(line.after)?;
        let now = self.clock.time();
        match &line.event {
            Event::Expect(wanted) => {
                let got = self.peer.heard.pop_front();
                let met = matches!(&got, Some(Sent::Segment { name, segment })
                    if *name == line.name && wanted.is_met_by(segment));
                return self.check(met, line, show(got.as_ref()));
            }
            Event::ExpectQuestion => {
                let got = self.peer.heard.pop_front();
                return self.check(got == Some(Sent::Question), line, show(got.as_ref()));
            }
            _ => self.expect_silence()?,
        }
        match &line.event {
            Event::Inject(segment, odd) => self.peer.send(now, &line.name, segment, odd),
            Event::Introduce => self.peer.introduce(now),
            Event::Icmp(why) => {
                if let Err(misuse) = self.peer.report(now, *why) {
                    return self.check(false, line, misuse);
                }
            }
            Event::Anew => self.peer.forget_numbers(&line.name),
            Event::Call(call, wanted) => {
                let flow = self.peer.flow(&line.name);
                let (met, got) = match self.sockets.call(&line.name, call, flow) {
                    Ok(outcome) => (outcome == *wanted, outcome.to_string()),
                    Err(misuse) => (false, misuse),
                };
                self.check(met, line, got)?;
                self.settle();
                return Ok(());
            }
            Event::Silent | Event::Expect(_) | Event::ExpectQuestion => {}
        }
        self.check(true, line, String::new())?;
        self.settle();
        Ok(())
    }

    /// Writes a line down, if it is met.
    fn check(&mut self, met: bool, line: &Line, got: String) -> Result<(), Mismatch> {
        if !met {
            let known = line.text.split("!!").next().unwrap_or_default();
            return Err(Mismatch { expected: known.trim_end().into(), got });
        }
        let text = line.text.split_once(char::is_whitespace).map_or("", |(_, text)| text.trim());
        let _ = writeln!(self.transcript, "{:>12}  {text}", self.time());
        Ok(())
    }

    /// Lets time pass, in which the stack is silent up to the last moment.
    fn pass(&mut self, time: Duration) -> Result<(), Mismatch> {
        let end = self.clock.time() + time;
        while self.clock.time() < end {
            self.expect_silence()?;
            let left = end - self.clock.time();
            let delay = self.stack.poll_delay().unwrap_or(left);
            // Work that is due and yet does not move waits for time as well.
            self.clock.advance(delay.max(Duration::from_micros(1)).min(left));
            self.settle();
        }
        Ok(())
    }

    /// Lets the stack do all that it can do now.
    fn settle(&mut self) {
        for _ in 0..MANY_POLLS {
            let moved = self.stack.poll().expect("a stack that is not called from within");
            if !self.peer.listen(self.clock.time()) && !moved {
                return;
            }
        }
        self.peer.heard.push_back(Sent::Wrong("work without end".into()));
    }

    fn expect_silence(&mut self) -> Result<(), Mismatch> {
        match self.peer.heard.front() {
            None => Ok(()),
            got => {
                let (expected, got) = (format!("silence, at {}", self.time()), show(got));
                Err(Mismatch { expected, got })
            }
        }
    }

    fn time(&self) -> String {
        format!("{:.6}", (self.clock.time() - self.start).total_micros() as f64 / 1e6)
    }
}

fn show(sent: Option<&Sent>) -> String {
    match sent {
        None => "nothing".into(),
        Some(Sent::Question) => "> neighbour".into(),
        Some(Sent::Wrong(what)) => what.clone(),
        Some(Sent::Segment { name, segment }) if name == "a" => format!("> {segment}"),
        Some(Sent::Segment { name, segment }) => format!("@{name} > {segment}"),
    }
}
