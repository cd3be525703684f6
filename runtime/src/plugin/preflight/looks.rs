//! What a file that is not ELF looks like, so that the error says what somebody mixed up.

use crate::plugin::text::without_broken_end;

/// How the known formats begin.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"!<arch>\n", "a static archive (`.rlib` or `.a`)"),
    (b"!<thin>\n", "a static archive (`.rlib` or `.a`)"),
    (b"#!", "a script"),
    (b"\0asm", "a WebAssembly module"),
    (b"MZ", "a Windows program or library (PE)"),
    (b"\xcf\xfa\xed\xfe", "a macOS program or library (Mach-O)"),
    (b"\xce\xfa\xed\xfe", "a macOS program or library (Mach-O)"),
    (b"\xfe\xed\xfa\xcf", "a macOS program or library (Mach-O)"),
    (b"\xfe\xed\xfa\xce", "a macOS program or library (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a universal macOS library (Mach-O)"),
    (b"PK\x03\x04", "a compressed archive (zip or wheel)"),
    (b"\x1f\x8b", "a compressed archive (gzip)"),
    (b"version https://git-lfs", "a Git LFS pointer, whose content was not fetched"),
];

/// Names the format of a file by its first bytes, with an article.
pub(super) fn looks_like(head: &[u8]) -> &'static str {
    let known = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning));
    match known {
        Some((_, name)) => name,
        None if is_text(head) => "a text file",
        None if head.iter().all(|byte| *byte == 0) => "a file of zero bytes",
        None => "a file of unknown format",
    }
}

/// Text in ASCII or UTF-8; a character that the head cuts in two is no evidence against it.
fn is_text(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(without_broken_end(head)) else { return false };
    !text.is_empty() && text.chars().all(|character| !character.is_control() || "\n\r\t".contains(character))
}
