//! Writes beside what a reference stands for, inside the same array: refused by stacked borrows, allowed by tree borrows.

fn main() {
    let mut bytes = [1_u8, 2];
    let first = &raw mut *(&mut bytes[0]);
    let second = first.wrapping_add(1);
    // SAFETY: the array has a second byte, and nobody else looks at it now.
    unsafe { second.write(3) };
    println!("{bytes:?}");
}
