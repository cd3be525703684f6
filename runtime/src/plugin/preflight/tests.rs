//! Real files, made by the C compiler and by rustc, and what is said about them.

mod accepted;
mod refused;

#[cfg(all(target_pointer_width = "64", target_endian = "little"))]
mod contradictions;
#[cfg(all(target_pointer_width = "64", target_endian = "little"))]
mod damage;

mod lab;
#[cfg(all(target_pointer_width = "64", target_endian = "little"))]
mod raw;
