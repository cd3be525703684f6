//! Who gets how many lines: everybody what they need where there is room, and the nodes first where there is not.

/// Lines of the three lists, their headings included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) nodes: u16,
    pub(crate) links: u16,
    pub(crate) changes: u16,
}

/// Fewest lines of a list that is shown at all.
const LINKS_MIN: u16 = 3;
const CHANGES_MIN: u16 = 4;
/// Below this only nodes are shown, and below the next one nodes and links.
const ROOM_FOR_LINKS: u16 = 9;
const ROOM_FOR_CHANGES: u16 = 14;

/// Divides `room` lines among lists that want some.
pub(crate) fn divide(room: u16, wanted: Lines) -> Lines {
    let links_min = if room >= ROOM_FOR_LINKS { wanted.links.min(LINKS_MIN) } else { 0 };
    let changes_min = if room >= ROOM_FOR_CHANGES { wanted.changes.min(CHANGES_MIN) } else { 0 };
    let nodes = wanted.nodes.min(room.saturating_sub(links_min + changes_min));
    let links = if links_min == 0 { 0 } else { wanted.links.min(room - nodes - changes_min) };
    let changes = if changes_min == 0 { 0 } else { room - nodes - links };
    // Nobody else wants what is left.
    let nodes = if changes == 0 && links == 0 { room } else { nodes };
    Lines { nodes, links, changes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_what_is_wanted_where_there_is_room_and_changes_the_rest() {
        let wanted = Lines { nodes: 9, links: 7, changes: 9 };
        assert_eq!(divide(40, wanted), Lines { nodes: 9, links: 7, changes: 24 });
        assert_eq!(divide(21, wanted), Lines { nodes: 9, links: 7, changes: 5 });
    }

    #[test]
    fn where_there_is_less_room_links_and_changes_shrink_and_then_go() {
        let wanted = Lines { nodes: 30, links: 30, changes: 9 };
        assert_eq!(divide(21, wanted), Lines { nodes: 14, links: 3, changes: 4 });
        assert_eq!(divide(13, wanted), Lines { nodes: 10, links: 3, changes: 0 });
        assert_eq!(divide(8, wanted), Lines { nodes: 8, links: 0, changes: 0 });
        assert_eq!(divide(0, wanted), Lines { nodes: 0, links: 0, changes: 0 });
        assert_eq!(divide(21, Lines { nodes: 3, links: 0, changes: 9 }), Lines { nodes: 3, links: 0, changes: 18 });
    }
}
