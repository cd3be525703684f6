//! What can be wrong with a module.

use crate::graph::{ManifestError, PINS_BY_PARAMS, Role};
use crate::plugin::text::TextFault;

/// What of a plugin's tables breaks the contract of the ABI; the plugin is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleFault {
    /// A pointer that has to be there is null.
    #[error("the pointer to its {what} is null; the plugin has to fill it")]
    Null {
        /// What it should point at.
        what: String,
    },
    /// A pointer is not aligned for what it should point at.
    #[error("the pointer to its {what} is misaligned; the plugin has to point at the struct of graphmill.h")]
    Misaligned {
        /// What it should point at.
        what: String,
    },
    /// The module does not begin with the letters that every module begins with.
    #[error("its module begins with {found:#018x} instead of GM_MAGIC; build the plugin against graphmill.h")]
    Magic {
        /// What stands there instead.
        found: u64,
    },
    /// The module is of another major version.
    #[error("its module is of ABI {found}, this program supports ABI 1; use a release of the plugin for ABI 1")]
    Major {
        /// The major version that was found.
        found: u16,
    },
    /// A table says that it is impossibly small or large.
    #[error("its {what} says that it has {found} bytes, possible are {min} to {max}; set struct_size to its sizeof")]
    Size {
        /// Which table.
        what: String,
        /// What it says.
        found: u32,
        /// The size of version 1.0.
        min: usize,
        /// The most that is believed.
        max: usize,
    },
    /// There are too many classes.
    #[error("its module has {found} classes, at most {max} are allowed")]
    TooManyClasses {
        /// What the module says.
        found: u32,
        /// The most that is allowed.
        max: usize,
    },
    /// There is neither a class nor a kind.
    #[error("it offers no kind; add one")]
    NoKinds,
    /// There is no manifest.
    #[error("it has no manifest; fill manifest_json")]
    NoManifest,
    /// A text cannot be read.
    #[error("its {what} {fault}")]
    Text {
        /// Which text.
        what: String,
        /// What is wrong with it.
        fault: TextFault,
    },
    /// The role of a class is none of the three.
    #[error("class `{class}` has the unknown role {role}; use GM_ROLE_SOURCE, GM_ROLE_PROCESSOR or GM_ROLE_SINK")]
    UnknownRole {
        /// The class.
        class: String,
        /// What it says.
        role: u32,
    },
    /// A function that the role needs is null.
    #[error("class `{class}` is a {} and has no function `{function}`", role.as_str())]
    MissingFunction {
        /// The class.
        class: String,
        /// Its role.
        role: Role,
        /// The function that is null.
        function: &'static str,
    },
    /// Two classes have one id.
    #[error("class `{class}` is there twice; give each class an id of its own")]
    DuplicateClass {
        /// The id.
        class: String,
    },
    /// A class is not described in the manifest.
    #[error("class `{class}` is not in the manifest, which has `{kinds}`; add it to `kinds`")]
    NotInManifest {
        /// The class.
        class: String,
        /// What the manifest has.
        kinds: String,
    },
    /// The manifest describes a kind that no class implements.
    #[error("kind `{kind}` of the manifest has no class; add one, or take the kind out")]
    WithoutClass {
        /// The kind.
        kind: String,
    },
    /// Class and manifest disagree about the role.
    #[error("class `{class}` is a {} and the manifest calls it a {}", table.as_str(), manifest.as_str())]
    RoleDiffers {
        /// The class.
        class: String,
        /// The role in the class.
        table: Role,
        /// The role in the manifest.
        manifest: Role,
    },
    /// The manifest says that a class tells its pins, and it does not.
    #[error("kind `{class}` of the manifest has the capability `{PINS_BY_PARAMS}`, and its class no function `pins`")]
    PinsUntold {
        /// The class.
        class: String,
    },
    /// A class tells its pins, and the manifest says that they are fixed.
    #[error("class `{class}` has a function `pins`; give its kind the capability `{PINS_BY_PARAMS}` in the manifest")]
    PinsUnasked {
        /// The class.
        class: String,
    },
    /// The manifest is refused.
    #[error(transparent)]
    Manifest(ManifestError),
    /// The plugin was built so that a panic of it ends the process.
    #[error("it is built with `panic = \"abort\"`, so one panic would end the application; build it with unwinding")]
    PanicAbort,
}
