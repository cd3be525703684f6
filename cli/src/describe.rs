//! Kinds and plugins as people read them.

use crate::failure::STRONG;
use crate::probe::Look;
use crate::schema;
use crate::table::{Align, Cell, Table, lines};
use crate::units;
use graphmill::graph::{KindInfo, PinInfo};
use std::path::Path;
use std::sync::Arc;

/// Longest line of running text.
const LINE_LEN: usize = 100;
/// Longest line of the values that a param can have.
const VALUES_LEN: usize = 32;
const INDENT: &str = "  ";
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// All kinds in one table.
pub(crate) fn list(kinds: &[Arc<KindInfo>]) -> String {
    let columns = [("kind", Align::Left), ("role", Align::Left), ("title", Align::Left), ("plugin", Align::Left)];
    let mut table = Table::new(columns);
    for kind in kinds {
        let plugin = format!("{} {}", kind.plugin.id, kind.plugin.version);
        table.row([kind.id.as_str().into(), kind.role.as_str().into(), kind.title.as_str().into(), plugin.into()]);
    }
    table.render()
}

/// One kind with its pins and params, and the plugin that it comes from; `is_of_node` when the pins are those of a node.
pub(crate) fn kind(kind: &KindInfo, is_of_node: bool) -> String {
    let file = kind.plugin.file.as_deref().map_or_else(|| "linked into this program".into(), Path::to_string_lossy);
    let plugin = format!("{DIM}{INDENT}{} {}, {file}{DIM:#}\n", kind.plugin.id, kind.plugin.version);
    let open = if is_of_node { String::new() } else { depends(kind) };
    format!("{}{plugin}{}{open}{}", heading(kind), pins(kind), params(kind))
}

/// Says that other params mean other pins, where that is so.
fn depends(kind: &KindInfo) -> String {
    if !kind.has_pins_by_params() {
        return String::new();
    }
    let id = &kind.id;
    format!("\n{INDENT}The params of a node decide on its pins: see `graphmill kinds {id} --params JSON`.\n")
}

fn heading(kind: &KindInfo) -> String {
    let title = if kind.title.is_empty() { String::new() } else { format!(", {}", kind.title) };
    format!("{STRONG}{}{STRONG:#}  {}{title}\n{}", kind.id, kind.role.as_str(), wrapped(&kind.description))
}

/// A library: what it says of itself, then each of its kinds.
pub(crate) fn library(look: &Look) -> String {
    let Look { file, manifest, .. } = look;
    let plugin = &manifest.plugin;
    let mut text = format!(
        "{STRONG}{}{STRONG:#}  {}, {}\n",
        plugin.id,
        plugin.version,
        units::count(manifest.kinds.len() as u64, "kind")
    );
    let file = Some(file.to_string_lossy().into_owned());
    let facts = [
        ("file", &file),
        ("licence", &plugin.license),
        ("vendor", &plugin.vendor),
        ("SDK", &plugin.sdk),
        ("compiler", &plugin.rustc),
        ("target", &plugin.target),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            text.push_str(&format!("{INDENT}{name:8}  {fact}\n"));
        }
    }
    for kind in &manifest.kinds {
        text.push_str(&format!("\n{}{}{}{}", heading(kind), pins(kind), depends(kind), params(kind)));
    }
    text
}

fn pins(kind: &KindInfo) -> String {
    let mut table = Table::new([("pin", Align::Left), ("", Align::Left), ("format", Align::Left), ("", Align::Left)])
        .indented(INDENT)
        .wrapped_at(LINE_LEN);
    let sides = [("input", &kind.inputs), ("output", &kind.outputs)];
    for (side, pin) in sides.iter().flat_map(|(side, pins)| pins.iter().map(move |pin| (*side, pin))) {
        let PinInfo { name, format, description, optional } = pin;
        let side = if *optional { format!("{side}, optional") } else { side.to_owned() };
        table.row([
            name.as_str().into(),
            side.into(),
            format.to_string().into(),
            Cell::from(description.as_str()).styled(DIM),
        ]);
    }
    format!("\n{}", table.render())
}

fn params(kind: &KindInfo) -> String {
    let params = schema::params(&kind.params_schema);
    if params.is_empty() {
        return format!("\n{INDENT}no params\n");
    }
    let columns = [("param", Align::Left), ("values", Align::Left), ("default", Align::Left), ("", Align::Left)];
    let mut table = Table::new(columns).indented(INDENT).column_wrapped_at(1, VALUES_LEN).wrapped_at(LINE_LEN);
    for param in params {
        let default = match (param.default, param.is_required) {
            (Some(default), _) => Cell::from(default),
            (None, true) => Cell::from("required").styled(STRONG),
            (None, false) => Cell::from("optional"),
        };
        table.row([param.name.into(), param.values.into(), default, Cell::from(param.description).styled(DIM)]);
    }
    format!("\n{}", table.render())
}

/// Running text in lines of a length that is easy to read.
fn wrapped(text: &str) -> String {
    lines(text, LINE_LEN - INDENT.len()).iter().map(|line| format!("{INDENT}{line}\n")).collect()
}
