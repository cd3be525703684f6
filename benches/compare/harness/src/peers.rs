//! Who is compared, and what each needs.

use crate::Outcome;

/// Somebody who does the work.
#[derive(Debug, PartialEq)]
pub(crate) struct Peer {
    /// Its name on the command line, in the answers, and in that of its package, `peer-NAME`.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) title: &'static str,
    /// What has to be there before it can be built.
    pub(crate) needs: &'static [Need],
    /// Toolchain and flags of the compiler, where the usual ones do not do.
    pub(crate) toolchain: Option<(&'static str, &'static str)>,
    /// Colour of its lines in plots.
    pub(crate) colour: (u8, u8, u8),
}

/// Something that is installed.
#[derive(Debug, PartialEq)]
pub(crate) enum Need {
    /// Packages of Debian; they are there when `pkg-config` knows the modules.
    Debian { packages: &'static [&'static str], modules: &'static [&'static str] },
    /// A Rust toolchain.
    Toolchain(&'static str),
    /// Packages of PyPI in an environment of their own, and a program that one of them brings.
    Python { packages: &'static [&'static str], program: &'static str },
}

/// Everybody, in the order in which they run.
pub(crate) const ALL: &[Peer] = &[
    Peer { name: "graphmill", title: "Graphmill", needs: &[], toolchain: None, colour: (0xd6, 0x27, 0x28) },
    Peer {
        name: "crossbeam",
        title: "bare threads, crossbeam",
        needs: &[],
        toolchain: None,
        colour: (0x7f, 0x7f, 0x7f),
    },
    Peer { name: "tokio", title: "tokio hand-shake", needs: &[], toolchain: None, colour: (0xff, 0x7f, 0x0e) },
    Peer {
        name: "gstreamer",
        title: "GStreamer",
        needs: &[Need::Debian {
            packages: &[
                "libgstreamer1.0-dev",
                "libgstreamer-plugins-base1.0-dev",
                "gstreamer1.0-plugins-base",
                "pkg-config",
            ],
            modules: &["gstreamer-1.0", "gstreamer-app-1.0"],
        }],
        toolchain: None,
        colour: (0x1f, 0x77, 0xb4),
    },
    Peer {
        name: "futuresdr",
        title: "FutureSDR",
        needs: &[Need::Toolchain("nightly")],
        toolchain: Some(("nightly", "-Zcrate-attr=feature(float_algebraic)")),
        colour: (0x2c, 0xa0, 0x2c),
    },
    Peer { name: "copper", title: "Copper", needs: &[], toolchain: None, colour: (0x8c, 0x56, 0x4b) },
    Peer {
        name: "dora",
        title: "dora",
        needs: &[Need::Python { packages: &["dora-rs-cli==1.1.0", "dora-rs==1.1.0"], program: "dora" }],
        toolchain: None,
        colour: (0x94, 0x67, 0xbd),
    },
];

impl Peer {
    /// Whether it is what the others are compared with.
    pub(crate) fn is_ours(&self) -> bool {
        self.name == "graphmill"
    }
}

/// The peer with a name.
pub(crate) fn find(name: &str) -> Option<&'static Peer> {
    ALL.iter().find(|peer| peer.name == name)
}

/// The peers of a list of names, and Graphmill whether it is named or not.
///
/// # Errors
/// A name that nobody has.
pub(crate) fn named(list: &str) -> Outcome<Vec<&'static Peer>> {
    let names: Vec<_> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(stranger) = names.iter().find(|name| find(name).is_none()) {
        let all: Vec<_> = ALL.iter().map(|peer| peer.name).collect();
        return Err(format!("`{stranger}` is no peer; there are {}", all.join(", ")));
    }
    Ok(ALL.iter().filter(|peer| peer.is_ours() || names.contains(&peer.name)).collect())
}
