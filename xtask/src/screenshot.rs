//! Draws what a terminal shows: text with escape sequences in, a picture in SVG out.
//!
//! It knows what `tmux capture-pane -e` writes: bold, faint, reversed, and the sixteen colours.

use crate::command::Outcome;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};

/// Size of a character, and of the text in it.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const FONT: f64 = 14.0;
/// Space around the text.
const MARGIN: f64 = 12.0;
/// Longest text that is drawn.
const LEN_MAX: u64 = 1 << 20;
const PAPER: &str = "#1b1d23";
const INK: &str = "#d4d7dd";
/// Black, red, green, yellow, blue, magenta, cyan, white, and the same brighter.
const COLOURS: [&str; 16] = [
    "#3b3f4a", "#e06c75", "#7fbf6a", "#d9b25f", "#61a5e8", "#c678dd", "#56b6c2", "#c8ccd4", "#5c6370", "#ff7b85",
    "#98d982", "#f2cf7a", "#7cbcff", "#de9bf2", "#76d4e0", "#ffffff",
];

/// How characters look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Look {
    ink: Option<usize>,
    paper: Option<usize>,
    is_bold: bool,
    is_faint: bool,
    is_reversed: bool,
}

/// Reads what a terminal shows from standard input and writes the picture to standard output.
///
/// # Errors
/// There is no text, or nobody reads the picture.
pub(crate) fn run() -> Outcome {
    let mut text = String::new();
    let read = io::stdin().take(LEN_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("cannot read what the terminal shows: {error}"))?;
    let written = io::stdout().write_all(draw(&text).as_bytes());
    written.map_err(|error| format!("cannot write the picture: {error}"))
}

fn draw(text: &str) -> String {
    let mut look = Look::default();
    let lines: Vec<Vec<(char, Look)>> = text.trim_end().lines().map(|line| cells(line, &mut look)).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let size = [columns as f64 * WIDTH + 2.0 * MARGIN, lines.len() as f64 * HEIGHT + 2.0 * MARGIN];
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0} {1:.0}\" width=\"{0:.0}\" height=\"{1:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"{FONT}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n",
        size[0], size[1]
    );
    for (row, line) in lines.iter().enumerate() {
        let mut at = 0;
        for run in line.chunk_by(|a, b| a.1 == b.1 && is_block(a.0) == is_block(b.0)) {
            draw_run(&mut svg, run, (at, row));
            at += run.len();
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The characters of a line; what the last one looks like goes on in the next line.
fn cells(line: &str, look: &mut Look) -> Vec<(char, Look)> {
    let mut cells = Vec::new();
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // Whatever comes before the letter that ends the sequence are its numbers.
            let numbers: String = chars.by_ref().take_while(|char| !char.is_ascii_alphabetic()).collect();
            look.change(numbers.trim_start_matches('['));
        } else {
            cells.push((char, *look));
        }
    }
    cells
}

impl Look {
    fn change(&mut self, numbers: &str) {
        let mut numbers = numbers.split(';').map(|number| number.parse::<usize>().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => *self = Self::default(),
                1 => self.is_bold = true,
                2 => self.is_faint = true,
                7 => self.is_reversed = true,
                22 => (self.is_bold, self.is_faint) = (false, false),
                27 => self.is_reversed = false,
                30..=37 => self.ink = Some(number - 30),
                90..=97 => self.ink = Some(number - 90 + 8),
                // The number of the colour comes after a 5.
                38 => self.ink = numbers.nth(1),
                39 => self.ink = None,
                40..=47 => self.paper = Some(number - 40),
                100..=107 => self.paper = Some(number - 100 + 8),
                48 => self.paper = numbers.nth(1),
                49 => self.paper = None,
                _ => {}
            }
        }
    }

    /// Colours of the text and of what is behind it.
    fn colours(self) -> (&'static str, Option<&'static str>) {
        let of = |number: Option<usize>| number.and_then(|number| COLOURS.get(number).copied());
        let (ink, paper) = (of(self.ink).unwrap_or(INK), of(self.paper));
        if self.is_reversed { (paper.unwrap_or(PAPER), Some(ink)) } else { (ink, paper) }
    }
}

/// Characters that are bars, which fonts draw with gaps between them.
fn is_block(char: char) -> bool {
    ('\u{2588}'..='\u{258f}').contains(&char)
}

fn draw_run(svg: &mut String, run: &[(char, Look)], (column, row): (usize, usize)) {
    let Some((first, look)) = run.first().copied() else { return };
    let (x, y) = (MARGIN + column as f64 * WIDTH, MARGIN + row as f64 * HEIGHT);
    let (ink, paper) = look.colours();
    let width = run.len() as f64 * WIDTH;
    if let Some(paper) = paper {
        // A little wider, so that no seam shows between two of them.
        rect(svg, [x, y, width + 0.5, HEIGHT], paper);
    }
    if is_block(first) {
        // From a full block down to an eighth.
        let eighths = run.iter().map(|(char, _)| f64::from(0x2590 - u32::from(*char))).sum::<f64>();
        return rect(svg, [x, y + 3.0, eighths * WIDTH / 8.0, HEIGHT - 6.0], ink);
    }
    let text: String = run.iter().map(|(char, _)| *char).collect();
    if text.trim().is_empty() {
        return;
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let bold = if look.is_bold { " font-weight=\"bold\"" } else { "" };
    let faint = if look.is_faint { " opacity=\"0.6\"" } else { "" };
    let baseline = y + HEIGHT - 5.0;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{baseline:.1}\" textLength=\"{width:.1}\" fill=\"{ink}\"{bold}{faint} \
         xml:space=\"preserve\">{text}</text>"
    );
}

fn rect(svg: &mut String, [x, y, width, height]: [f64; 4], fill: &str) {
    // Writing to a string cannot fail.
    let _ =
        writeln!(svg, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_place_its_colours_and_its_signs() {
        let svg = draw("ab \u{1b}[1;38;5;1m<c>\u{1b}[0m\n\u{1b}[7mxy\n");
        let lines: Vec<&str> = svg.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                r##"<text x="12.0" y="25.0" textLength="25.2" fill="#d4d7dd" xml:space="preserve">ab </text>"##,
                r##"<text x="37.2" y="25.0" textLength="25.2" fill="#e06c75" font-weight="bold" xml:space="preserve">&lt;c&gt;</text>"##,
                r##"<rect x="12.0" y="30.0" width="17.3" height="18.0" fill="#d4d7dd"/>"##,
                r##"<text x="12.0" y="43.0" textLength="16.8" fill="#1b1d23" xml:space="preserve">xy</text>"##,
                "</svg>",
            ]
        );
    }

    #[test]
    fn bars_are_drawn_as_long_as_they_are() {
        let svg = draw("█▌");
        assert!(svg.contains(r#"<rect x="12.0" y="15.0" width="12.6" height="12.0""#), "{svg}");
    }
}
