//! The TLS clients, and the server of OpenSSL with certificates of the test's own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::servers::{Directory, name_server};
use crate::{Process, Wire};

/// What certificates are for.
const EXTENSIONS: &str = "[req]\ndistinguished_name = name\n[name]\n\
    [authority]\nbasicConstraints = critical,CA:TRUE\n\
    [server]\nbasicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:$ENV::NAME\n";

/// A certificate and its key.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

/// Somebody who certifies servers.
struct Authority {
    directory: Directory,
    own: Certificate,
}

impl Authority {
    fn new() -> Self {
        let directory = Directory::new();
        directory.write("extensions", EXTENSIONS);
        let own = make(&directory, "authority", 2, None);
        Authority { directory, own }
    }

    /// What a client is told of it: its certificate in DER.
    fn file(&self) -> PathBuf {
        let file = self.directory.path().join("authority.der");
        let mut command = Command::new("openssl");
        command.args(["x509", "-outform", "DER", "-in"]).arg(&self.own.certificate);
        Process::start("openssl x509", command.arg("-out").arg(&file)).finish();
        file
    }

    fn certify(&self, name: &str) -> Certificate {
        make(&self.directory, name, 2, Some(&self.own))
    }

    /// With a certificate that was over yesterday.
    fn certify_too_late(&self, name: &str) -> Certificate {
        make(&self.directory, name, -1, Some(&self.own))
    }
}

/// Makes a key and a certificate for it: a server's by an authority, or the authority's own.
fn make(directory: &Directory, name: &str, days: i32, by: Option<&Certificate>) -> Certificate {
    let path = |kind: &str| directory.path().join(format!("{name}.{kind}"));
    let (made, request) = (Certificate { certificate: path("pem"), key: path("key") }, path("csr"));
    let extensions = directory.path().join("extensions");
    let mut command = Command::new("openssl");
    command.env("NAME", name);
    command.args(["req", "-new", "-nodes", "-subj", &format!("/CN={name}"), "-config"]);
    command.arg(&extensions).args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.arg("-keyout").arg(&made.key).arg("-out").arg(&request);
    Process::start("openssl req", &mut command).finish();

    let mut command = Command::new("openssl");
    command.env("NAME", name);
    command.args(["x509", "-req", "-days", &days.to_string(), "-extfile"]).arg(&extensions);
    match by {
        Some(Certificate { certificate, key }) => {
            command.args(["-extensions", "server", "-CA"]).arg(certificate).arg("-CAkey").arg(key)
        }
        None => command.args(["-extensions", "authority", "-signkey"]).arg(&made.key),
    };
    command.arg("-in").arg(&request).arg("-out").arg(&made.certificate);
    Process::start("openssl x509", &mut command).finish();
    made
}

/// A server that sends every line back in reverse.
fn server(addr: SocketAddr, certificate: &Certificate) -> Process {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-tls1_3", "-rev", "-accept", &addr.to_string()]);
    command.arg("-cert").arg(&certificate.certificate).arg("-key").arg(&certificate.key);
    let server = Process::start("openssl s_server", &mut command);
    server.wait_for("ACCEPT");
    server
}

/// The server has had a whole connection, with the end that TLS wants.
fn served(server: Process) {
    server.wait_for("CONNECTION CLOSED");
    let lines = server.stop();
    for expected in ["CONNECTION ESTABLISHED", "Protocol version: TLSv1.3"] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:?}");
    }
}

/// The blocking client, with a server that is looked up by the name that it must have.
#[test]
fn tls_by_name() {
    let (wire, authority) = (Wire::new(), Authority::new());
    let record = format!("--host-record=server.test,{}", wire.kernel());
    let names = name_server(wire.kernel(), &[record]);
    let server = server(wire.server(4433), &authority.certify("server.test"));

    let (dns, file) = (wire.kernel().to_string(), authority.file());
    let options = ["--dns", &dns, "--ca", file.to_str().unwrap()];
    let lines = wire.program("tls", "server.test:4433", &options).finish();
    assert_eq!(lines, exchanged(wire.server(4433)));
    served(server);
    names.stop();
}

#[test]
fn tls_async() {
    let (wire, authority) = (Wire::new(), Authority::new());
    let server = server(wire.server(4433), &authority.certify("server.test"));
    let file = authority.file();
    let options = ["--ca", file.to_str().unwrap(), "--name", "server.test"];
    let lines = wire.program("tls_async", &wire.server(4433).to_string(), &options).finish();
    assert_eq!(lines, exchanged(wire.server(4433)));
    served(server);
}

/// What both of them print.
fn exchanged(server: SocketAddr) -> [String; 6] {
    [
        format!("connected to {server}"),
        "the server is server.test".into(),
        "sent \"hello\", received \"olleh\"".into(),
        "sent \"a second line\", received \"enil dnoces a\"".into(),
        "sent \"the last one\", received \"eno tsal eht\"".into(),
        "closed".into(),
    ]
}

#[test]
fn tls_split() {
    let (wire, authority) = (Wire::new(), Authority::new());
    let server = server(wire.server(4433), &authority.certify("server.test"));
    let file = authority.file();
    let options = ["--ca", file.to_str().unwrap(), "--name", "server.test"];
    let lines = wire.program("tls_split", &wire.server(4433).to_string(), &options).finish();
    assert_eq!(lines[0], "the server is server.test");
    assert_eq!(lines[2..], ["received 16384 lines in reverse", "closed"]);
    let meanwhile = lines[1].strip_prefix("sent 16384 lines, with ").unwrap();
    let meanwhile = meanwhile.strip_suffix(" answers received meanwhile").unwrap();
    assert!(meanwhile.parse::<usize>().unwrap() > 0, "reads only after it has written");
    served(server);
}

/// A server that is not trusted is told nothing.
#[test]
fn tls_refuses() {
    let (wire, authority, other) = (Wire::new(), Authority::new(), Authority::new());
    let file = authority.file();
    let options = ["--ca", file.to_str().unwrap(), "--name", "server.test"];
    for (what, certificate) in [
        ("another name", authority.certify("other.test")),
        ("another authority", other.certify("server.test")),
        ("another time", authority.certify_too_late("server.test")),
    ] {
        let server = server(wire.server(4433), &certificate);
        for (attempts, program) in [(1, "tls"), (2, "tls_async")] {
            let lines = wire.program(program, &wire.server(4433).to_string(), &options).fail();
            assert_eq!(lines[1..], ["Error: \"InvalidCertificate\""], "{what}: {lines:?}");
            server.wait_for_some(attempts, "CONNECTION FAILURE");
        }
        let lines = server.stop();
        assert!(!lines.iter().any(|line| line == "CONNECTION ESTABLISHED"), "{what}: {lines:?}");
    }
}
