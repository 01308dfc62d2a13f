//! Tests of the container and the manifest without a container engine: their commands run on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::binary;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Returns the arguments of the image's entry point.
fn entry_point() -> Vec<String> {
    let dockerfile = file("Dockerfile");
    let line = dockerfile.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    let mut words: Vec<String> = serde_json::from_str(line).unwrap();
    assert_eq!(words.remove(0), "/pagerduty-mcp-server");
    words
}

/// Returns the command that the container runs, with additional arguments.
fn contained(more: &[&str]) -> Command {
    let mut command = binary();
    command.args(entry_point()).args(more).env("PAGERDUTY_SANDBOX", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn container_command_serves_stdio() {
    let mut child = contained(&["--transport", "stdio", "--log-format", "text"]).spawn().unwrap();
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    writeln!(child.stdin.take().unwrap(), "{message}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["result"]["serverInfo"]["title"], "PagerDuty (sandbox)");
    assert!(answer["result"]["instructions"].as_str().unwrap().starts_with("SANDBOX: "));
}

/// A server that is killed at the end of the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn manifest_allows_every_service_name() {
    let manifest = file("deploy/kubernetes.yaml");
    let allowed = manifest.lines().find_map(|line| line.trim().strip_prefix("- --allowed-host=")).unwrap();
    let (service, namespace) = ("pagerduty-mcp", "pagerduty-mcp");
    assert!(manifest.contains(&format!("kind: Service\nmetadata:\n  name: {service}\n  namespace: {namespace}\n")));
    let options = ["--host", "127.0.0.1", "--port", "0", "--allowed-host", allowed];
    let mut server = Ended(contained(&options).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    // The image logs in JSON from the first line.
    let greeting: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let greeting = greeting["message"].as_str().unwrap();
    let url = greeting.strip_prefix("Serving MCP at ").unwrap().split(' ').next().unwrap();
    let url = url.trim_end_matches('.').to_owned();
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let ask = async |host: &str| client.get(&url).header("host", host).send().await.unwrap().status().as_u16();
    for zone in ["", ".svc", ".svc.cluster.local"] {
        let name = format!("{service}.{namespace}{zone}");
        assert_eq!(ask(&name).await, 405, "{name}");
        assert_eq!(ask(&format!("{name}:80")).await, 405, "{name}:80");
    }
    assert_eq!(ask(service).await, 405);
    assert_eq!(ask("pagerduty-mcp.elsewhere.svc").await, 403);
}
