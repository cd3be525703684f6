//! What does one `process` round trip to a plugin on its own thread cost?
//!
//! Baseline in the same run: the bare hand-shake underneath, two `crossbeam` channels of one place between two
//! threads, both waits with a timeout, moving a value of the same size.

use crossbeam_channel::bounded;
use graphmill::Packet;
use graphmill_benches::{Request, Way};
use serde_json::json;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);
/// Round trips in one run.
const TRIPS: u64 = 5_000;

fn main() {
    let (to_worker, inbox) = bounded::<Packet>(1);
    let (reply, from_worker) = bounded::<Packet>(1);
    let worker = std::thread::spawn(move || {
        while let Ok(packet) = inbox.recv() {
            if reply.send(packet).is_err() {
                return;
            }
        }
    });
    let runtime = graphmill_benches::runtime();
    let Ok(mut pass) = runtime.instance("flow.pass", &json!({})) else { panic!("the instance starts") };
    let text = || Packet::from_text("x").unwrap_or_default();
    let (mut bare, mut packet) = (text(), text());
    Request::from_arguments().contest(
        "round trip",
        TRIPS,
        vec![
            Way::new("bare channels", || {
                for _ in 0..TRIPS {
                    assert!(to_worker.send_timeout(std::mem::take(&mut bare), TIMEOUT).is_ok());
                    bare = from_worker.recv_timeout(TIMEOUT).unwrap_or_default();
                }
            }),
            Way::new("instance.process", || {
                for _ in 0..TRIPS {
                    let Ok(emitted) = pass.process(0, std::mem::take(&mut packet)) else {
                        panic!("the plugin answers")
                    };
                    packet = emitted.pop().map(|emitted| emitted.packet).unwrap_or_default();
                }
            }),
        ],
    );
    assert!(packet.as_text() == Some("x"), "the packet came back");
    drop(to_worker);
    drop(worker.join());
}
