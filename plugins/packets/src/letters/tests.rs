use super::*;
use graphmill_dead_letters::{Reason, write_dead_letters};
use std::path::PathBuf;
use tempfile::TempDir;

fn letter(node: &str, seq: u64) -> DeadLetter {
    let mut packet = Packet::from_text("poison").unwrap();
    packet.set_seq(seq);
    DeadLetter {
        node: node.into(),
        kind: "rnnoise".into(),
        pin: "in".into(),
        reason: Reason { operation: "process".into(), message: "it panicked".into() },
        attempts: 1,
        at_ns: 0,
        header: packet.header().unwrap(),
        packet: Some(packet),
    }
}

fn without_payload(node: &str) -> DeadLetter {
    DeadLetter { packet: None, ..letter(node, 9) }
}

fn bytes_of(letters: &[DeadLetter]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_dead_letters(letters, &mut bytes).unwrap();
    bytes
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poison.letters");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Numbers of the packets that a file with these letters gives, and how many letters were skipped.
fn read(letters: &[DeadLetter], node: Option<&str>) -> Result<(Vec<u64>, u64)> {
    let (_folder, path) = file(&bytes_of(letters));
    let letters = Letters::read(&path, node)?;
    Ok((letters.packets.iter().map(Packet::seq).collect(), letters.without_payload))
}

#[test]
fn packets_come_in_the_order_of_the_letters_and_headers_are_counted() {
    let letters = [letter("a", 7), without_payload("a"), letter("b", 3), without_payload("b"), letter("a", 7)];
    assert_eq!(read(&letters, None).unwrap(), (vec![7, 3, 7], 2));
    assert_eq!(read(&letters, Some("a")).unwrap(), (vec![7, 7], 1));
    assert_eq!(read(&letters, Some("b")).unwrap(), (vec![3], 1));
    assert_eq!(read(&[without_payload("a")], Some("a")).unwrap(), (vec![], 1));
}

#[test]
fn file_without_letters_gives_nothing_and_is_no_error() {
    assert_eq!(read(&[], None).unwrap(), (vec![], 0));
    assert_eq!(read(&[], Some("a")).unwrap(), (vec![], 0));
}

#[test]
fn node_that_has_no_letters_is_told_from_those_that_have_some() {
    let error = read(&[letter("b", 1), letter("a", 2), letter("b", 3)], Some("c")).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("there are no dead letters of node `c` in `"), "{message}");
    assert!(message.ends_with("/poison.letters`, only of `a`, `b`"), "{message}");
    let many: Vec<_> = (10..40).map(|at| letter(&at.to_string(), 0)).collect();
    let message = read(&many, Some("c")).unwrap_err().to_string();
    assert!(message.ends_with("`28`, `29` and more"), "{message}");
}

#[test]
fn fault_of_a_file_is_told_with_its_name_and_the_letter() {
    let whole = bytes_of(&[letter("a", 1), letter("a", 2)]);
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let cut = whole.split_last().unwrap().1;
    let many = bytes_of(&vec![without_payload("a"); 1_001]);
    let table: [(&[u8], &str); 5] = [
        (b"RIFF....WAVEfmt ", "this is not a file of dead letters: it begins with other bytes"),
        (b"", "the file of dead letters ends within letter 0; it was cut short"),
        (cut, "the file of dead letters ends within letter 2; it was cut short"),
        (&damaged, "the checksum of dead letter 2 does not match; the file is damaged"),
        (&many, "number of the dead letters is 1001, above the limit of 1000"),
    ];
    for (bytes, wanted) in table {
        let (_folder, path) = file(bytes);
        // Letters of other nodes have to be whole too.
        for node in [None, Some("b")] {
            let error = Letters::read(&path, node).unwrap_err();
            assert_eq!(error.to_string(), format!("`{}`: {wanted}", path.display()));
        }
    }
}

#[test]
fn file_that_is_not_there_is_named() {
    let message = Letters::read(Path::new("nowhere/poison.letters"), None).unwrap_err().to_string();
    assert!(message.starts_with("`nowhere/poison.letters`: dead letters cannot be read or written: "), "{message}");
}
