use super::shape::{LARGE_CLASSES, LARGE_LEN_MAX, LargeClass, SMALL_IDLE_MAX, SMALL_LEN_MAX};
use super::*;
use std::collections::HashSet;

fn start_of(buffer: &Buffer) -> usize {
    buffer.as_slice().as_ptr().addr()
}

#[test]
fn length_alignment_and_writability_are_what_was_asked_for() {
    for (len, align, want) in [
        (0, 0, 64),
        (1, 1, 64),
        (257, 64, 64),
        (1000, 128, 128),
        (5000, 4096, 4096),
        (5 << 20, 0, 64),
        (5 << 20, 4096, 4096),
        (200_000, 65_536, 65_536),
        (LARGE_LEN_MAX + 1, 0, 64),
    ] {
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
    let _user = User::new();
    // Size classes that no other test uses, so that nobody takes the buffer in between.
    for len in [6_000, (1 << 19) + 1] {
        let first = pooled_buffer(len);
        let place = start_of(&first);
        let second = pooled_buffer(len);
        assert_ne!(start_of(&second), place);
        let shared = first.clone();
        drop(first);
        assert_ne!(start_of(&pooled_buffer(len)), place, "a buffer that somebody holds is not idle");
        drop(shared);
        let places: HashSet<usize> = [pooled_buffer(len), pooled_buffer(len)].iter().map(start_of).collect();
        assert!(places.contains(&place));
    }
}

#[test]
fn release_on_another_thread_recycles_too() {
    let _user = User::new();
    let len = (1 << 18) + 1;
    let buffer = pooled_buffer(len);
    let place = start_of(&buffer);
    std::thread::spawn(move || drop(buffer)).join().unwrap();
    assert_eq!(start_of(&pooled_buffer(len)), place);
}

#[test]
fn a_fresh_buffer_is_zeros_and_a_recycled_one_is_not_zeroed_again() {
    let _user = User::new();
    // Allocated, mapped, and too large for any class.
    for (len, is_recycled) in [(17 << 10, true), (3 << 20, true), (LARGE_LEN_MAX + 1, false)] {
        let mut first = pooled_buffer(len);
        let bytes = first.as_mut_slice().unwrap();
        assert!(bytes.iter().step_by(997).all(|byte| *byte == 0), "{len} bytes");
        bytes.fill(7);
        drop(first);
        let second = pooled_buffer(len);
        assert_eq!(second.as_slice().first() == Some(&7), is_recycled, "{len} bytes");
    }
}

#[test]
fn small_class_keeps_no_more_than_its_bound() {
    let Class::Small(smallest) = Shape::of(1, 0).unwrap().class() else { panic!("256 bytes are a small class") };
    assert_eq!(smallest.capacity(), SMALL_IDLE_MAX);
    let held: Vec<Buffer> = (0..SMALL_IDLE_MAX + 2).map(|_| pooled_buffer(1)).collect();
    drop(held);
    assert_eq!(smallest.len(), SMALL_IDLE_MAX);
}

#[test]
fn impossible_sizes_are_refused() {
    assert!(allocate(usize::MAX, 0).is_none());
    assert!(allocate(isize::MAX as usize, 0).is_none());
    assert!(allocate(isize::MAX as usize, 4096).is_none());
    // Miri's memory has no end: it gives up instead.
    assert!(cfg!(miri) || allocate(isize::MAX as usize - 4096, 0).is_none(), "more than any system has");
}

#[test]
fn classes_cover_every_pooled_length_and_nothing_else() {
    for len in [0, 1, 256, 257, 4096, SMALL_LEN_MAX] {
        let shape = Shape::of(len, 0).unwrap();
        assert!(shape.capacity >= len && matches!(shape.class(), Class::Small(_)), "{len} bytes have a small class");
    }
    for len in (0..LARGE_CLASSES).map(|index| LargeClass::at(index).capacity).flat_map(|len| [len - 1, len]) {
        let shape = Shape::of(len, 0).unwrap();
        let Class::Large(class) = shape.class() else { panic!("{len} bytes have a large class") };
        assert_eq!((class.capacity, class), (shape.capacity, LargeClass::at(class.index)));
        assert!(shape.capacity >= len && shape.capacity - len <= len / 4, "{len} bytes of {}", shape.capacity);
    }
    let first = Shape::of(SMALL_LEN_MAX + 1, 0).unwrap();
    assert_eq!(first.capacity, 20 << 10);
    assert!(matches!(Shape::of(LARGE_LEN_MAX + 1, 0).unwrap().class(), Class::Single));
    assert!(matches!(Shape::of(100, 128).unwrap().class(), Class::Single));
}
