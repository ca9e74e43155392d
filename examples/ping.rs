//! Asks a host whether it is there, as the program of the same name does.
//!
//! ```sh
//! cargo run --example ping
//! cargo run --example ping -- --tap tap0 -c 10 -i 0.2 192.168.69.2
//! cargo run --example ping -- --tap tap0 --address fd00::1/64 fd00::2
//! ```

mod common;

use std::cell::Cell;
use std::net::IpAddr;
use std::process::ExitCode;

use common::{Idle, Options, Outcome};
use sockstate::state::Bound;
use sockstate::{Duration, Echo, Error, IcmpSocket, Instant, Net, nb};

const USAGE: &str = "\
ping [-c COUNT] [-i INTERVAL] [-s SIZE] [-W TIMEOUT] [options] [ADDRESS]

  -c COUNT            how many requests to send (default 4)
  -i INTERVAL         seconds from one request to the next (default 1)
  -s SIZE             bytes of data in each request (default 56)
  -W TIMEOUT          seconds to wait for replies after the last request (default 2)
  ADDRESS             whom to ask (default 192.168.69.2)

";

/// What is asked for on the command line.
struct Job {
    address: IpAddr,
    count: u16,
    interval: Duration,
    size: usize,
    timeout: Duration,
}

impl Job {
    fn take(&mut self, option: &str, rest: &mut dyn Iterator<Item = String>) -> Outcome<bool> {
        if !option.starts_with('-') {
            self.address = option.parse()?;
            return Ok(true);
        }
        if !["-c", "-i", "-s", "-W"].contains(&option) {
            return Ok(false);
        }
        let value = rest.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option {
            "-c" => self.count = value.parse()?,
            "-i" => self.interval = seconds(&value)?,
            "-s" => self.size = value.parse()?,
            _ => self.timeout = seconds(&value)?,
        }
        Ok(true)
    }
}

fn seconds(text: &str) -> Outcome<Duration> {
    let micros = text.parse::<f64>()? * 1e6;
    if (0.0..1e15).contains(&micros) {
        Ok(Duration::from_micros(micros as u64))
    } else {
        Err(format!("not a time in seconds: {text}").into())
    }
}

fn main() -> Outcome<ExitCode> {
    let mut job = Job {
        address: "192.168.69.2".parse()?,
        count: 4,
        interval: Duration::from_secs(1),
        size: 56,
        timeout: Duration::from_secs(2),
    };
    let options = Options::from_args_with(USAGE, |option, rest| job.take(option, rest));
    let replies = Cell::new(0);
    options.run(
        // A stack answers without being told to.
        |_| Ok(Box::new(|| {})),
        |net, _, idle| {
            replies.set(ping(net, &job, idle)?);
            Ok(())
        },
    )?;
    Ok(if replies.get() > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks, and says how many replies came.
fn ping(net: &Net, job: &Job, idle: Idle<'_>) -> Outcome<usize> {
    println!("PING {}: {} data bytes", job.address, job.size);
    let data: Vec<u8> = (0..job.size).map(|at| at as u8).collect();
    let start = net.now()?;
    let mut round = Round {
        socket: net.icmp()?.bind_any()?,
        job,
        buffer: vec![0; job.size],
        data,
        sent: Vec::new(),
        transmitted: 0,
        times: Vec::new(),
    };
    for seq_no in 1..=job.count {
        round.ask(seq_no)?;
        let wait = if seq_no < job.count { job.interval } else { job.timeout };
        round.listen(net.now()? + wait, seq_no == job.count, idle)?;
    }
    round.sum_up(net.now()? - start);
    Ok(round.times.len())
}

struct Round<'a> {
    socket: IcmpSocket<'a, Bound>,
    job: &'a Job,
    data: Vec<u8>,
    buffer: Vec<u8>,
    /// When each request was sent, until it is answered.
    sent: Vec<Option<Instant>>,
    transmitted: usize,
    /// How long each answer took, in milliseconds.
    times: Vec<f64>,
}

impl Round<'_> {
    fn ask(&mut self, seq_no: u16) -> Outcome {
        let now = self.socket.net().now()?;
        self.sent.push(Some(now));
        match self.socket.send_echo(self.job.address, seq_no, &self.data) {
            Ok(()) => {
                self.transmitted += 1;
                Ok(())
            }
            // No room: the requests before this one wait for a host that does not say where it is.
            Err(nb::Error::WouldBlock) => Ok(()),
            Err(nb::Error::Other(Error::TimedOut)) => {
                println!("the next hop to {} does not answer", self.job.address);
                Ok(())
            }
            Err(nb::Error::Other(error)) => Err(error.into()),
        }
    }

    /// Takes in replies until the time is over; the last one ends it before, if asked to.
    fn listen(&mut self, end: Instant, until_last: bool, idle: Idle<'_>) -> Outcome {
        let net = self.socket.net();
        let start = net.now()?;
        loop {
            match self.socket.receive_echo(&mut self.buffer) {
                Ok(echo) => self.hear(&echo)?,
                Err(nb::Error::WouldBlock) => {
                    let now = net.now()?;
                    let open = self.sent.iter().flatten().next().is_some();
                    if now >= end || (until_last && !open) {
                        return Ok(());
                    }
                    // A reply may come during a nap, and is noticed after it: so each nap is short
                    // beside the time that has passed.
                    let nap = ((now - start) / 16).min(end - now);
                    idle(Some(net.poll_delay().map_or(nap, |delay| delay.min(nap))));
                }
                Err(nb::Error::Other(Error::Truncated(size))) => {
                    println!("{size} bytes of data, which is more than was sent");
                }
                // These are told once.
                Err(nb::Error::Other(error @ (Error::TimedOut | Error::Unreachable))) => {
                    println!("{error}");
                }
                Err(nb::Error::Other(error)) => return Err(error.into()),
            }
        }
    }

    fn hear(&mut self, echo: &Echo) -> Outcome {
        let Echo { from, seq_no, hop_limit, len } = *echo;
        let now = self.socket.net().now()?;
        let index = usize::from(seq_no).wrapping_sub(1);
        print!("{} bytes from {from}: icmp_seq={seq_no} ttl={hop_limit}", len + 8);
        match self.sent.get_mut(index).and_then(Option::take) {
            Some(sent) => {
                let time = (now - sent).total_micros() as f64 / 1e3;
                print!(" time={time:.3} ms");
                self.times.push(time);
            }
            None => print!(" (not for the first time)"),
        }
        let is_right = self.buffer.get(..len) == Some(&self.data[..]);
        println!("{}", if is_right { "" } else { " (wrong data)" });
        Ok(())
    }

    fn sum_up(&self, took: Duration) {
        let (sent, received) = (self.transmitted, self.times.len());
        println!("\n--- {} ping statistics ---", self.job.address);
        println!(
            "{sent} packets transmitted, {received} received, {:.0}% packet loss, time {}ms",
            (sent - received) as f64 / sent.max(1) as f64 * 100.0,
            took.total_millis(),
        );
        if received == 0 {
            return;
        }
        let mean = |of: &dyn Fn(f64) -> f64| {
            self.times.iter().map(|time| of(*time)).sum::<f64>() / received as f64
        };
        let average = mean(&|time| time);
        let deviation = mean(&|time| (time - average).powi(2)).sqrt();
        let min = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let max = self.times.iter().copied().fold(0.0, f64::max);
        println!("rtt min/avg/max/mdev = {min:.3}/{average:.3}/{max:.3}/{deviation:.3} ms");
    }
}
