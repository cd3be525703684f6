use super::*;
#[test]
fn placeholder() {
    let _ = Lines { nodes: 0, links: 0, changes: 0 };
}
