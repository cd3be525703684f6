//! What the manifest says, beyond what a library cannot be loaded without.

use super::load::Library;
use graphmill::graph::KindInfo;
use graphmill::plugin::preflight::preflight;
use serde_json::{Value, json};

/// Static thread-local storage that a library may take: a few counters, and no allocator.
const STATIC_TLS_MAX: u64 = 512;

/// Judges file and manifest.
pub(super) fn look(library: &Library<'_>) {
    let teller = library.teller;
    if let Ok(file) = preflight(library.path)
        && file.static_tls_bytes > STATIC_TLS_MAX
    {
        teller.found("A3", format!("it takes {} bytes of static thread-local storage", file.static_tls_bytes));
    }
    let Some(plugins) = library.load() else { return };
    for plugin in plugins.plugins() {
        let about = plugin.manifest();
        if !is_semantic(&about.version) {
            teller.found("B4", format!("the version is `{}`", about.version));
        }
        if about.license.as_deref().is_none_or(|license| license.trim().is_empty()) {
            teller.found("B5", "the manifest has no `license`");
        }
        let kinds = plugin.kinds();
        let tell = |rule, said: Vec<String>| {
            if !said.is_empty() {
                teller.found(rule, said.join("; "));
            }
        };
        tell("B6", kinds.iter().flat_map(|kind| nameless(kind)).collect());
        tell("B7", kinds.iter().flat_map(|kind| invalid_defaults(kind)).collect());
        tell("B8", kinds.iter().flat_map(|kind| dangling_placeholders(kind)).collect());
    }
}

/// Three numbers with dots, then perhaps what comes before a release and how it was built.
fn is_semantic(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| part.parse::<u64>().is_ok() && (part == "0" || !part.starts_with('0'));
    let rest = version.get(core.len()..).unwrap_or_default();
    let is_rest = |c: char| c.is_ascii_alphanumeric() || "-+.".contains(c);
    core.split('.').count() == 3 && core.split('.').all(is_number) && rest.chars().all(is_rest) && rest.len() != 1
}

fn properties(kind: &KindInfo) -> impl Iterator<Item = (&String, &Value)> {
    kind.params_schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// What is shown to people without a word for them.
fn nameless(kind: &KindInfo) -> Vec<String> {
    let mut said = Vec::new();
    if kind.title.is_empty() {
        said.push(format!("the kind `{}` has no title", kind.id));
    }
    if kind.description.is_empty() {
        said.push(format!("the kind `{}` has no description", kind.id));
    }
    let is_described = |property: &Value| {
        // A description may stand where a reference leads to, so only what says nothing at all counts.
        property.get("description").is_some() || property.get("$ref").is_some() || property.get("allOf").is_some()
    };
    let silent = properties(kind).filter(|(_, property)| !is_described(property));
    said.extend(silent.map(|(name, _)| format!("the param `{name}` of `{}` has no description", kind.id)));
    said
}

/// Defaults and examples that the schema itself refuses.
fn invalid_defaults(kind: &KindInfo) -> Vec<String> {
    let mut said = Vec::new();
    for (name, property) in properties(kind) {
        let examples = property.get("examples").and_then(Value::as_array).into_iter().flatten();
        for value in property.get("default").into_iter().chain(examples).filter(|value| !value.is_null()) {
            let mut schema = kind.params_schema.clone();
            if let Some(schema) = schema.as_object_mut() {
                // Alone, so that nothing but this param is judged.
                schema.remove("required");
            }
            let alone = KindInfo { params_schema: schema, ..kind.clone() };
            if alone.check_params(&json!({ name.as_str(): value })).is_err() {
                said.push(format!("{value} for the param `{name}` of `{}` is refused by its own schema", kind.id));
            }
        }
    }
    let examples = kind.params_schema.get("examples").and_then(Value::as_array).into_iter().flatten();
    let refused = examples.filter(|example| kind.check_params(example).is_err());
    said.extend(refused.map(|example| format!("the example {example} of `{}` is refused by its own schema", kind.id)));
    said
}

/// Placeholders of formats that name no param.
fn dangling_placeholders(kind: &KindInfo) -> Vec<String> {
    let pins = kind.inputs.iter().chain(&kind.outputs);
    let names = pins.flat_map(|pin| pin.format.params().map(move |name| (pin, name)));
    let dangling = names.filter(|(_, name)| !properties(kind).any(|(known, _)| known == name));
    dangling.map(|(pin, name)| format!("the pin `{}` of `{}` names the param `{name}`", pin.name, kind.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_semantic_or_not() {
        for good in ["0.1.0", "10.20.30", "1.0.0-rc.1", "1.0.0+build.5", "1.0.0-a+b"] {
            assert!(is_semantic(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0 beta", "1.x.0"] {
            assert!(!is_semantic(bad), "{bad}");
        }
    }
}
