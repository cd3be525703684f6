//! Modules that are wrong in one place each, in memory that ends where they say.

mod page;
mod sound;

use super::*;
use crate::graph::Role;
use crate::plugin::text::TextFault;
use graphmill_abi::layout::*;
use page::Page;
use sound::{Sound, manifest_of};
use std::mem::offset_of;
use std::ptr;

fn import_of(module: &gm_module) -> Result<ImportedModule, ModuleFault> {
    // SAFETY: the tests build modules whose pointers are null, misaligned or right.
    unsafe { import(ptr::from_ref(module)) }
}

/// Imports a module after one change to it.
fn changed(change: impl FnOnce(&mut gm_module)) -> Result<ImportedModule, ModuleFault> {
    let sound = Sound::new();
    let mut module = sound.module();
    change(&mut module);
    import_of(&module)
}

/// Imports a module after one change to its class.
fn changed_class(role: u32, change: impl FnOnce(&mut gm_node_class)) -> Result<ImportedModule, ModuleFault> {
    let mut sound = Sound::with_role(role);
    change(&mut sound.class);
    import_of(&sound.module())
}

/// Imports a class alone after one change to it; no manifest is read.
fn changed_class_alone(role: u32, change: impl FnOnce(&mut gm_node_class)) -> Result<ImportedClass, ModuleFault> {
    let mut class = Sound::with_role(role).class;
    change(&mut class);
    // SAFETY: the tests build classes whose pointers are null, misaligned or right.
    unsafe { ImportedClass::import(&raw const class, 0) }
}

#[test]
fn sound_module_is_imported_whole() {
    let sound = Sound::with_role(GM_ROLE_PROCESSOR);
    let module = import_of(&sound.module()).unwrap();
    assert_eq!(module.manifest.plugin.id, "sound");
    assert_eq!(module.manifest_json, manifest_of("processor"));
    let [class] = module.classes.as_slice() else { panic!("one class: {module:?}") };
    assert_eq!((class.id.as_str(), class.role), ("sound.node", Role::Processor));
    assert!(class.functions.process.is_some() && class.functions.tick.is_none());
}

#[test]
fn null_and_misaligned_modules_are_refused_unread() {
    // SAFETY: null is refused.
    assert_eq!(unsafe { import(ptr::null()) }.unwrap_err(), ModuleFault::Null { what: "module".into() });
    let sound = Sound::new();
    let module = sound.module();
    for offset in 1..align_of::<gm_module>() {
        let odd = ptr::from_ref(&module).wrapping_byte_add(offset);
        // SAFETY: a misaligned pointer is refused.
        assert_eq!(unsafe { import(odd) }.unwrap_err(), ModuleFault::Misaligned { what: "module".into() });
    }
}

#[test]
fn header_is_judged_before_anything_else() {
    let wrong = changed(|module| module.hdr.magic = 7).unwrap_err();
    assert_eq!(wrong, ModuleFault::Magic { found: 7 });
    let wrong = changed(|module| module.hdr.abi_major = 2).unwrap_err();
    assert_eq!(wrong, ModuleFault::Major { found: 2 });
    assert!(changed(|module| module.hdr.abi_minor = 99).is_ok(), "the minor version is no gate");
    for found in [0, 16, u32::MAX, 65_537] {
        let wrong = changed(|module| module.hdr.struct_size = found).unwrap_err();
        let min = size_of::<gm_module>();
        assert_eq!(wrong, ModuleFault::Size { what: "module".into(), found, min, max: 65_536 });
    }
}

/// Every size, with the table ending where the readable memory ends: a byte read too many is the end of the test.
#[test]
fn truncated_module_is_refused_at_every_size_without_reading_beyond_it() {
    let sound = Sound::new();
    let module = sound.module();
    for size in size_of::<gm_header>()..=size_of::<gm_module>() {
        // The table has to be aligned where it begins, so it ends up to seven bytes before the end of the memory.
        let page = Page::ending_with(&module, size.next_multiple_of(align_of::<gm_module>()));
        let at = page.start().cast::<gm_module>();
        // SAFETY: the header lies in the page.
        unsafe { (*at).hdr.struct_size = u32::try_from(size).unwrap() };
        // SAFETY: the page holds as much as the header says.
        let outcome = unsafe { import(at) };
        assert_eq!(outcome.is_ok(), size == size_of::<gm_module>(), "{size} bytes: {outcome:?}");
    }
}

#[test]
fn truncated_class_is_refused_at_every_size_without_reading_beyond_it() {
    let sound = Sound::new();
    for size in size_of::<u64>()..=size_of::<gm_node_class>() {
        let page = Page::ending_with(&sound.class, size.next_multiple_of(align_of::<gm_node_class>()));
        let at = page.start().cast::<gm_node_class>();
        // SAFETY: the first field lies in the page.
        unsafe { (*at).struct_size = u32::try_from(size).unwrap() };
        // SAFETY: the page holds as much as the class says.
        let outcome = unsafe { ImportedClass::import(at, 0) };
        // What came after the first version is no gate.
        let is_whole = size >= offset_of!(gm_node_class, get_extension) + size_of::<usize>();
        assert_eq!(outcome.is_ok(), is_whole, "{size} bytes: {outcome:?}");
    }
}

