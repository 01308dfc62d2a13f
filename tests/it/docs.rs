//! The generated documentation is the committed one.

use std::fs;
use std::path::Path;

use pagerduty_mcp_server::docs;

#[test]
fn generated_documentation_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in docs::files() {
        let path = root.join(path);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{} is not current: run `UPDATE_DOCS=1 cargo test docs`", path.display());
    }
}
