//! The HTTP client in tasks: by address and by name, and over TLS.

use std::fs;
use std::process::Command;

use sha2::{Digest, Sha256};
use sockstate_clients::hexadecimal;

use crate::http::{MIB, content};
use crate::servers::{Directory, name_server, web_server};
use crate::{Process, Wire};

/// nginx, which gives and takes files by HTTP and by TLS 1.3, and notes what it was asked.
fn server(wire: &Wire, directory: &Directory) -> Process {
    certify(directory);
    let root = directory.path().display();
    let more = format!(
        "listen {} ssl;\n\
         ssl_certificate {root}/server.pem;\nssl_certificate_key {root}/server.key;\n\
         ssl_protocols TLSv1.3;\n\
         access_log {root}/asked;\nclient_max_body_size 2m;\ndav_methods PUT;",
        wire.server(443)
    );
    web_server(wire.server(80), directory, &more)
}

/// Makes two signers' certificates, and one for `www.test` that the first one has signed.
fn certify(directory: &Directory) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.current_dir(directory.path()).args(arguments.split_whitespace());
        Process::start("openssl", &mut command).finish();
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc";
    for signer in ["ca", "another"] {
        let files = format!("-keyout {signer}.key -out {signer}.pem");
        openssl(&format!("req -x509 {key} {files} -days 2 -subj /CN=signer"));
        openssl(&format!("x509 -in {signer}.pem -outform der -out {signer}.der"));
    }
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=www.test"));
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -out server.pem");
}

/// The requests that nginx has noted, with its answers, which are the status and the size.
fn asked(directory: &Directory) -> Vec<String> {
    let log = fs::read_to_string(directory.path().join("asked")).unwrap();
    let request = |line: &str| line.split('"').skip(1).take(2).collect::<Vec<_>>().concat();
    log.lines().map(request).collect()
}

/// The file there and back, from the server in the command line.
fn copy(wire: &Wire, directory: &Directory, remote: &str, options: &[&str], scheme: &str) {
    let content = content();
    directory.write("file", &content);
    let options = [&["--path", "/file", "--put", "/copy"], options].concat();
    assert_eq!(
        wire.program("http_async", remote, &options).finish(),
        [
            &format!("connected by {scheme}"),
            "GET /file: 200",
            &format!("{MIB} bytes"),
            &format!("SHA-256 {}", hexadecimal(&Sha256::digest(&content))),
            "PUT /copy: 201",
        ]
    );
    assert!(fs::read(directory.path().join("copy")).unwrap() == content, "another file");
}

#[test]
fn http_async_by_address() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let nginx = server(&wire, &directory);
    copy(&wire, &directory, &wire.server(80).to_string(), &[], "http");
    nginx.stop();
    assert_eq!(
        asked(&directory),
        [format!("GET /file HTTP/1.1 200 {MIB} "), "PUT /copy HTTP/1.1 201 0 ".into()]
    );
}

#[test]
fn http_async_by_name() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let record = format!("--host-record=www.test,{}", wire.kernel());
    let names = name_server(wire.kernel(), &[record]);
    let nginx = server(&wire, &directory);
    let dns = wire.kernel().to_string();
    copy(&wire, &directory, "www.test:80", &["--dns", &dns], "http");
    nginx.stop();
    let queries = names.stop();
    assert!(queries.iter().any(|line| line.contains("query[A] www.test from")), "{queries:?}");
}

/// A body in pieces, because with server-side includes nginx does not know the length beforehand.
#[test]
fn http_async_in_pieces() {
    let (wire, directory, content) = (Wire::new(), Directory::new(), content());
    directory.write("file.html", &content);
    let nginx = web_server(wire.server(80), &directory, "ssi on;");
    let options = ["--path", "/file.html"];
    assert_eq!(
        wire.program("http_async", &wire.server(80).to_string(), &options).finish(),
        [
            "connected by http",
            "GET /file.html: 200",
            &format!("{MIB} bytes"),
            &format!("SHA-256 {}", hexadecimal(&Sha256::digest(&content))),
        ]
    );
    nginx.stop();
}

/// The program says what the server said, and fails.
#[test]
fn http_async_of_nothing() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let nginx = server(&wire, &directory);
    let options = ["--path", "/nothing"];
    let lines = wire.program("http_async", &wire.server(80).to_string(), &options).fail();
    assert!(lines.contains(&"GET /nothing: 404".into()), "{lines:?}");
    nginx.stop();
}

/// Over TLS, from the server that the certificate is for, and from no other.
#[test]
fn http_async_by_tls() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let record = format!("--host-record=www.test,other.test,{}", wire.kernel());
    let names = name_server(wire.kernel(), &[record]);
    let nginx = server(&wire, &directory);
    let dns = wire.kernel().to_string();
    let certificate = |signer: &str| directory.path().join(signer).to_str().unwrap().to_string();
    let (ca, another) = (certificate("ca.der"), certificate("another.der"));

    copy(&wire, &directory, "www.test:443", &["--dns", &dns, "--ca", &ca], "https");
    for (remote, ca) in [("www.test:443", &another), ("other.test:443", &ca)] {
        let options = ["--path", "/file", "--dns", &dns, "--ca", ca];
        let lines = wire.program("http_async", remote, &options).fail();
        assert_eq!(lines, ["Error: \"Tls(InvalidCertificate)\""], "{remote}");
    }
    nginx.stop();
    names.stop();
    // Nothing was asked of the server that was not the right one.
    assert_eq!(asked(&directory).len(), 2);
}