/// What an older minor version will look like once the tables have grown: no byte beyond its end is read.
#[test]
fn prefix_of_every_size_is_copied_and_the_rest_is_zero() {
    let class = Sound::with_role(GM_ROLE_PROCESSOR).class;
    for size in (0..=size_of::<gm_node_class>()).step_by(align_of::<gm_node_class>()) {
        let page = Page::ending_with(&class, size.max(align_of::<gm_node_class>()));
        // SAFETY: the page holds `size` bytes of a table.
        let copy = unsafe { copy_prefix(page.start().cast::<gm_node_class>(), size) };
        let reaches = |offset: usize| offset + size_of::<usize>() <= size;
        assert_eq!(copy.role, if size >= 8 { GM_ROLE_PROCESSOR } else { 0 }, "{size} bytes");
        assert_eq!(copy.create.is_some(), reaches(offset_of!(gm_node_class, create)), "{size} bytes");
        assert_eq!(copy.process.is_some(), reaches(offset_of!(gm_node_class, process)), "{size} bytes");
        assert_eq!(copy.get_extension.is_some(), reaches(offset_of!(gm_node_class, get_extension)), "{size} bytes");
        assert!(copy.pins.is_none(), "{size} bytes");
    }
}

#[test]
fn larger_tables_of_a_later_version_are_imported_and_their_tail_is_not_read() {
    let sound = Sound::new();
    let module = gm_module { hdr: gm_header { struct_size: 4096, ..sound.module().hdr }, ..sound.module() };
    let page = Page::ending_with(&module, size_of::<gm_module>());
    // SAFETY: the page holds all that this version knows.
    assert!(unsafe { import(page.start().cast()) }.is_ok());
    assert!(changed_class(GM_ROLE_SINK, |class| class.struct_size = 4096).is_ok());
}

