//! Makes a pointer out of a number: fine in practice, refused where provenance is strict.

fn main() {
    let value = 7_u8;
    let address = (&raw const value).expose_provenance();
    let pointer = std::ptr::with_exposed_provenance::<u8>(address);
    // SAFETY: the number is the address of a live value whose provenance was exposed.
    println!("{}", unsafe { pointer.read() });
}
