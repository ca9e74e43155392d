//! The servers, each as its own distribution ships it, with a configuration and a directory of its
//! own.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::PATIENCE;
use crate::{Process, until};

/// A directory that is gone when this is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        // No number of a process or of a test would do: other runs have namespaces of their own.
        let name = format!("sockstate-clients-{:016x}", RandomState::new().hash_one(()));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and says where it is.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left of it does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A broker that can be stopped and started again, on the same directory.
pub(crate) struct Broker {
    addr: SocketAddr,
    directory: Directory,
    process: Option<Process>,
}

impl Broker {
    /// `persistence`: whether it knows its sessions after it was started again.
    pub(crate) fn start(addr: SocketAddr, persistence: bool) -> Self {
        let directory = Directory::new();
        // Nothing a client is owed may be dropped for want of room.
        let config = format!(
            "listener {} {}\nallow_anonymous true\nuser root\nlog_dest stderr\nlog_type all\n\
             persistence {persistence}\npersistence_location {}/\n\
             max_queued_messages 0\nset_tcp_nodelay true\n",
            addr.port(),
            addr.ip(),
            directory.path().display(),
        );
        directory.write("mosquitto.conf", config);
        let mut broker = Broker { addr, directory, process: None };
        broker.start_again();
        broker
    }

    pub(crate) fn start_again(&mut self) {
        let config = self.directory.path().join("mosquitto.conf");
        let process = Process::start("mosquitto", Command::new("mosquitto").arg("-c").arg(config));
        process.wait_for(" running");
        self.process = Some(process);
    }

    /// Stops it by SIGTERM, and gives what it has printed.
    pub(crate) fn stop(&mut self) -> Vec<String> {
        self.process.take().unwrap().stop()
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    /// A client of the broker's own tools, on the kernel's side.
    pub(crate) fn tool(&self, name: &str, options: &[&str]) -> Process {
        let mut command = Command::new(name);
        command.args(["-h", &self.addr.ip().to_string(), "-p", &self.addr.port().to_string()]);
        Process::start(name, command.args(options))
    }
}

/// A name server that knows these records, each an option of its own, and no other name.
pub(crate) fn name_server(addr: Ipv4Addr, records: &[String]) -> Process {
    let server = Process::dnsmasq(&[&format!("--listen-address={addr}")], records);
    server.wait_for("started");
    server
}

/// A web server over the files of a directory, with more of its configuration.
pub(crate) fn web_server(addr: SocketAddr, directory: &Directory, more: &str) -> Process {
    let root = directory.path().display();
    let config = format!(
        "daemon off;\nmaster_process off;\nuser root;\npid {root}/nginx.pid;\n\
         error_log stderr;\nevents {{}}\n\
         http {{\n\
         access_log off;\n\
         log_format requests '$connection $connection_requests $request';\n\
         client_body_temp_path {root}/body;\nproxy_temp_path {root}/proxy;\n\
         fastcgi_temp_path {root}/fastcgi;\nuwsgi_temp_path {root}/uwsgi;\n\
         scgi_temp_path {root}/scgi;\n\
         server {{ listen {addr}; root {root}; {more} }}\n}}\n"
    );
    let config = directory.write("nginx.conf", config);
    let server = Process::start("nginx", Command::new("nginx").arg("-c").arg(config));
    until(PATIENCE, "nginx answers", || TcpStream::connect(addr).is_ok());
    server
}

/// The CoAP server of libcoap, which says what it was asked.
pub(crate) fn coap_server(addr: SocketAddr) -> Process {
    let server = Process::start(
        "coap-server",
        Command::new("coap-server-notls").args([
            "-A",
            &addr.ip().to_string(),
            "-p",
            &addr.port().to_string(),
            "-v",
            "7",
        ]),
    );
    server.wait_for(&format!("endpoint {addr}"));
    server
}

pub(crate) fn redis(addr: SocketAddr, directory: &Directory) -> Process {
    let server = Process::start(
        "redis-server",
        Command::new("redis-server").current_dir(directory.path()).args([
            "--bind",
            &addr.ip().to_string(),
            "--port",
            &addr.port().to_string(),
            "--save",
            "",
            "--protected-mode",
            "no",
        ]),
    );
    server.wait_for("Ready to accept connections");
    server
}

/// A time server that leaves the clock of the host alone.
pub(crate) fn time_server(addr: Ipv4Addr, directory: &Directory) -> Process {
    let server = Process::start(
        "chronyd",
        Command::new("chronyd").args(["-x", "-d", "-u", "root"]).args([
            "local stratum 5",
            "allow all",
            "port 123",
            "cmdport 0",
            "bindcmdaddress /",
            &format!("pidfile {}/chronyd.pid", directory.path().display()),
            &format!("bindaddress {addr}"),
        ]),
    );
    until(PATIENCE, "chronyd answers", || asked_the_time(addr).is_ok());
    server
}

/// Whether a time server answers a client of the kernel.
fn asked_the_time(addr: Ipv4Addr) -> std::io::Result<()> {
    // Version 4, client.
    let mut request = [0; 48];
    request[0] = 0x23;
    let socket = UdpSocket::bind((addr, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.connect((addr, 123))?;
    socket.send(&request)?;
    socket.recv(&mut request).map(drop)
}
