//! A module that is right in every part.

use graphmill_abi::layout::*;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

pub(super) fn manifest_of(role: &str) -> String {
    let pin = r#"{"name":"pin","format":"any"}"#;
    let (inputs, outputs) = match role {
        "source" => ("", pin),
        "sink" => (pin, ""),
        _ => (pin, pin),
    };
    format!(
        r#"{{"plugin":{{"id":"sound","version":"1.0.0"}},"kinds":[{{"id":"sound.node","role":"{role}","title":"","description":"","inputs":[{inputs}],"outputs":[{outputs}],"params_schema":{{"type":"object"}}}}]}}"#
    )
}

pub(super) struct Sound {
    manifest: String,
    pub(super) class: gm_node_class,
    classes: Cell<*const gm_node_class>,
}

impl Sound {
    pub(super) fn new() -> Self {
        Self::with_role(GM_ROLE_SINK)
    }

    pub(super) fn with_role(role: u32) -> Self {
        let name = ["", "source", "processor", "sink"][role as usize];
        Self { manifest: manifest_of(name), class: class(role), classes: Cell::new(ptr::null()) }
    }

    /// The module, which borrows from `self` although its type does not say so.
    pub(super) fn module(&self) -> gm_module {
        // The class may have been moved since it was made, so its address is taken now.
        self.classes.set(&raw const self.class);
        gm_module {
            hdr: gm_header {
                magic: GM_MAGIC,
                struct_size: u32::try_from(size_of::<gm_module>()).unwrap(),
                abi_major: GM_ABI_MAJOR,
                abi_minor: GM_ABI_MINOR,
            },
            manifest_json: gm_str::new(&self.manifest),
            classes: self.classes.as_ptr(),
            n_classes: 1,
            flags: 0,
            get_extension: None,
        }
    }
}

fn class(role: u32) -> gm_node_class {
    gm_node_class {
        struct_size: u32::try_from(size_of::<gm_node_class>()).unwrap(),
        role,
        id: gm_str::new("sound.node"),
        create: Some(create),
        destroy: Some(destroy),
        start: Some(step),
        stop: Some(step),
        tick: (role == GM_ROLE_SOURCE).then_some(tick),
        process: (role != GM_ROLE_SOURCE).then_some(process),
        flush: Some(flush),
        update: Some(update),
        hint: Some(hint),
        get_extension: Some(get_extension),
        pins: None,
    }
}

// None of these is called: an import looks at functions and leaves them alone.
unsafe extern "C" fn create(
    _: *const gm_host,
    _: *const gm_create_info,
    _: *mut *mut gm_node,
    _: *mut gm_error,
) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn destroy(_: *mut gm_node) {}
unsafe extern "C" fn step(_: *mut gm_node, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn tick(_: *mut gm_node, _: *mut gm_tick_info, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn process(_: *mut gm_node, _: u32, _: *mut gm_packet, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn flush(_: *mut gm_node, _: u32, _: u32, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn update(_: *mut gm_node, _: gm_str, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn hint(_: *mut gm_node, _: u32, _: gm_str, _: gm_str, _: *mut gm_error) -> gm_status {
    GM_E_INTERNAL
}
unsafe extern "C" fn get_extension(_: *mut gm_node, _: gm_str) -> *const c_void {
    ptr::null()
}
pub(super) unsafe extern "C" fn pins(
    _: *const gm_host,
    _: gm_str,
    _: *mut *mut gm_buffer,
    _: *mut gm_error,
) -> gm_status {
    GM_E_INTERNAL
}
