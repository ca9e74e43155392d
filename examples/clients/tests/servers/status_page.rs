//! picoserve's page, in a browser and beside it.

use std::net::TcpStream;
use std::process::Command;

use crate::servers::Directory;
use crate::{Process, Wire};

/// What a page looks like when its scripts are done, line by line.
fn browse(url: &str) -> Vec<String> {
    let directory = Directory::new();
    let mut chromium = Command::new("chromium");
    // As root there is no sandbox; what it reads is our own page.
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    chromium.args(["--disable-background-networking", "--no-first-run"]);
    chromium.arg(format!("--user-data-dir={}", directory.path().display()));
    chromium.env("HOME", directory.path());
    // Its own time, which stands still while it waits for an answer.
    chromium.args(["--virtual-time-budget=10000", "--dump-dom", url]);
    Process::start("chromium", &mut chromium).finish()
}

/// What the program said about its answer to a request: which one it was, and the frames until then.
fn answer(lines: &[String], path: &str) -> (String, String) {
    let start = format!("GET {path}: request ");
    let line = lines.iter().find_map(|line| line.strip_prefix(&start)).expect(path);
    let (request, frames) = line.split_once(", ").unwrap();
    (request.into(), frames.strip_suffix(" frames").unwrap().into())
}

/// Both what the page came with and what its script fetched and put into it are what the server
/// said at the time.
#[test]
fn status_page_in_a_browser() {
    let wire = Wire::new();
    let program = wire.program("status_page", &wire.server(80).to_string(), &[]);
    program.wait_for("listening");
    let other = TcpStream::connect((wire.our(), 80)).unwrap();
    let page = browse(&format!("http://{}/", wire.our())).join("\n");
    let lines = program.stop();

    let (request, frames) = answer(&lines, "/");
    for (name, value) in [
        ("requests", request.as_str()),
        ("frames received", &frames),
        ("free UDP sockets", "16"),
        (&other.local_addr().unwrap().to_string(), "ESTABLISHED"),
    ] {
        let row = format!("<tr><td>{name}</td><td>{value}</td></tr>");
        assert!(page.contains(&row), "{row}");
    }
    let (request, frames) = answer(&lines, "/status.json");
    let fetched = format!("<p id=\"later\">request {request}, {frames} frames, ");
    assert!(page.contains(&fetched), "{fetched}");
    assert!(request.parse::<usize>().unwrap() > 1 && frames.parse::<usize>().unwrap() > 10);
}

#[test]
fn status_page_as_json() {
    let wire = Wire::new();
    let options = ["--connections", "2"];
    let program = wire.program("status_page", &wire.server(80).to_string(), &options);
    program.wait_for("listening");
    let other = TcpStream::connect((wire.our(), 80)).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "20"]);
    curl.args(["-w", "\\n%{local_ip}:%{local_port} %{content_type}\\n"]);
    curl.arg(format!("http://{}/status.json", wire.our()));
    let lines = Process::start("curl", &mut curl).finish();
    let [json, local] = &lines[..] else { panic!("{lines:?}") };
    let (local, content) = local.split_once(' ').unwrap();
    assert_eq!(content, "application/json");
    for part in [
        "{\"requests\":1,".into(),
        "\"free_udp\":16,".into(),
        format!("{{\"remote\":\"{}\",\"state\":\"ESTABLISHED\"}}", other.local_addr().unwrap()),
        format!("{{\"remote\":\"{local}\",\"state\":\"ESTABLISHED\"}}"),
    ] {
        assert!(json.contains(&part), "{part}");
    }
    drop(other);
    assert_eq!(program.finish().last().unwrap(), "2 connections, 1 requests");
}

/// More than it has tasks: all of them get the page.
#[test]
fn status_page_for_many() {
    let wire = Wire::new();
    let options = ["--connections", "12"];
    let program = wire.program("status_page", &wire.server(80).to_string(), &options);
    program.wait_for("listening");
    let url = format!("http://{}/", wire.our());
    let mut clients = Vec::new();
    for _ in 0..12 {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", &url]);
        clients.push(Process::start("curl", &mut curl));
    }
    for client in clients {
        let page = client.finish();
        assert_eq!(
            (page[0].as_str(), page[page.len() - 1].as_str()),
            ("<!DOCTYPE html>", "</script>")
        );
    }
    assert_eq!(program.finish().last().unwrap(), "12 connections, 12 requests");
}
