//! `packets.source`: the packets of a file of dead letters, one by one.

use std::path::PathBuf;

use graphmill_plugin_sdk::prelude::*;

use crate::letters::Letters;

/// Params of `packets.source`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PacketsSourceParams {
    /// File that `graphmill run` or `launch` with `--dead-letters` has written.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: PathBuf,
    /// Only the packets that made the node with this id fail; left out, all of them.
    #[serde(default)]
    node: Option<String>,
}

/// Gives the packets of dead letters as they were.
#[derive(Debug)]
pub(crate) struct PacketsSource {
    path: PathBuf,
    letters: Letters,
    given: u64,
}

impl Node for PacketsSource {
    type Params = PacketsSourceParams;

    fn kind() -> Kind {
        Kind::new("packets.source")
            .title("Saved packets")
            .description("Gives the packets of a file of dead letters again, as they were when a node failed on them.")
            .output("out", "any")
    }

    fn create(params: PacketsSourceParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let letters = Letters::read(&params.path, params.node.as_deref())?;
        Ok(Self { path: params.path, letters, given: 0 })
    }
}

impl Source for PacketsSource {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let Some(packet) = self.letters.packets.pop_front() else {
            self.tell();
            return Ok(Tick::End);
        };
        cx.emit(0, packet)?;
        self.given += 1;
        Ok(Tick::Again)
    }
}

impl PacketsSource {
    /// Says what was given, and what could not be.
    fn tell(&self) {
        let (path, packets, skipped) = (self.path.display(), self.given, self.letters.without_payload);
        tracing::info!(%path, packets, skipped, "every saved packet was given");
        if skipped > 0 {
            let letters = packets + skipped;
            tracing::warn!(
                "dead letters without payload in `{path}`: {skipped} of {letters} skipped; set \
                 `dead_letters = \"payload\"` in the `policy` of the node that fails, and save them again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_marked_so_that_the_host_resolves_it_and_expands_variables() {
        let schema = schemars::schema_for!(PacketsSourceParams).to_value().to_string();
        assert!(schema.contains(r#""x-env":true"#) && schema.contains(r#""format":"path""#), "{schema}");
    }

    #[test]
    fn path_is_needed_and_params_that_do_not_exist_are_refused() {
        let read = |text| serde_json::from_str::<PacketsSourceParams>(text);
        assert_eq!(read(r#"{"path":"a.letters"}"#).unwrap().node, None);
        assert!(read("{}").is_err());
        assert!(read(r#"{"path":"a.letters","loop":true}"#).is_err());
    }
}
