//! Whether a plugin keeps the contract: trials in processes of their own, rules with ids, findings with a way out.
//!
//! The parent (`run`, `parent`) runs no code of the library. Each trial runs in a child (`child`), which says on standard
//! output what it is about to do and what it finds; one that crashes, hangs or exits is a finding of the rule that it
//! was about. A trial judges a rule or a few (`rules`, `trials`); one that another one needs comes first, so that one
//! fault is told once.

mod child;
mod parent;
mod report;
mod rules;
mod run;
mod trials;

mod around;
mod bench;
mod finding;
mod held;
mod life;
mod listener;
mod outputs;
mod params;
mod work;

pub(crate) use child::run as run_trial;
pub(crate) use parent::Order;
pub(crate) use report::{human, is_clean, list, list_json, to_json};
pub(crate) use rules::find as find_rule;
pub(crate) use run::Plan;
