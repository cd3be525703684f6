//! What the person sees and what their keys do: a value without a terminal, a thread or a clock.

use crate::control::{Request, Sources};
use crate::top::nodes::{self, Column};
use crate::top::picture::{Change, Picture, Report};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::VecDeque;

/// Changes that are kept for the pane below.
const CHANGES_MAX: usize = 200;
/// Longest text to filter by.
const FILTER_LEN_MAX: usize = 40;

/// What a key asks of the rest of the program.
#[derive(Debug, PartialEq)]
pub(crate) enum Act {
    Nothing,
    Quit,
    Ask(Request),
}

/// In which list the arrows move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Focus {
    #[default]
    Nodes,
    Links,
}

/// How the session stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    #[default]
    Alive,
    /// Its last report is here.
    Ended,
    /// Nobody answers any more, for this reason.
    Lost(String),
}

/// What is on the screen, apart from its size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) picture: Picture,
    pub(crate) changes: VecDeque<Change>,
}

/// Everything that decides how the screen looks.
#[derive(Debug, Default)]
pub(crate) struct View {
    now: Shown,
    /// What the person holds on to.
    frozen: Option<Shown>,
    /// What rates are computed from.
    before: Option<Report>,
    pub(crate) standing: Standing,
    pub(crate) has_colours: bool,
    pub(crate) sort: Option<Column>,
    pub(crate) is_reversed: bool,
    pub(crate) filter: String,
    pub(crate) is_typing: bool,
    pub(crate) is_help: bool,
    pub(crate) focus: Focus,
    /// Id of the node that keys are about; its place may change.
    pub(crate) selected: Option<String>,
    /// First link that is shown.
    pub(crate) first_link: usize,
    pub(crate) notice: Option<String>,
    /// Changes that came too fast to be told.
    pub(crate) missed: u64,
}

impl View {
    pub(crate) fn new(has_colours: bool) -> Self {
        Self { has_colours, ..Self::default() }
    }

    /// What is on the screen now.
    pub(crate) fn shown(&self) -> &Shown {
        self.frozen.as_ref().unwrap_or(&self.now)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Takes a new report.
    pub(crate) fn show(&mut self, report: Report) {
        if self.standing == Standing::Alive {
            let before = self.before.replace(report.clone());
            self.now.picture = Picture::between(before.as_ref(), report);
        }
    }

    /// Takes the last report: its rates are those of the whole run.
    pub(crate) fn end(&mut self, report: Report) {
        self.standing = Standing::Ended;
        self.now.picture = Picture::between(None, report);
        // How it ended is worth more than what was held on to.
        self.frozen = None;
    }

    pub(crate) fn lost(&mut self, why: String) {
        self.standing = Standing::Lost(why);
    }

    pub(crate) fn add(&mut self, change: Change) {
        if self.now.changes.len() >= CHANGES_MAX {
            self.now.changes.pop_front();
        }
        self.now.changes.push_back(change);
    }

    pub(crate) fn missed(&mut self, count: u64) {
        self.missed += count;
    }

    pub(crate) fn notice(&mut self, text: String) {
        self.notice = Some(text);
    }

    /// Does what a key stands for.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Act {
        self.notice = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Act::Quit;
        }
        if self.is_typing {
            self.edit_filter(key.code);
            return Act::Nothing;
        }
        if std::mem::take(&mut self.is_help) {
            return Act::Nothing;
        }
        match key.code {
            KeyCode::Char('q') => return Act::Quit,
            KeyCode::Esc => return self.step_back(),
            KeyCode::Char('?' | 'h') => self.is_help = true,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char(' ') => self.frozen = if self.is_frozen() { None } else { Some(self.now.clone()) },
            KeyCode::Char('r') => self.is_reversed = !self.is_reversed,
            KeyCode::Char('g') => self.sort = None,
            KeyCode::Right => self.sort = Column::after(self.sort),
            KeyCode::Left => self.sort = Column::before(self.sort),
            KeyCode::Tab => self.focus = if self.focus == Focus::Nodes { Focus::Links } else { Focus::Nodes },
            KeyCode::Char('p') => return self.toggle_source(),
            code => self.travel(code),
        }
        Act::Nothing
    }

    /// Takes away what narrows the view, the newest first; then leaves.
    fn step_back(&mut self) -> Act {
        if self.frozen.take().is_some() || self.selected.take().is_some() {
            return Act::Nothing;
        }
        if self.filter.is_empty() {
            return Act::Quit;
        }
        self.filter.clear();
        Act::Nothing
    }

    fn edit_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.filter.clear();
                self.is_typing = false;
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(char) if self.filter.len() < FILTER_LEN_MAX => self.filter.push(char),
            _ => {}
        }
        self.first_link = 0;
    }

    fn travel(&mut self, code: KeyCode) {
        let step = match code {
            KeyCode::Up | KeyCode::Char('k') => -1,
            KeyCode::Down | KeyCode::Char('j') => 1,
            KeyCode::PageUp => -10,
            KeyCode::PageDown => 10,
            KeyCode::Home => isize::MIN,
            KeyCode::End => isize::MAX,
            _ => return,
        };
        let links = self.shown().picture.links.iter().filter(|link| self.matches(&link.figures.link)).count();
        match self.focus {
            Focus::Links => self.first_link = moved(self.first_link, step, links),
            Focus::Nodes => {
                let ids: Vec<String> = nodes::sorted(self).iter().map(|row| row.figures.id.clone()).collect();
                let at = self.selected.as_ref().and_then(|selected| ids.iter().position(|id| id == selected));
                let at = at.map_or(0, |at| moved(at, step, ids.len()));
                self.selected = ids.get(at).cloned();
                // Its links are shown first.
                self.first_link = 0;
            }
        }
    }

    /// Pauses the selected source, or lets it go on. Whether it is a source the session knows.
    fn toggle_source(&mut self) -> Act {
        let Some(selected) = &self.selected else {
            self.notice = Some("select a source first, with the arrow keys".to_owned());
            return Act::Nothing;
        };
        if self.standing != Standing::Alive {
            return Act::Nothing;
        }
        let rests = self.now.picture.nodes.iter().any(|row| row.figures.id == *selected && row.figures.paused);
        let source = Sources::one(selected);
        Act::Ask(if rests { Request::Resume(source) } else { Request::Pause(source) })
    }

    /// Whether something is to be shown under the filter.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase())
    }
}

