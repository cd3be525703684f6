//! The rules: what each asks for, why, and what to do when it is broken.
//!
//! Letters are sections: A the file, B the manifest, C loading, D the life of an instance, E packets, F params,
//! G the host's services, H what belongs to everybody, I time, J chance. An id is never given to another rule.

use super::finding::Level;
use super::finding::Level::{Error, Note, Warning};

/// A promise that a plugin makes.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    /// What a plugin that keeps it does.
    pub(crate) title: &'static str,
    /// What becomes of a graph with a plugin that does not.
    pub(crate) why: &'static str,
    /// What its author can do.
    pub(crate) help: &'static str,
}

const fn rule(id: &'static str, level: Level, [title, why, help]: [&'static str; 3]) -> Rule {
    Rule { id, level, title, why, help }
}

/// Every rule, in the order of its id.
pub(crate) const RULES: &[Rule] = &[
    rule(
        "A1",
        Error,
        [
            "the file is a whole shared object for this machine",
            "The system's loader is not made for other files: some of them end the process that opens them.",
            "Build it as a cdylib (or with -shared -fPIC) for this target, and install it by renaming a complete file into place.",
        ],
    ),
    rule(
        "A2",
        Error,
        [
            "it exports exactly one plugin entry, a function",
            "The loader finds a plugin by the name of its entry, and the major version of the ABI is part of that name.",
            "Use `export!` of the SDK once, or define `gm_plugin_entry_v1` with GM_EXPORT in C.",
        ],
    ),
    rule(
        "A3",
        Warning,
        [
            "it takes next to no static thread-local storage",
            "All libraries of a process share some 1.5 KiB of it; whoever comes late is refused by the system's loader.",
            "Build its allocator or its C code without the initial-exec model.",
        ],
    ),
    rule(
        "B1",
        Error,
        [
            "its manifest is UTF-8 JSON of the right shape",
            "Graphs are checked against the manifest before anything of the plugin runs.",
            "Correct the place that is named; `graphmill inspect` shows what is read.",
        ],
    ),
    rule(
        "B2",
        Error,
        [
            "manifest and classes describe the same kinds",
            "The graph is checked by the manifest and run by the classes.",
            "Give each kind of the manifest one class with the same id and role, and the functions that the role needs.",
        ],
    ),
    rule(
        "B3",
        Error,
        [
            "it is built with unwinding panics",
            "With `panic = \"abort\"` the first panic ends the application.",
            "Take `panic = \"abort\"` out of the profile that builds the plugin.",
        ],
    ),
    rule(
        "B4",
        Warning,
        [
            "its version is a semantic version",
            "Reports and bug reports name the plugin by it, and tools compare it.",
            "Write MAJOR.MINOR.PATCH, such as 1.4.0.",
        ],
    ),
    rule(
        "B5",
        Warning,
        [
            "it says under which licence it may be used",
            "Nobody may ship a plugin whose licence they do not know.",
            "Set `license` of the manifest to an SPDX expression, such as `MIT OR Apache-2.0`.",
        ],
    ),
    rule(
        "B6",
        Note,
        [
            "its kinds and params are described for people",
            "`graphmill kinds` and every editor show these texts and nothing else.",
            "Write a title and a description for each kind, and a description for each param.",
        ],
    ),
    rule(
        "B7",
        Error,
        [
            "defaults and examples in its schemas are valid by these very schemas",
            "Whoever leaves a param out gets its default, and then an error about a value that he never wrote.",
            "Correct the default, or the schema.",
        ],
    ),
    rule(
        "B8",
        Error,
        [
            "the formats of its pins depend on params that there are",
            "A placeholder that no param fills leaves the format open, and links are accepted that can never work.",
            "Correct the name in braces, or add the param to the schema.",
        ],
    ),
    rule(
        "C1",
        Error,
        [
            "it can be opened, and nothing ends or blocks the process meanwhile",
            "A library is opened inside the application: what its constructors do happens there.",
            "Link what is missing into it, and do no work in constructors.",
        ],
    ),
    rule(
        "C2",
        Error,
        [
            "its entry function answers, at once and in order",
            "The application waits for it before it can check a graph.",
            "Give the module and GM_OK, or a status of the ABI and a message; slow work belongs into `create`.",
        ],
    ),
    rule(
        "C3",
        Error,
        [
            "its tables have magic, version, sizes and alignment of ABI 1",
            "The host reads no further than the sizes say, and nothing of a table that is not what it says.",
            "Build it against this version of graphmill.h, and set every struct_size to the sizeof of its struct.",
        ],
    ),
    rule(
        "C4",
        Error,
        [
            "loading it starts no thread and leaves the process as it was",
            "Whoever only looks for kinds must not pay for it, and what belongs to all does not belong to a plugin.",
            "Move the work into `create`, or into the first use.",
        ],
    ),
    rule(
        "C5",
        Warning,
        [
            "it loads within a second",
            "Every program that lists kinds or checks a graph waits that long.",
            "Move slow work from constructors and the entry function into `create`.",
        ],
    ),
    rule(
        "D1",
        Error,
        [
            "an instance can be made and destroyed with good params",
            "Nothing else works without that.",
            "See what was answered; if the params were chosen badly, give others with --params KIND=JSON.",
        ],
    ),
    rule(
        "D2",
        Error,
        [
            "bad params are answered with an error, never with a panic",
            "Params come from people. An application may hand them over without having checked them.",
            "Check every value in `create`, and answer GM_E_INVALID with a message.",
        ],
    ),
    rule(
        "D3",
        Error,
        [
            "an instance can be started, stopped and destroyed in every state",
            "A session that ends early destroys instances in whatever state they are.",
            "Let `destroy` work after every call, also after one that failed; let `stop` work without a packet before it.",
        ],
    ),
    rule(
        "D4",
        Error,
        [
            "a life leaves no memory behind",
            "An application that restarts nodes, or starts sessions for years, runs out of memory.",
            "Free in `destroy` what `create` and the calls after it allocated; a leak checker shows the place.",
        ],
    ),
    rule(
        "D5",
        Error,
        [
            "threads of an instance have ended when `destroy` returns",
            "A thread that goes on uses what is freed, and each life adds one.",
            "Tell them to end and join them in `destroy`.",
        ],
    ),
    rule(
        "D6",
        Error,
        [
            "a life leaves no file descriptor open",
            "The process runs out of descriptors, and then everything in it fails.",
            "Close in `destroy` what was opened.",
        ],
    ),
    rule(
        "D7",
        Error,
        [
            "several instances work side by side on their own threads",
            "Every node of a graph may be of the same kind.",
            "Keep state in the instance; what is shared needs a lock of its own.",
        ],
    ),
    rule(
        "D8",
        Error,
        [
            "calls answer with statuses of the ABI",
            "The host cannot know what another number means, and takes a positive one for a broken instance.",
            "Answer GM_OK, a GM_E_* status, or the flow that the function's comment in graphmill.h names.",
        ],
    ),
    rule(
        "D9",
        Warning,
        [
            "errors say in UTF-8 what is wrong",
            "The message is all that the person in front of the report has.",
            "Fill `message` and `message_len` of the error: what is at fault, and the way out.",
        ],
    ),
    rule(
        "E1",
        Error,
        [
            "an input takes packets of the formats that it declares",
            "A link is accepted because of the declaration; afterwards it is too late to refuse.",
            "Process every format that the pin declares, or declare less.",
        ],
    ),
    rule(
        "E2",
        Error,
        [
            "what is emitted is a sound packet of a format that the output declares",
            "The host refuses anything else, and the packet is lost.",
            "Emit to a declared output, in its format, with planes inside their buffers.",
        ],
    ),
    rule(
        "E3",
        Error,
        [
            "a packet that was lent comes back in order",
            "What is left in it is read when it is released or becomes a dead letter.",
            "Null the planes that were taken, and leave the rest as it was.",
        ],
    ),
    rule(
        "E4",
        Error,
        [
            "bytes that others hold are not written",
            "Other nodes read the same bytes at the same time.",
            "Write only where GM_BUF_WRITABLE is set and `is_unique` says 1; otherwise work on a copy.",
        ],
    ),
    rule(
        "E5",
        Error,
        [
            "every reference to a buffer is given back exactly once",
            "One too few is a leak, one too many is a use after free somewhere else.",
            "Release what was taken from the packet, and nothing that was left in it.",
        ],
    ),
    rule(
        "E6",
        Error,
        [
            "packets of every size and time are survived",
            "Streams begin and end with odd packets, and times jump.",
            "Take sizes and times from the packet, check them, and answer with an error where one cannot be processed.",
        ],
    ),
    rule(
        "E7",
        Warning,
        [
            "packets of other formats are refused, not believed",
            "The host keeps them away where formats are checked; a mistake there should cost a packet, not the process.",
            "Look at kind and format before the bytes, and answer GM_E_UNSUPPORTED.",
        ],
    ),
    rule(
        "E8",
        Error,
        [
            "the end of an input is taken, also without a packet before it and twice",
            "Every stream ends; an error there fails the node when all the work is done.",
            "Let `flush` give what is held back and forget it, so that a second one has nothing to do.",
        ],
    ),
    rule(
        "E9",
        Error,
        [
            "an output that takes nothing is survived",
            "Links fill up, and sessions are stopped in the middle of a call.",
            "Answer with the status that `emit` gave; do not try again without end, and keep what was not taken in order.",
        ],
    ),
    rule(
        "E10",
        Error,
        [
            "a source answers its ticks",
            "A source that fails its ticks fails the session.",
            "Answer GM_OK, GM_AGAIN or GM_EOS, and emit to declared outputs.",
        ],
    ),
    rule(
        "E11",
        Warning,
        [
            "times of what is emitted do not go back",
            "Whoever comes after it drops or misorders what comes late.",
            "Give each packet the time of the input that it continues.",
        ],
    ),
    rule(
        "E12",
        Warning,
        [
            "a source asks for its next tick at a time to come",
            "A time long ago means `at once`, and a source that says so by mistake keeps a processor busy.",
            "Set `next_ns` from `now_ns`, or leave it at GM_TIME_UNKNOWN.",
        ],
    ),
    rule(
        "E13",
        Note,
        [
            "packets of every format that an input declares are processed",
            "A graph that links such a format is accepted, and fails when it runs.",
            "Declare less where formats can say it, and tell people in the description where they cannot.",
        ],
    ),
    rule(
        "F1",
        Error,
        [
            "params that are declared live can be changed",
            "The manifest invites people to change them while the node runs.",
            "Implement `update` for each of `params_live`, or take the name out.",
        ],
    ),
    rule(
        "F2",
        Error,
        [
            "a bad change is answered with an error, and the old params stay",
            "A slip of the hand must not cost a running node.",
            "Check all new params first, then take them over.",
        ],
    ),
    rule(
        "F3",
        Error,
        [
            "pins that depend on params are legal, and the same for the same params",
            "A graph is checked and linked by these pins, before and without the instance that is called on them.",
            "Tell at most 32 pins a side, with names like those of kinds, from the params and the files that they name alone.",
        ],
    ),
    rule(
        "G1",
        Error,
        [
            "the host's services are called in the right state, on the right thread, with sense",
            "The host refuses the call, and what it was meant for does not happen.",
            "See the bracket at the function in graphmill.h; emit in tick, process and flush only, on the thread of the call.",
        ],
    ),
    rule(
        "G2",
        Warning,
        [
            "log records are well-formed and not too many",
            "The host repairs, cuts or drops what is not, so somebody reads less than was written.",
            "Log UTF-8 texts of some lines at most, from places that are described once, and not in every packet.",
        ],
    ),
    rule(
        "G3",
        Error,
        [
            "hints that are not for it are passed on",
            "Any node downstream may say anything to those upstream.",
            "Answer GM_PASS to names that are not known, and check the content of those that are.",
        ],
    ),
    rule(
        "G4",
        Error,
        [
            "a call that is cancelled returns",
            "A session that stops waits for it, and gives the thread up at the deadline.",
            "Ask `is_cancelled` in every loop that may take longer than some milliseconds.",
        ],
    ),
    rule(
        "H1",
        Error,
        [
            "the working folder stays",
            "Every relative path in the process means something else afterwards.",
            "Use absolute paths.",
        ],
    ),
    rule(
        "H2",
        Error,
        [
            "the environment stays",
            "Other threads may be reading it in C at that very moment.",
            "Pass settings as params.",
        ],
    ),
    rule(
        "H3",
        Error,
        [
            "signal handlers, masks and ignored signals stay",
            "The application no longer sees the signals that it waits for.",
            "Block and handle signals on threads of the plugin's own only, or not at all.",
        ],
    ),
    rule(
        "H4",
        Error,
        [
            "the floating-point mode of the thread stays",
            "Other nodes on the thread compute other results.",
            "Restore the control word before returning; build C code without -ffast-math at the link step.",
        ],
    ),
    rule(
        "H5",
        Error,
        [
            "descriptors of others stay open",
            "Files and sockets of the application vanish, or are somebody else's by the next open.",
            "Close only what the plugin opened itself.",
        ],
    ),
    rule(
        "H6",
        Error,
        [
            "locale, file mode mask and limits of the process stay",
            "C code all over the process prints and parses numbers in another way, or creates files with other rights.",
            "Use functions that take a locale or a mode.",
        ],
    ),
    rule(
        "I1",
        Warning,
        [
            "calls return well before the host's own deadlines",
            "A node that misses its deadline is given up and replaced.",
            "Do less in a call, or tell people in the README which deadline to raise.",
        ],
    ),
    rule(
        "J1",
        Error,
        [
            "calls in any legal order, with packets of any size, are survived",
            "That is what long runs come to.",
            "Run it again with the same --seed; the sequence up to the last call is told.",
        ],
    ),
];

/// The rule with an id, in capitals or not.
pub(crate) fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_there_once_and_stand_in_order() {
        let order: Vec<(char, u32)> = RULES
            .iter()
            .map(|rule| (rule.id.chars().next().unwrap(), rule.id.get(1..).unwrap().parse().unwrap()))
            .collect();
        assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]), "{order:?}");
        assert_eq!(find("e10").map(|rule| rule.id), Some("E10"));
        assert!(find("Z1").is_none());
    }

    #[test]
    fn texts_are_sentences_and_titles_are_not() {
        for rule in RULES {
            assert!(rule.why.ends_with('.') && rule.help.ends_with('.'), "{}", rule.id);
            assert!(!rule.title.ends_with('.') && rule.title.starts_with(char::is_lowercase), "{}", rule.id);
        }
    }
}
