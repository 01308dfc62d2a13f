#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pagerduty_mcp_server::fuzzing::run("payloads", data));
