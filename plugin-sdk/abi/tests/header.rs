//! The committed C header is what the layout says, and C and C++ compilers agree with it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn header_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/graphmill.h")
}

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/layout.rs"))
        .generate()
        .expect("the layout can be written as C");
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    String::from_utf8(bytes).expect("the header is UTF-8")
}

/// With `GRAPHMILL_WRITE_HEADER=1` the header is written instead of compared; `cargo xtask header` does that.
#[test]
fn committed_header_is_the_generated_one() {
    let generated = generate();
    if std::env::var_os("GRAPHMILL_WRITE_HEADER").is_some() {
        std::fs::write(header_path(), &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(header_path()).expect("the header is committed");
    assert!(committed == generated, "plugin-sdk/include/graphmill.h is out of date: run `cargo xtask header`");
}

fn compile(compiler: &str, flags: &[&str], file: &str, source: &str) {
    let folder = tempfile::tempdir().expect("a folder for the object file");
    let path = folder.path().join(file);
    std::fs::write(&path, source).expect("the source can be written");
    let output = Command::new(compiler)
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-c", "-o", "/dev/null", "-I"])
        .arg(header_path().parent().expect("the header is in a folder"))
        .arg(&path)
        .output()
        .unwrap_or_else(|error| panic!("{compiler} is needed for this test: {error}"));
    assert!(output.status.success(), "{compiler} {flags:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Sizes and offsets as Rust sees them, to be checked by the other compiler.
fn static_assertions(keyword: &str) -> String {
    use graphmill_abi::layout::*;
    use std::fmt::Write as _;
    let mut out = String::from("#include \"graphmill.h\"\n#include \"graphmill.h\"\n");
    macro_rules! layout {
        ($($ty:ident { $($field:ident),* })*) => {$(
            writeln!(out, "{keyword}(sizeof({0}) == {1}, \"{0}\");", stringify!($ty), size_of::<$ty>()).unwrap();
            $(writeln!(
                out, "{keyword}(offsetof({0}, {1}) == {2}, \"{0}.{1}\");",
                stringify!($ty), stringify!($field), std::mem::offset_of!($ty, $field)
            ).unwrap();)*
        )*};
    }
    layout! {
        gm_header { magic, struct_size, abi_major, abi_minor }
        gm_str { ptr, len }
        gm_error { struct_size, code, flags, message_len, message, detail }
        gm_buffer_ops { struct_size, flags, retain, release, is_unique }
        gm_buffer { ops, data, len, flags, device_type, device_id, align, maker }
        gm_plane { buf, offset, len, stride, reserved }
        gm_audio { sample, layout, rate_hz, channels, frames, reserved, channel_mask }
        gm_video { pixel, width, height, primaries, transfer, matrix, range, flags }
        gm_tensor { dtype_code, dtype_bits, dtype_lanes, ndim, byte_offset, shape, strides }
        gm_event { version, name_len, name }
        gm_bytes { reserved, media_type_len, media_type }
        gm_packet { struct_size, kind, flags, n_planes, seq, pts_ns, duration_ns, planes, side, host_private, stream_id, u }
        gm_log_site { struct_size, level, target, file, line, n_fields, fields }
        gm_log_handle { interest, number }
        gm_log_value { kind, reserved, data }
        gm_log_record { struct_size, flags, site, line, file, target, message, spans, values, n_values, reserved }
        gm_alloc_info { struct_size, align, len }
        gm_resource_spec { struct_size, flags, key, type_tag, bytes, wait_ms, reserved, arg, make, destroy }
        gm_create_info { struct_size, flags, instance_id, params_json }
        gm_tick_info { struct_size, flags, now_ns, next_ns }
        gm_host_api { hdr, ctx_retain, ctx_release, log_site, log_enabled, log, is_cancelled, clock_ns, buffer_alloc, emit, wake, hint, get_extension, resource_get, resource_value, resource_release }
        gm_host { api, ctx }
        gm_node_class { struct_size, role, id, create, destroy, start, stop, tick, process, flush, update, hint, get_extension, pins }
        gm_module { hdr, manifest_json, classes, n_classes, flags, get_extension }
    }
    out
}

#[test]
fn header_compiles_as_c11_and_agrees_on_every_offset() {
    compile("cc", &["-std=c11", "-pedantic"], "layout.c", &static_assertions("_Static_assert"));
}

#[test]
fn header_compiles_as_cpp17_and_agrees_on_every_offset() {
    compile("c++", &["-std=c++17", "-x", "c++"], "layout.cpp", &static_assertions("static_assert"));
}
