//! Graphs as pictures: text for Graphviz and for Mermaid.

use std::fmt::Write;

use super::model::{Graph, Link, Node, NodeRole, Pin};
use super::spec::{CAPACITY_DEFAULT, WhenFull};

impl Graph {
    /// The graph in the language of Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph {\n  rankdir = LR;\n  node [shape = box, style = rounded];\n");
        for node in &self.nodes {
            let shape = match node.role {
                NodeRole::Kind(_) => "",
                NodeRole::Inlet | NodeRole::Outlet => ", shape = cds, style = solid",
            };
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "  \"{0}\" [label = \"{0}\\n{1}\"{shape}];",
                dot_escape(&node.id),
                dot_escape(node.role.label())
            );
        }
        for link in &self.links {
            let style = if link.feedback { ", style = dashed, constraint = false" } else { "" };
            let (from, to) = self.ends(link);
            let label = dot_escape(&self.label_of(link).join("\n"));
            let _ =
                writeln!(text, "  \"{}\" -> \"{}\" [label = \"{label}\"{style}];", dot_escape(from), dot_escape(to));
        }
        text.push_str("}\n");
        text
    }

    /// The graph in the language of Mermaid.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (position, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.role {
                NodeRole::Kind(_) => ("(", ")"),
                NodeRole::Inlet | NodeRole::Outlet => ("([", "])"),
            };
            let label = format!("{}<br/>{}", mermaid_escape(&node.id), mermaid_escape(node.role.label()));
            let _ = writeln!(text, "  n{position}{open}\"{label}\"{close}");
        }
        for link in &self.links {
            let arrow = if link.feedback { "-.->" } else { "-->" };
            let label: Vec<String> = self.label_of(link).iter().map(|line| mermaid_escape(line)).collect();
            let _ = writeln!(text, "  n{} {arrow}|\"{}\"| n{}", link.from.node, label.join("<br/>"), link.to.node);
        }
        text
    }

    fn ends(&self, link: &Link) -> (&str, &str) {
        let id = |position: usize| self.nodes.get(position).map_or("", Node::id);
        (id(link.from.node), id(link.to.node))
    }

    /// What is worth saying about a link: pins where a node has several, its format, and options that are not the usual ones.
    fn label_of(&self, link: &Link) -> Vec<String> {
        let outputs = self.nodes.get(link.from.node).map_or(&[][..], |node| &node.outputs);
        let inputs = self.nodes.get(link.to.node).map_or(&[][..], |node| &node.inputs);
        let mut lines = Vec::new();
        match (choice(outputs, link.from.pin), choice(inputs, link.to.pin)) {
            (None, None) => {}
            (from, to) => {
                lines.push(format!("{} → {}", from.unwrap_or_default(), to.unwrap_or_default()).trim().to_owned())
            }
        }
        lines.push(link.format.to_string());
        let mut options = Vec::new();
        if u32::try_from(link.capacity) != Ok(CAPACITY_DEFAULT) {
            options.push(format!("capacity {}", link.capacity));
        }
        if link.when_full != WhenFull::Block {
            options.push(link.when_full.as_str().to_owned());
        }
        options.extend(link.credits.map(|credits| format!("credits {credits}")));
        if !options.is_empty() {
            lines.push(options.join(", "));
        }
        lines
    }
}

/// The name of a pin where there is a choice.
fn choice(pins: &[Pin], position: usize) -> Option<&str> {
    if pins.len() < 2 { None } else { pins.get(position).map(Pin::name) }
}

fn dot_escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn mermaid_escape(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
