//! Draws a graph without any other program: a library lays it out, the picture is ours.

use crate::failure::Failure;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::gv::{DotParser, GraphBuilder};
use std::fmt::Write as _;
use std::panic;

/// Size of letters in nodes.
const NODE_FONT: usize = 14;
/// Size that the layout is told for letters at links. It takes every letter for a square, so the half of what is
/// drawn gives the width that words really have.
const LINK_FONT: usize = 7;
/// Space between a link and its label.
const LABEL_GAP: f64 = 6.0;
/// Space around the picture.
const MARGIN: f64 = 16.0;

const HEAD: &str = r##"<defs><marker id="head" markerWidth="9" markerHeight="7" refX="8" refY="3.5" orient="auto"><polygon points="0 0, 9 3.5, 0 7" fill="#4a5568"/></marker></defs>
<style>
text { font-family: "Helvetica Neue", Helvetica, Arial, sans-serif; font-size: 13px; fill: #1a202c; text-anchor: middle; }
.id { font-weight: bold; }
.kind { fill: #4a5568; font-size: 12px; }
.link { fill: #4a5568; font-size: 11px; text-anchor: end; paint-order: stroke; stroke: white; stroke-width: 4px; }
rect { fill: #ebf4ff; stroke: #3c5a99; rx: 6px; }
ellipse { fill: #fffbea; stroke: #8a6d1a; }
path { fill: none; stroke: #4a5568; stroke-width: 1.3px; marker-end: url(#head); }
</style>
"##;

/// The picture of a graph that is given in the language of Graphviz.
///
/// # Errors
/// The library that lays the graph out cannot do it.
pub(crate) fn svg(dot: &str) -> Result<String, Failure> {
    let cannot = |why: &str| {
        Failure::new(format!("the graph cannot be drawn here: {why}"))
            .note("help: `--dot` gives the text for Graphviz, which can: dot -Tsvg")
    };
    // The library panics where it meets a form that it does not know; that is no reason to die, or to say so twice.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let drawn = panic::catch_unwind(|| lay_out(dot));
    panic::set_hook(hook);
    drawn.map_err(|_| cannot("its form is too unusual"))?.map_err(|why| cannot(&why))
}

fn lay_out(dot: &str) -> Result<String, String> {
    // From top to bottom: labels of links are wide and flat, and side by side they would make a picture of metres.
    let dot = dot.replace("rankdir = LR;", &format!("rankdir = TB;\n  edge [fontsize = {LINK_FONT}];"));
    let tree = DotParser::new(&dot).process()?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&tree);
    let mut picture = Picture::default();
    builder.get().do_it(false, false, false, &mut picture);
    Ok(picture.finish())
}

/// What was drawn so far, and how much room it takes.
#[derive(Debug)]
struct Picture {
    links: String,
    shapes: String,
    texts: String,
    min: Point,
    max: Point,
}

impl Default for Picture {
    fn default() -> Self {
        let (min, max) = (Point::splat(f64::INFINITY), Point::splat(f64::NEG_INFINITY));
        Self { links: String::new(), shapes: String::new(), texts: String::new(), min, max }
    }
}

impl Picture {
    /// Makes room for a rectangle around a point.
    fn include(&mut self, center: Point, width: f64, height: f64) {
        let half = Point::new(width / 2.0, height / 2.0);
        self.min = Point::new(self.min.x.min(center.x - half.x), self.min.y.min(center.y - half.y));
        self.max = Point::new(self.max.x.max(center.x + half.x), self.max.y.max(center.y + half.y));
    }

    fn text(&mut self, at: Point, (class, text): (&str, &str)) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // Writing to a string cannot fail.
        let _ = writeln!(self.texts, r#"<text class="{class}" x="{:.1}" y="{:.1}">{text}</text>"#, at.x, at.y);
    }

    /// The picture, links below the nodes and words above all.
    fn finish(self) -> String {
        let Self { links, shapes, texts, min, max } = self;
        let (x, y) = (min.x - MARGIN, min.y - MARGIN);
        let (width, height) = (max.x - x + MARGIN, max.y - y + MARGIN);
        let size = format!(r#"width="{width:.0}" height="{height:.0}" viewBox="{x:.1} {y:.1} {width:.1} {height:.1}""#);
        let paper = format!(
            r#"<path d="M {x:.1} {y:.1} h {width:.1} v {height:.1} h -{width:.1} z" style="fill: white; stroke: none; marker-end: none"/>"#
        );
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size}>\n{HEAD}{paper}\n{links}{shapes}{texts}</svg>\n")
    }
}

impl RenderBackend for Picture {
    fn draw_rect(&mut self, xy: Point, size: Point, _: &StyleAttr, _: Option<String>, _: Option<ClipHandle>) {
        self.include(Point::new(xy.x + size.x / 2.0, xy.y + size.y / 2.0), size.x, size.y);
        let (x, y, width, height) = (xy.x, xy.y, size.x, size.y);
        let _ = writeln!(self.shapes, r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#);
    }

    fn draw_line(&mut self, start: Point, stop: Point, look: &StyleAttr, properties: Option<String>) {
        self.draw_arrow(&[(start, start), (stop, stop)], false, (false, false), look, properties, "");
    }

    fn draw_circle(&mut self, xy: Point, size: Point, _: &StyleAttr, _: Option<String>) {
        self.include(xy, size.x, size.y);
        let (x, y, rx, ry) = (xy.x, xy.y, size.x / 2.0, size.y / 2.0);
        let _ = writeln!(self.shapes, r#"<ellipse cx="{x:.1}" cy="{y:.1}" rx="{rx:.1}" ry="{ry:.1}"/>"#);
    }

    /// The words of a node around its middle, or those of a link left of it.
    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        if look.font_size == NODE_FONT {
            for ((at, class), line) in [(-3.0, "id"), (12.0, "kind")].into_iter().zip(text.lines()) {
                self.text(Point::new(xy.x, xy.y + at), (class, line));
            }
            return;
        }
        let widest = to_float(text.lines().map(|line| line.chars().count()).max().unwrap_or(0) * look.font_size);
        let right = xy.x + widest / 2.0 - LABEL_GAP;
        let lines = to_float(text.lines().count());
        self.include(Point::new(right - widest / 2.0, xy.y), widest, 14.0 * lines);
        for (at, line) in text.lines().enumerate() {
            let y = xy.y + 4.0 + 14.0 * (to_float(at) - (lines - 1.0) / 2.0);
            self.text(Point::new(right, y), ("link", line));
        }
    }

    /// The first point comes with the way out of it, every other one with the way into it.
    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        _: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let mut curve = String::new();
        for (at, (a, b)) in path.iter().enumerate() {
            self.include(*a, 0.0, 0.0);
            self.include(*b, 0.0, 0.0);
            let _ = match at {
                0 => write!(curve, "M {:.1} {:.1} C {:.1} {:.1}, ", a.x, a.y, b.x, b.y),
                1 => write!(curve, "{:.1} {:.1}, {:.1} {:.1}", a.x, a.y, b.x, b.y),
                _ => write!(curve, " S {:.1} {:.1}, {:.1} {:.1}", a.x, a.y, b.x, b.y),
            };
        }
        let dashes = if dashed { r#" stroke-dasharray="5,4""# } else { "" };
        let _ = writeln!(self.links, r#"<path d="{curve}"{dashes}/>"#);
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        // Only shapes that are not used here ask for one.
        0
    }
}

#[expect(clippy::cast_precision_loss, reason = "widths of words, far below what a double holds exactly")]
fn to_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_becomes_a_picture_with_every_node_and_link() {
        let dot = "digraph {\n  rankdir = LR;\n  node [shape = box, style = rounded];\n  \"a\" [label = \"a\\nx.source\"];\n  \
                   \"b\" [label = \"b\\nx.sink\"];\n  \"a\" -> \"b\" [label = \"audio <f32>\", style = dashed];\n}\n";
        let picture = svg(dot).unwrap();
        assert_eq!((picture.matches("<rect").count(), picture.matches("stroke-dasharray").count()), (2, 1));
        for word in [">a<", ">x.source<", ">b<", ">x.sink<", ">audio &lt;f32&gt;<"] {
            assert!(picture.contains(word), "{word}\n{picture}");
        }
    }

    #[test]
    fn what_cannot_be_laid_out_names_another_way() {
        let text = svg("no graph").unwrap_err().render().unwrap();
        assert!(text.contains("--dot"), "{text}");
    }
}
