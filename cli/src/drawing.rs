//! Draws a graph without any other program.

use crate::failure::Failure;
use layout::backends::svg::SVGWriter;
use layout::gv::{DotParser, GraphBuilder};
use std::panic;

/// The picture of a graph that is given in the language of Graphviz.
///
/// # Errors
/// The library that lays the graph out cannot do it.
pub(crate) fn svg(dot: &str) -> Result<String, Failure> {
    let cannot = |why: &str| {
        Failure::new(format!("the graph cannot be drawn here: {why}"))
            .note("help: `--dot` gives the text for Graphviz, which can: dot -Tsvg")
    };
    // The library panics where it meets a form that it does not know; that is no reason to die.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let drawn = panic::catch_unwind(|| lay_out(dot));
    panic::set_hook(hook);
    drawn.map_err(|_| cannot("its layout is too unusual"))?.map(|svg| dressed(&svg)).map_err(|why| cannot(&why))
}

fn lay_out(dot: &str) -> Result<String, String> {
    let tree = DotParser::new(dot).process()?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&tree);
    let mut writer = SVGWriter::new();
    builder.get().do_it(false, false, false, &mut writer);
    Ok(writer.finalize())
}

/// Puts the picture on white and gives it a typeface that fits into a page.
fn dressed(svg: &str) -> String {
    let svg = svg.replace("font-family: Times, serif;", "font-family: Helvetica, Arial, sans-serif;");
    let end = svg.find("<svg").and_then(|start| svg.get(start..)?.find('>').map(|len| start + len + 1));
    match end.and_then(|end| svg.split_at_checked(end)) {
        Some((head, body)) => format!("{head}\n<rect width=\"100%\" height=\"100%\" fill=\"white\" />{body}"),
        None => svg,
    }
}
