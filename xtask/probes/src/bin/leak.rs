//! Loses a block of memory.

fn main() {
    println!("{:p}", Box::leak(Box::new(7_u8)) as *const u8);
    std::mem::forget(Box::new(8_u8));
}
