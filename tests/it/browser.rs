//! A minimal browser: it fetches a page, and follows the redirect of PagerDuty to the callback.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A response.
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Opens the login page and follows its redirect. The simulated user consents at once.
pub fn visit(url: &str) -> Response {
    let page = get(url);
    let location =
        page.head.lines().find_map(|line| line.to_lowercase().starts_with("location: ").then(|| line[10..].to_owned()));
    location.map_or(page, |location| get(location.trim()))
}

/// Fetches a page over plain HTTP.
pub fn get(url: &str) -> Response {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response { status, head: head.to_owned(), body: body.to_owned() }
}

/// Returns a value of a URL's query.
pub fn query_value(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
    value.replace("%3A", ":").replace("%2F", "/")
}