#[test]
fn functions_that_a_role_needs_are_demanded_and_others_are_not() {
    type Clear = fn(&mut gm_node_class);
    let slots: [(&'static str, Clear); 10] = [
        ("create", |class| class.create = None),
        ("destroy", |class| class.destroy = None),
        ("start", |class| class.start = None),
        ("stop", |class| class.stop = None),
        ("tick", |class| class.tick = None),
        ("process", |class| class.process = None),
        ("flush", |class| class.flush = None),
        ("update", |class| class.update = None),
        ("hint", |class| class.hint = None),
        ("get_extension", |class| class.get_extension = None),
    ];
    let roles = [
        (GM_ROLE_SOURCE, Role::Source, "tick"),
        (GM_ROLE_PROCESSOR, Role::Processor, "process"),
        (GM_ROLE_SINK, Role::Sink, "process"),
    ];
    for (raw, role, needed) in roles {
        for (function, clear) in slots {
            let outcome = changed_class_alone(raw, clear).err();
            let is_needed = ["create", "destroy", needed].contains(&function);
            let fault = ModuleFault::MissingFunction { class: "sound.node".into(), role, function };
            assert_eq!(outcome, is_needed.then_some(fault), "{function} of a {}", role.as_str());
        }
    }
}

#[test]
fn classes_are_counted_found_and_told_apart() {
    for found in [65, u32::MAX] {
        let wrong = changed(|module| module.n_classes = found).unwrap_err();
        assert_eq!(wrong, ModuleFault::TooManyClasses { found, max: 64 });
    }
    let wrong = changed(|module| module.n_classes = 0).unwrap_err();
    assert_eq!(wrong, ModuleFault::WithoutClass { kind: "sound.node".into() });
    let none = r#"{"plugin":{"id":"sound","version":"1.0.0"},"kinds":[]}"#;
    let wrong = changed(|module| (module.n_classes, module.manifest_json) = (0, gm_str::new(none))).unwrap_err();
    assert_eq!(wrong, ModuleFault::NoKinds);
    let wrong = changed(|module| module.classes = ptr::null()).unwrap_err();
    assert_eq!(wrong, ModuleFault::Null { what: "list of classes".into() });
    let wrong = changed(|module| module.classes = module.classes.wrapping_byte_add(1)).unwrap_err();
    assert_eq!(wrong, ModuleFault::Misaligned { what: "list of classes".into() });
    let sound = Sound::new();
    let class = ptr::from_ref(&sound.class);
    let cases = [
        (ptr::null(), ModuleFault::Null { what: "class 1".into() }),
        (class.wrapping_byte_add(1), ModuleFault::Misaligned { what: "class 1".into() }),
        (class, ModuleFault::DuplicateClass { class: "sound.node".into() }),
    ];
    for (second, fault) in cases {
        let classes = [class, second];
        let module = gm_module { classes: classes.as_ptr(), n_classes: 2, ..sound.module() };
        assert_eq!(import_of(&module).unwrap_err(), fault);
    }
}

#[test]
fn class_and_manifest_have_to_agree() {
    let wrong = changed_class(GM_ROLE_SINK, |class| class.id = gm_str::new("sound.other")).unwrap_err();
    assert_eq!(wrong, ModuleFault::NotInManifest { class: "sound.other".into(), kinds: "sound.node".into() });
    let wrong = changed_class_alone(GM_ROLE_SINK, |class| class.role = 9).unwrap_err();
    assert_eq!(wrong, ModuleFault::UnknownRole { class: "sound.node".into(), role: 9 });
    let wrong = changed_class(GM_ROLE_SINK, |class| {
        class.role = GM_ROLE_SOURCE;
        class.tick = Sound::with_role(GM_ROLE_SOURCE).class.tick;
    });
    let fault = ModuleFault::RoleDiffers { class: "sound.node".into(), table: Role::Source, manifest: Role::Sink };
    assert_eq!(wrong.unwrap_err(), fault);
    let two = manifest_of("sink").replace(
        "\"kinds\":[",
        "\"kinds\":[{\"id\":\"sound.more\",\"role\":\"sink\",\"title\":\"\",\"description\":\"\",\
         \"inputs\":[{\"name\":\"in\",\"format\":\"any\"}],\"params_schema\":{}},",
    );
    let wrong = changed(|module| module.manifest_json = gm_str::new(&two)).unwrap_err();
    assert_eq!(wrong, ModuleFault::WithoutClass { kind: "sound.more".into() });
    let abort = manifest_of("sink").replace("\"version\"", "\"panic\":\"abort\",\"version\"");
    let wrong = changed(|module| module.manifest_json = gm_str::new(&abort)).unwrap_err();
    assert_eq!(wrong, ModuleFault::PanicAbort);
}

#[test]
fn function_that_tells_pins_and_its_capability_come_together() {
    let asked =
        manifest_of("sink").replace("\"params_schema\"", "\"capabilities\":[\"pins_by_params\"],\"params_schema\"");
    let wrong = changed(|module| module.manifest_json = gm_str::new(&asked)).unwrap_err();
    assert_eq!(wrong, ModuleFault::PinsUntold { class: "sound.node".into() });
    let wrong = changed_class(GM_ROLE_SINK, |class| class.pins = Some(sound::pins)).unwrap_err();
    assert_eq!(wrong, ModuleFault::PinsUnasked { class: "sound.node".into() });
    let mut sound = Sound::new();
    sound.class.pins = Some(sound::pins);
    let module = gm_module { manifest_json: gm_str::new(&asked), ..sound.module() };
    assert!(import_of(&module).unwrap().classes[0].functions.pins.is_some());
    // A plugin that was built before there was such a function does not have it, whatever stands behind its class.
    sound.class.struct_size = u32::try_from(offset_of!(gm_node_class, pins)).unwrap();
    assert!(import_of(&sound.module()).unwrap().classes[0].functions.pins.is_none());
}

#[test]
fn texts_are_judged_by_length_and_encoding() {
    let bytes = |bytes: &'static [u8]| gm_str { ptr: bytes.as_ptr().cast(), len: bytes.len() };
    let null = |len| gm_str { ptr: ptr::null(), len };
    let ids = [
        (bytes(b"a\xffb"), TextFault::NotUtf8 { valid_len: 1 }),
        (bytes(b"\xed\xa0\x80"), TextFault::NotUtf8 { valid_len: 0 }),
        (null(4), TextFault::Null { len: 4 }),
        (bytes(&[b'x'; 65]), TextFault::TooLong { len: 65, max: 64 }),
        (null(usize::MAX), TextFault::TooLong { len: usize::MAX, max: 64 }),
    ];
    for (id, fault) in ids {
        let wrong = changed_class_alone(GM_ROLE_SINK, |class| class.id = id).unwrap_err();
        assert_eq!(wrong, ModuleFault::Text { what: "id of class 0".into(), fault });
    }
    for id in [null(0), bytes(b"nul\0inside")] {
        let wrong = changed_class(GM_ROLE_SINK, |class| class.id = id).unwrap_err();
        assert!(matches!(wrong, ModuleFault::NotInManifest { .. }), "{wrong}");
    }
    let manifests = [
        (bytes(b"{\xff}"), TextFault::NotUtf8 { valid_len: 1 }),
        (null(1), TextFault::Null { len: 1 }),
        (null(usize::MAX), TextFault::TooLong { len: usize::MAX, max: 262_144 }),
    ];
    for (manifest, fault) in manifests {
        let wrong = changed(|module| module.manifest_json = manifest).unwrap_err();
        assert_eq!(wrong, ModuleFault::Text { what: "manifest".into(), fault });
    }
    assert_eq!(changed(|module| module.manifest_json = null(0)).unwrap_err(), ModuleFault::NoManifest);
    for manifest in [bytes(b"{"), bytes(b"{}\0")] {
        let wrong = changed(|module| module.manifest_json = manifest).unwrap_err();
        assert!(matches!(wrong, ModuleFault::Manifest(_)), "{wrong}");
    }
}

#[test]
fn sizes_of_version_one_are_what_the_header_says() {
    assert_eq!(MODULE_LEN_MIN, size_of::<gm_module>());
    assert_eq!(offset_of!(gm_module, hdr), 0);
    assert_eq!(offset_of!(gm_node_class, struct_size), 0);
}
