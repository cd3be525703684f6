//! A terminal that a program runs in: what it draws, and the keys that are pressed.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Action, Termios, Winsize, tcflow, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, Command};

/// Size of the terminal.
pub(crate) const COLUMNS: u16 = 100;
pub(crate) const ROWS: u16 = 30;

/// A program in a terminal of its own.
pub(crate) struct Screen {
    /// The side of the person.
    person: File,
    /// The side of the program; it stays open, so that its settings can be looked at when the program has left.
    program: File,
    parser: vt100::Parser,
    pub(crate) child: Child,
    before: Termios,
}

impl Screen {
    /// Starts a program in a new terminal.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::with_size(command, (COLUMNS, ROWS))
    }

    /// Starts a program in a new terminal of this size.
    pub(crate) fn with_size(command: &mut Command, (columns, rows): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let program = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let before = tcgetattr(&program).unwrap();
        let side = || program.try_clone().unwrap();
        let child = command.env("TERM", "xterm-256color").stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let [rows, columns] = [rows, columns].map(|size| NonZeroU16::new(size).unwrap());
        let parser = vt100::Parser::new(rows, columns, 0);
        Self { person: master.into(), program, parser, child, before }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads on until the screen shows something; what never comes ends in the time limit of the test run.
    #[track_caller]
    pub(crate) fn until(&mut self, is_shown: impl Fn(&str) -> bool) -> String {
        let mut bytes = [0; 4096];
        loop {
            let text = self.parser.screen().contents();
            if is_shown(&text) {
                return text;
            }
            let len = self.person.read(&mut bytes).unwrap();
            self.parser.process(bytes.get(..len).unwrap());
        }
    }

    /// Lets the terminal take no output until the end.
    pub(crate) fn stop_output(&self) {
        tcflow(&self.program, Action::OOff).unwrap();
    }

    /// Waits for the end of a program that could not draw any more, and checks that keys work as before.
    pub(crate) fn end_without_output(mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        self.assert_keys_work();
        code
    }

    #[track_caller]
    fn assert_keys_work(&self) {
        let after = tcgetattr(&self.program).unwrap();
        assert_eq!(format!("{after:?}"), format!("{:?}", self.before), "keys work as before");
    }

    /// Waits for the end of the program, and checks that the terminal is as it was before.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        // Whatever the program has written comes before this.
        self.program.write_all(b"\r\nthe end").unwrap();
        let text = self.until(|text| text.contains("the end"));
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the screen is given back: {text}");
        self.assert_keys_work();
        (code, text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind; a program that has ended cannot be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
