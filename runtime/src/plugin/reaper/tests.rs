use super::*;
use std::sync::{Mutex, mpsc};
use std::thread;

/// Memory of a plugin; tells on which thread it is given back.
struct Lent {
    bytes: Vec<u8>,
    released_on: Mutex<mpsc::Sender<Option<String>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let name = thread::current().name().map(str::to_owned);
        self.released_on.get_mut().unwrap().send(name).ok();
    }
}

fn lent(bytes: &[u8]) -> (Packet, mpsc::Receiver<Option<String>>) {
    let (sender, receiver) = mpsc::channel();
    let buffer = Buffer::from_owner(Lent { bytes: bytes.to_vec(), released_on: Mutex::new(sender) });
    (Packet::from_bytes("application/octet-stream", buffer).unwrap(), receiver)
}

#[test]
fn dropping_a_shielded_packet_releases_the_original_on_the_reaper() {
    let (mut packet, released_on) = lent(&[1, 2, 3]);
    assert_eq!(shield(&mut packet), Shielded(1));
    assert!(packet.plane_buffer(0).unwrap().release_is_nonblocking());
    let copy = packet.clone();
    drop(packet);
    assert_eq!(copy.plane(0), Some(&[1, 2, 3][..]));
    assert!(released_on.try_recv().is_err(), "somebody still holds the bytes");
    thread::spawn(move || drop(copy)).join().unwrap();
    assert_eq!(released_on.recv().unwrap().as_deref(), Some("gm-reaper"));
}

#[test]
fn shield_is_taken_away_again_without_a_trace() {
    let (mut packet, released_on) = lent(&[4, 5]);
    let before = packet.plane_buffer(0).unwrap().as_raw();
    let shielded = shield(&mut packet);
    assert_ne!(packet.plane_buffer(0).unwrap().as_raw(), before);
    unshield(&mut packet, shielded);
    assert_eq!(packet.plane_buffer(0).unwrap().as_raw(), before);
    drop(packet);
    // The shield's own reference may go last, on the reaper; the bytes are given back once, wherever.
    released_on.recv().unwrap();
    assert!(released_on.recv().is_err(), "given back once");
}

#[test]
fn buffers_of_the_host_pass_without_a_shield() {
    let mut packet = Packet::from_bytes("application/octet-stream", Buffer::zeroed(8)).unwrap();
    let before = packet.plane_buffer(0).unwrap().as_raw();
    assert_eq!(shield(&mut packet), Shielded(0));
    assert_eq!(packet.plane_buffer(0).unwrap().as_raw(), before);
}

#[test]
fn shield_of_an_earlier_hop_stays_when_a_later_emit_is_refused() {
    let (mut packet, _released_on) = lent(&[6]);
    shield(&mut packet);
    let earlier = packet.plane_buffer(0).unwrap().as_raw();
    let shielded = shield(&mut packet);
    assert_eq!(shielded, Shielded(0));
    unshield(&mut packet, shielded);
    assert_eq!(packet.plane_buffer(0).unwrap().as_raw(), earlier);
}

#[test]
fn writable_original_stays_writable_behind_its_shield() {
    static FOREIGN: std::sync::LazyLock<gm_buffer_ops> = std::sync::LazyLock::new(|| {
        // SAFETY: the buffer is alive while its table is copied.
        let ops = unsafe { ops_of(Buffer::zeroed(1).as_raw()) };
        gm_buffer_ops { flags: 0, ..*ops }
    });
    let buffer = Buffer::zeroed(4);
    // SAFETY: nobody else refers to the buffer; the new table has the same functions.
    unsafe { (*buffer.as_raw()).ops = &raw const *FOREIGN };
    let mut packet = Packet::from_bytes("application/octet-stream", buffer).unwrap();
    assert_eq!(shield(&mut packet), Shielded(1));
    packet.plane_mut(0).expect("one holder of the shield, one of the original").fill(9);
    let second = packet.clone();
    assert!(packet.plane_mut(0).is_none(), "two holders of the shield");
    assert_eq!(second.plane(0), Some(&[9; 4][..]));
}
