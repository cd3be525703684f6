use super::*;
use std::collections::HashSet;

fn start_of(buffer: &Buffer) -> usize {
    buffer.as_slice().as_ptr().addr()
}

#[test]
fn length_alignment_and_writability_are_what_was_asked_for() {
    for (len, align, want) in
        [(0, 0, 64), (1, 1, 64), (257, 64, 64), (1000, 128, 128), (5000, 4096, 4096), (5 << 20, 0, 64)]
    {
        let mut buffer = allocate(len, align).unwrap();
        assert_eq!(buffer.len(), len);
        assert!(len == 0 || start_of(&buffer).is_multiple_of(want), "{len} bytes aligned to {want}");
        let bytes = buffer.as_mut_slice().expect("a fresh buffer is writable");
        bytes.fill(7);
        assert!(buffer.clone().as_mut_slice().is_none(), "a shared buffer is not");
        assert!(buffer.release_is_nonblocking());
    }
}

#[test]
fn released_buffer_is_given_out_again_and_a_held_one_is_not() {
    // A size class that no other test uses, so that nobody takes the buffer in between.
    let len = (1 << 19) + 1;
    let first = pooled_buffer(len);
    let place = start_of(&first);
    let second = pooled_buffer(len);
    assert_ne!(start_of(&second), place);
    let shared = first.clone();
    drop(first);
    assert_ne!(start_of(&pooled_buffer(len)), place, "a buffer that somebody holds is not idle");
    drop(shared);
    let places: HashSet<usize> = [pooled_buffer(len), pooled_buffer(1 << 20)].iter().map(start_of).collect();
    assert!(places.contains(&place));
}

#[test]
fn release_on_another_thread_recycles_too() {
    let len = (1 << 18) + 1;
    let buffer = pooled_buffer(len);
    let place = start_of(&buffer);
    std::thread::spawn(move || drop(buffer)).join().unwrap();
    assert_eq!(start_of(&pooled_buffer(len)), place);
}

#[test]
fn class_keeps_no_more_than_its_bound() {
    let class = Shape::of(CLASS_LEN_MAX, 0).unwrap().class().unwrap();
    let held: Vec<Buffer> = (0..6).map(|_| pooled_buffer(CLASS_LEN_MAX)).collect();
    drop(held);
    assert_eq!(class.len(), CLASS_IDLE_BYTES_MAX / CLASS_LEN_MAX);
    let smallest = Shape::of(1, 0).unwrap().class().unwrap();
    assert_eq!(smallest.capacity(), CLASS_IDLE_MAX);
}

#[test]
fn impossible_sizes_are_refused() {
    assert!(allocate(usize::MAX, 0).is_none());
    assert!(allocate(isize::MAX as usize, 4096).is_none());
}

#[test]
fn classes_cover_every_pooled_length_and_nothing_else() {
    for len in [0, 1, 256, 257, 4096, CLASS_LEN_MAX] {
        let shape = Shape::of(len, 0).unwrap();
        assert!(shape.capacity >= len && shape.class().is_some(), "{len} bytes have a class");
    }
    assert!(Shape::of(CLASS_LEN_MAX + 1, 0).unwrap().class().is_none());
    assert!(Shape::of(100, 128).unwrap().class().is_none());
}
