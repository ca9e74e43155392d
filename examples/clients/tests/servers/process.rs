//! A process that is started, read from, and ended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What one wait may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How many lines of each end of a long transcript are printed.
const SHOWN: usize = 20;

/// Waits until something is so.
pub(crate) fn until(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !done() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        sockstate::device::sleep(None);
    }
}

/// What a process has printed, line by line.
#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    /// How many of its two streams have ended. A child that it leaves behind keeps them open.
    ended: usize,
}

/// A process, with what it prints. It is killed when this is dropped, and then or at its regular
/// end its transcript is printed.
pub(crate) struct Process {
    name: String,
    child: Child,
    printed: Arc<(Mutex<Printed>, Condvar)>,
    gone: bool,
}

impl Process {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let printed = Arc::new((Mutex::default(), Condvar::new()));
        follow(child.stdout.take().unwrap(), printed.clone());
        follow(child.stderr.take().unwrap(), printed.clone());
        Process { name: name.into(), child, printed, gone: false }
    }

    /// dnsmasq at one place, which the options `at` say, with what it is to do beside knowing the
    /// names in `.test` that it is told.
    pub(crate) fn dnsmasq(at: &[&str], options: &[String]) -> Self {
        Process::start(
            "dnsmasq",
            Command::new("dnsmasq")
                .args([
                    // In the foreground, and as the user who starts it: an own user namespace has
                    // no other.
                    "--no-daemon",
                    "--conf-file=/dev/null",
                    "--log-queries",
                    "--no-resolv",
                    "--no-hosts",
                    "--local=/test/",
                    "--bind-interfaces",
                ])
                .args(at)
                .args(options),
        )
    }

    /// Waits for a line that contains a text, be it an earlier one.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_some(1, text);
    }

    /// Waits for a number of lines that contain a text.
    pub(crate) fn wait_for_some(&self, count: usize, text: &str) {
        let seen = |printed: &Printed| {
            printed.lines.iter().filter(|line| line.contains(text)).count() >= count
        };
        let found = self.wait_until(PATIENCE, |printed| seen(printed) || printed.ended == 2, seen);
        assert!(found, "{} does not say {text:?} ({count} times)", self.name);
    }

    /// Waits for the end of the process, which must be a success and leave nothing behind; what
    /// it has printed.
    pub(crate) fn finish(self) -> Vec<String> {
        self.finish_within(PATIENCE)
    }

    pub(crate) fn finish_within(mut self, limit: Duration) -> Vec<String> {
        let status = self.await_end(limit);
        let lines = self.lines();
        let name = self.name.clone();
        drop(self);
        assert!(status.success(), "{name}: {status}");
        lines
    }

    /// Waits for the end of the process, which must be a failure; what it has printed.
    pub(crate) fn fail(mut self) -> Vec<String> {
        let status = self.await_end(PATIENCE);
        assert!(!status.success(), "{} should have failed", self.name);
        self.lines()
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        // One that is frozen ends when it thaws.
        self.signal("CONT");
        self.await_end(PATIENCE);
        self.lines()
    }

    /// Lets it do nothing more until it is stopped.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id();
        // The shell's own: a program of that name is not everywhere.
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(status.unwrap().success(), "{} is gone already", self.name);
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.printed.0.lock().unwrap().lines.clone()
    }

    fn await_end(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        until(limit, &format!("{} ends", self.name), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.gone = true;
        let ended = |printed: &Printed| printed.ended == 2;
        let nothing_left = self.wait_until(PATIENCE, ended, ended);
        assert!(nothing_left, "{} has left a child behind", self.name);
        status.unwrap()
    }

    fn wait_until(
        &self,
        limit: Duration,
        enough: impl Fn(&Printed) -> bool,
        holds: impl Fn(&Printed) -> bool,
    ) -> bool {
        let (printed, changed) = &*self.printed;
        let printed = printed.lock().unwrap();
        let result = changed.wait_timeout_while(printed, limit, |printed| !enough(printed));
        holds(&result.unwrap().0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.gone {
            // It may just have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        println!("--- {}", self.name);
        let lines = self.lines();
        let (first, last) = match lines.len() {
            // Of what a server says of ten thousand messages, only the ends, unless they may tell
            // what went wrong.
            len if len > 3 * SHOWN && !thread::panicking() => (SHOWN, len - SHOWN),
            len => (len, len),
        };
        lines[..first].iter().for_each(|line| println!("{line}"));
        if first < last {
            println!("[{} more lines]", last - first);
        }
        lines[last..].iter().for_each(|line| println!("{line}"));
    }
}

/// Reads a stream to its end, in a thread of its own.
fn follow(stream: impl Read + Send + 'static, printed: Arc<(Mutex<Printed>, Condvar)>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            printed.0.lock().unwrap().lines.push(line);
            printed.1.notify_all();
        }
        printed.0.lock().unwrap().ended += 1;
        printed.1.notify_all();
    });
}
