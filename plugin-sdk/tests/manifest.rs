//! What `export!` puts into the manifest, read through the entry as a host reads it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill_plugin_sdk::abi::ErrorSlot;
use graphmill_plugin_sdk::prelude::*;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ToneParams {
    /// Pitch in hertz.
    pitch_hz: f32,
    /// Where the tone is described.
    #[serde(default)]
    #[schemars(extend("format" = "path", "x-env" = true))]
    score: Option<String>,
}

struct Tone;

impl Node for Tone {
    type Params = ToneParams;

    fn kind() -> Kind {
        Kind::new("tone")
            .title("A tone")
            .description("Sounds until it is stopped.")
            .output("out", "audio f32 {rate_hz} Hz mono")
    }

    fn create(params: ToneParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        if params.pitch_hz > 0.0 && params.score.is_none() { Ok(Self) } else { Err(Error::invalid("no such tone")) }
    }
}

impl Source for Tone {
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        Ok(Tick::End)
    }
}

graphmill_plugin_sdk::export!(Tone);

#[test]
fn manifest_tells_kind_pins_and_params_without_an_instance() {
    let kind = Tone::kind();
    assert_eq!(kind.id(), "tone");
    let manifest = manifest();
    assert_eq!(manifest["plugin"]["id"], json!(env!("CARGO_PKG_NAME")));
    assert_eq!(manifest["plugin"]["panic"], json!("unwind"));
    let [tone] = manifest["kinds"].as_array().unwrap().as_slice() else { panic!("{manifest}") };
    assert_eq!((&tone["id"], &tone["role"], &tone["title"]), (&json!("tone"), &json!("source"), &json!("A tone")));
    assert_eq!(tone["outputs"], json!([{ "name": "out", "format": "audio f32 {rate_hz} Hz mono", "optional": false }]));
    let params = &tone["params_schema"];
    assert_eq!(params["additionalProperties"], json!(false), "unknown params are refused before an instance is made");
    assert_eq!(params["properties"]["pitch_hz"]["description"], json!("Pitch in hertz."));
    assert_eq!(params["properties"]["score"]["x-env"], json!(true));
    assert_eq!(params["required"], json!(["pitch_hz"]));
}

/// The manifest as the host of this test gets it. The host offers nothing, so the entry has to refuse it first.
fn manifest() -> Value {
    let mut error = ErrorSlot::new();
    let mut out = std::ptr::null();
    let entry = module().entry();
    #[expect(unsafe_code, reason = "the test plays the host")]
    // SAFETY: null is one of the hosts that the entry refuses; the places for result and error are ours.
    let status = unsafe { entry(std::ptr::null(), &raw mut out, error.as_raw()) };
    assert!(status < 0 && out.is_null(), "a plugin without a host cannot work");
    assert_eq!(error.message(), "the host passed no host");
    host::manifest()
}

#[expect(unsafe_code, reason = "the services of a host are unsafe functions")]
mod idle_host;

/// Enters the module with a host that is just enough for that.
#[expect(unsafe_code, reason = "the test plays the host")]
mod host {
    use super::idle_host::idle_api;
    use super::*;
    use graphmill_plugin_sdk::abi::layout::*;

    fn enter(struct_size: usize) -> (gm_status, *const gm_module, String) {
        let api = Box::leak(Box::new(idle_api(u32::try_from(struct_size).unwrap())));
        let host = gm_host { api, ctx: std::ptr::null_mut() };
        let mut error = ErrorSlot::new();
        let mut out = std::ptr::null();
        let entry = module().entry();
        // SAFETY: the host's table lives as long as the process; the places for result and error are ours.
        let status = unsafe { entry(&host, &raw mut out, error.as_raw()) };
        (status, out, error.message().into_owned())
    }

    pub(super) fn manifest() -> Value {
        let (status, first, _) = enter(size_of::<gm_host_api>());
        let (_, second, _) = enter(size_of::<gm_host_api>());
        assert_eq!((status, first), (GM_OK, second), "the module is built once");
        // SAFETY: on success the module lives as long as the process.
        let text = unsafe { (*first).manifest_json };
        // SAFETY: the manifest is one text that lives as long as the process.
        let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn host_that_lacks_a_service_is_refused_with_both_versions() {
        let (status, out, message) = enter(std::mem::offset_of!(gm_host_api, emit));
        assert_eq!((status, out.is_null()), (GM_E_VERSION, true));
        let expected =
            "the host lacks services that this plugin needs: it offers ABI 1.0, this plugin was built for 1.0";
        assert_eq!(message, expected);
    }
}
