//! Tells Copper's macros where to keep the index of the texts that are logged.

fn main() {
    cu29_build::setup();
}
