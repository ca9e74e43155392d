//! A TAP interface with a network of its own.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use sockstate::device::{self, StdClock, Tap};
use sockstate::{Config, Heap, Stack};

use crate::Process;

/// A network in which the kernel is host 1 and a program on the stack is host 2.
pub(crate) struct Wire {
    name: String,
    number: u8,
}

impl Wire {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let prefix = env::var("SOCKSTATE_TAP")
            .expect("run scripts/clients: these tests need a network namespace of their own");
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let wire = Wire { name: format!("{prefix}{number}"), number };
        // Without a program on it, so that servers can listen on its address before one starts.
        ip(&["tuntap", "add", "dev", &wire.name, "mode", "tap"]);
        ip(&["addr", "add", &format!("{}/24", wire.host(1)), "dev", &wire.name]);
        ip(&["link", "set", &wire.name, "up"]);
        wire
    }

    fn host(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, self.number, host)
    }

    pub(crate) fn kernel(&self) -> Ipv4Addr {
        self.host(1)
    }

    pub(crate) fn server(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.kernel().into(), port)
    }

    pub(crate) fn our(&self) -> Ipv4Addr {
        self.host(2)
    }

    /// A stack in this process.
    pub(crate) fn stack(&self) -> Stack<Tap, StdClock> {
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, self.number], 42);
        config.idle = device::sleep;
        let tap = Tap::open(&self.name).unwrap();
        let stack = Stack::new(Heap::default(), tap, StdClock::new(), config).unwrap();
        stack.add_address(format!("{}/24", self.our()).parse().unwrap()).unwrap();
        stack
    }

    /// Starts one of the client programs on this network.
    pub(crate) fn program(&self, name: &str, remote: &str, options: &[&str]) -> Process {
        let tests = env::current_exe().unwrap();
        // Beside the directory of the tests' own binaries.
        let examples = tests.parent().and_then(|path| path.parent()).unwrap().join("examples");
        let mut command = Command::new(examples.join(name));
        command.args(["--tap", &self.name, "--address", &format!("{}/24", self.our())]);
        command.args(["--remote", remote]).args(options);
        Process::start(name, &mut command)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        ip(&["link", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {}: {status}", arguments.join(" "));
}
