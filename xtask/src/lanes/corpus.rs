//! Chooses which of the inputs that fuzzing found are committed: the few that reach most.
//!
//! Inputs with a name stay whatever they reach, because somebody gave them a purpose. Found ones are called by their
//! digest. What each input reaches is in the file that libFuzzer keeps while it merges.

use crate::command::Outcome;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Found inputs that are committed for one target, at most: every test run gives all of them to their target.
const FOUND_MAX: usize = 40;
/// The largest found input that is committed, in bytes.
const FOUND_LEN_MAX: u64 = 4096;

/// An input and the places in the code that it reaches, by their numbers.
#[derive(Debug, Default)]
struct Input {
    path: PathBuf,
    len: u64,
    places: HashSet<u32>,
}

/// Puts those found inputs of the merge into the folder that are worth it, and takes away those that no longer are.
///
/// Gives their number.
///
/// # Errors
/// The file of the merge says something else than libFuzzer writes, or a file cannot be copied.
pub(super) fn choose(merge: &Path, folder: &Path) -> Outcome<usize> {
    let fault = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let text = fs::read_to_string(merge).map_err(|error| fault(merge, error))?;
    let (found, named) = read(&text)?.into_iter().partition(|input| is_found(&input.path));
    let chosen = best(found, named);
    let contents = chosen.iter().map(|path| fs::read(path).map_err(|error| fault(path, error)));
    // Some of them may be among those that are taken away.
    let contents: Vec<Vec<u8>> = contents.collect::<Outcome<_>>()?;
    for path in found_in(folder)? {
        fs::remove_file(&path).map_err(|error| fault(&path, error))?;
    }
    for (path, content) in chosen.iter().zip(contents) {
        let place = folder.join(path.file_name().unwrap_or_default());
        fs::write(&place, content).map_err(|error| fault(&place, error))?;
    }
    Ok(chosen.len())
}

/// The inputs of a folder that nobody gave a name.
fn found_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    Ok(paths.filter(|path| is_found(path)).collect())
}

/// Whether an input is called what libFuzzer calls those that it keeps: the SHA-1 of what it holds.
fn is_found(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 40 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads what libFuzzer wrote: how many inputs there are, how many of them are in the first folder, a line with the path
/// of each, and then for each by its number its length (`STARTED`) and the places that it reaches (`FT`).
fn read(merge: &str) -> Outcome<Vec<Input>> {
    let mut lines = merge.lines();
    let count =
        lines.next().and_then(|count| count.parse().ok()).ok_or("the merge does not say how many inputs it has")?;
    let paths = lines.by_ref().skip(1).take(count);
    let mut inputs: Vec<Input> = paths.map(|path| Input { path: path.into(), ..Input::default() }).collect();
    for line in lines {
        let mut words = line.split(' ');
        let (what, number) = (words.next().unwrap_or_default(), words.next().and_then(|number| number.parse().ok()));
        let input =
            number.and_then(|number: usize| inputs.get_mut(number)).ok_or(format!("the merge says `{line}`"))?;
        match what {
            "STARTED" => input.len = words.next().and_then(|len| len.parse().ok()).unwrap_or(u64::MAX),
            "FT" => input.places = words.filter_map(|place| place.parse().ok()).collect(),
            _ => (),
        }
    }
    Ok(inputs)
}

/// Takes again and again the input that reaches most of what neither a named one nor one before it reaches; of several
/// the shortest.
fn best(mut found: Vec<Input>, named: Vec<Input>) -> Vec<PathBuf> {
    let mut reached: HashSet<u32> = named.into_iter().flat_map(|input| input.places).collect();
    let mut chosen = Vec::new();
    found.retain(|input| input.len <= FOUND_LEN_MAX);
    // One order, wherever an input lies: of what reaches as much the same one is chosen each time.
    found.sort_by(|one, other| (one.len, one.path.file_name()).cmp(&(other.len, other.path.file_name())));
    while chosen.len() < FOUND_MAX {
        found.iter_mut().for_each(|input| input.places.retain(|place| !reached.contains(place)));
        let Some(next) = found.iter().rev().max_by_key(|input| input.places.len()) else { break };
        if next.places.is_empty() {
            break;
        }
        reached.extend(&next.places);
        chosen.push(next.path.clone());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::fuzz;
    use super::*;
    use crate::workspace::Workspace;

    fn digest(digit: char) -> String {
        std::iter::repeat_n(digit, 40).collect()
    }

    /// What libFuzzer writes of inputs, each with its length and what it reaches.
    fn merge(folder: &Path, inputs: &[(&str, u64, &str)]) -> String {
        let paths = inputs.iter().map(|(name, ..)| format!("{}\n", folder.join(name).display())).collect::<String>();
        let mut lines = String::new();
        for (number, (_, len, places)) in inputs.iter().enumerate() {
            lines += &format!("STARTED {number} {len}\nFT {number} {places}\nCOV {number} 1\n");
        }
        format!("{}\n0\n{paths}{lines}", inputs.len())
    }

    #[test]
    fn those_are_chosen_that_reach_most_of_what_is_left_and_of_several_the_shortest() {
        let [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(digest);
        let inputs = [
            ("by_hand", 9, "1 2"),
            (&a, 5, "1 2 3"),
            (&b, 7, "3 4"),
            (&c, 6, "2 3 4"),
            (&d, 8, "5"),
            (&e, FOUND_LEN_MAX + 1, "6 7 8"),
        ];
        let merge = merge(Path::new("corpus"), &inputs);
        let (found, named) = read(&merge).unwrap().into_iter().partition(|input| is_found(&input.path));
        assert_eq!(best(found, named), [c, d].map(|name| Path::new("corpus").join(name)));
        assert!(read("many").is_err() && read("1\n0\na\nFT 7 1").unwrap_err().contains("`FT 7 1`"));
    }

    #[test]
    fn chosen_inputs_replace_the_found_ones_of_a_folder_and_leave_those_with_names() {
        let root = std::env::temp_dir().join(format!("graphmill-corpus-{}", std::process::id()));
        let folder = root.join("committed");
        fs::create_dir_all(&folder).unwrap();
        let [needless, kept, new] = ['0', '1', 'f'].map(digest);
        let [in_needless, in_kept] = [&needless, &kept].map(|name| format!("committed/{name}"));
        let inputs = [("committed/zero", 1, "1"), (&in_needless, 1, "1"), (&in_kept, 1, "2"), (&new, 1, "3")];
        inputs.iter().for_each(|(name, ..)| fs::write(root.join(name), name).unwrap());
        fs::write(root.join("merge"), merge(&root, &inputs)).unwrap();
        assert_eq!(choose(&root.join("merge"), &folder), Ok(2));
        let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [&*kept, &*new, "zero"]);
        assert_eq!(fs::read_to_string(folder.join(&kept)).unwrap(), in_kept, "what was there may be chosen again");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn committed_found_inputs_are_few_and_small() {
        let root = Workspace::find().unwrap().root;
        for target in fuzz::targets(&root).unwrap() {
            let inputs = found_in(&root.join(fuzz::committed(&target))).unwrap();
            assert!(inputs.len() <= FOUND_MAX, "{target} has {} found inputs", inputs.len());
            let is_small = |input: &PathBuf| fs::metadata(input).is_ok_and(|metadata| metadata.len() <= FOUND_LEN_MAX);
            assert!(inputs.iter().all(is_small), "{target} has a large one");
        }
    }
}