fn moved(at: usize, step: isize, len: usize) -> usize {
    at.saturating_add_signed(step).min(len.saturating_sub(1))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn press(view: &mut View, keys: &str) -> Act {
        let code = |char| match char {
            '↓' => KeyCode::Down,
            '↑' => KeyCode::Up,
            '→' => KeyCode::Right,
            '←' => KeyCode::Left,
            '⇥' => KeyCode::Tab,
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⌫' => KeyCode::Backspace,
            char => KeyCode::Char(char),
        };
        keys.chars().map(|char| view.press(KeyEvent::from(code(char)))).last().unwrap()
    }

    fn report(elapsed_ns: u64, paused: bool) -> Report {
        let nodes = ["mic", "model", "file"].map(|id| json!({ "id": id, "paused": paused && id == "mic" }));
        let report = json!({ "outcome": "running", "elapsed_ns": elapsed_ns, "nodes": nodes });
        serde_json::from_value(report).unwrap()
    }

    fn view() -> View {
        let mut view = View::new(false);
        view.show(report(1, false));
        view
    }

    #[test]
    fn arrows_select_a_node_and_p_pauses_it_and_lets_it_go_on() {
        let mut view = view();
        assert_eq!(press(&mut view, "p"), Act::Nothing);
        assert!(view.notice.as_ref().unwrap().contains("select a source"));
        assert_eq!(press(&mut view, "↓p"), Act::Ask(Request::Pause(Sources::one("mic"))));
        view.show(report(2, true));
        assert_eq!(press(&mut view, "p"), Act::Ask(Request::Resume(Sources::one("mic"))));
        press(&mut view, "↓↓↓↓");
        assert_eq!(view.selected.as_deref(), Some("file"));
        press(&mut view, "↑");
        assert_eq!(view.selected.as_deref(), Some("model"));
    }

    #[test]
    fn filter_takes_every_letter_until_it_is_left() {
        let mut view = view();
        assert_eq!(press(&mut view, "/Mqx⌫⎋"), Act::Nothing);
        assert_eq!((view.filter.as_str(), view.is_typing), ("", false));
        assert_eq!(press(&mut view, "/MI⏎"), Act::Nothing);
        assert_eq!((view.filter.as_str(), view.is_typing), ("MI", false));
        assert!(view.matches("mic") && !view.matches("model"));
        press(&mut view, "↓↓");
        assert_eq!(view.selected.as_deref(), Some("mic"), "what is filtered out cannot be selected");
    }

    #[test]
    fn frozen_view_stays_as_it_is_until_the_session_ends() {
        let mut view = view();
        press(&mut view, " ");
        view.show(report(5, false));
        assert_eq!(view.shown().picture.report.elapsed_ns, 1);
        press(&mut view, " ");
        assert_eq!(view.shown().picture.report.elapsed_ns, 5);
        press(&mut view, " ");
        view.end(report(7, false));
        assert_eq!((view.shown().picture.report.elapsed_ns, view.is_frozen()), (7, false));
        view.show(report(8, false));
        assert_eq!(view.shown().picture.report.elapsed_ns, 7, "nothing comes after the last report");
    }

    #[test]
    fn every_way_out_is_a_way_out() {
        assert_eq!((press(&mut view(), "q"), press(&mut view(), "⎋")), (Act::Quit, Act::Quit));
        let mut narrow = view();
        press(&mut narrow, "/m⏎↓ ");
        assert_eq!(press(&mut narrow, "⎋⎋⎋"), Act::Nothing);
        assert_eq!((narrow.is_frozen(), &narrow.selected, narrow.filter.as_str()), (false, &None, ""));
        assert_eq!(press(&mut narrow, "⎋"), Act::Quit);
        let mut typing = view();
        press(&mut typing, "/");
        assert_eq!(typing.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Act::Quit);
        let mut help = view();
        assert_eq!((press(&mut help, "?q"), press(&mut help, "q")), (Act::Nothing, Act::Quit));
    }
}
