//! What goes wrong in a call.

use super::world::Dice;

/// One in this many calls has a fault, as long as there are some left.
const ONE_IN: usize = 12;

/// A fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It goes well.
    None,
    /// It goes well, and the others run in the middle of it.
    Preempted,
    /// It takes most of its deadline.
    Slow,
    /// It takes longer than its deadline, and comes back.
    Hang,
    /// The plugin refuses.
    Error,
    /// The plugin panics.
    Panic,
    /// The plugin breaks its contract.
    Contract,
}

impl Trouble {
    /// What happens in the next call; `left` is how many further faults the run may have.
    pub(super) fn roll(dice: &mut Dice, left: &mut usize) -> Self {
        if dice.one_in(8) {
            return Self::Preempted;
        }
        if *left == 0 || !dice.one_in(ONE_IN) {
            return Self::None;
        }
        *left -= 1;
        [Self::Slow, Self::Hang, Self::Hang, Self::Error, Self::Error, Self::Panic, Self::Panic, Self::Contract]
            [dice.below(8)]
    }
}
