//! Libraries whose headers and tables contradict each other, or lead out of the file.

use std::fs;

use super::lab::{GOOD, Lab};
use super::raw::{damaged, dynamic_value_at, entry_symbol_at, half, segments, word};
use crate::plugin::preflight::{PreflightError, preflight};

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let load = |number: usize| {
        let loads = segments(&content).into_iter().filter(|s| s.kind == 1);
        loads.map(|s| s.at).nth(number).expect("a segment")
    };
    let cases: &[(usize, &[u8], &str)] = &[
        (6, &[2], "its ELF version is not 1"),
        (54, &[55, 0], "its program headers have a wrong size"),
        (56, &[0, 0], "it has no program headers"),
        (56, &[1, 1], "it has more than 256 program headers"),
        (56, &[255, 255], "it has more than 256 program headers"),
        (load(0) + 40, &[1, 0, 0, 0, 0, 0, 0, 0], "a loadable segment is larger in the file than in memory"),
        (load(1) + 40, &[255; 8], "a loadable segment is beyond the address space"),
        (load(1) + 16, &[0; 8], "its loadable segments overlap or are not in order"),
    ];
    for (offset, bytes, what) in cases {
        let path = lab.patched(*offset, bytes);
        assert_eq!(preflight(&path).map(|_| ()), damaged(what, &path));
    }
}

/// A statically linked executable has no interpreter, but is marked in its dynamic table.
#[test]
fn executable_without_an_interpreter_is_refused() {
    let lab = Lab::new();
    let main = "int gm_plugin_entry_v1(void) { return 7; }\nint main(void) { return 0; }\n";
    let program = lab.cc("program", main, &["-pie", "-fPIE", "-rdynamic"]);
    let mut content = fs::read(program).expect("the program is read");
    let interpreter = segments(&content).into_iter().find(|s| s.kind == 3);
    let at = interpreter.expect("it names its interpreter").at;
    content[at..at + 4].fill(0);
    let path = lab.file("static.so", content);
    let error = PreflightError::NotShared { path: path.clone(), what: "an executable" };
    assert_eq!(preflight(&path).map(|_| ()), Err(error));
}

/// Linkers before 2016 did not mark position-independent executables in the dynamic table.
#[test]
fn executable_without_the_mark_of_one_is_refused() {
    let lab = Lab::new();
    let main = "int gm_plugin_entry_v1(void) { return 7; }\nint main(void) { return 0; }\n";
    let program = lab.cc("program", main, &["-pie", "-fPIE", "-rdynamic"]);
    let mut content = fs::read(program).expect("the program is read");
    let at = dynamic_value_at(&content, 0x6fff_fffb);
    content[at..at + 8].fill(0);
    let path = lab.file("unmarked.so", content);
    let error = PreflightError::NotShared { path: path.clone(), what: "an executable" };
    assert_eq!(preflight(&path).map(|_| ()), Err(error));
}

#[test]
fn header_without_loadable_segments_is_refused() {
    let lab = Lab::new();
    let mut content = fs::read(lab.good()).expect("the library is read");
    for segment in segments(&content) {
        if segment.kind == 1 {
            content[segment.at..segment.at + 4].fill(0);
        }
    }
    let path = lab.file("unmapped.so", content);
    let expected = damaged("it has no loadable segment", &path);
    assert_eq!(preflight(&path).map(|_| ()), expected);
}

#[test]
fn tables_outside_the_segments_are_refused() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let far = &0x7fff_ffff_0000_u64.to_ne_bytes();
    let names = "its table of names is outside its segments";
    let needed = "the name of a needed library is outside its table";
    let table = "a table that the loader needs is outside its segments";
    let cases: &[(u64, &[u8], &str)] = &[
        (5, far, names),
        (10, far, "its table of names is larger than 256 MiB"),
        (10, &[0, 0, 0, 8, 0, 0, 0, 0], names),
        (10, &[0; 8], "the name of a symbol is outside its table"),
        (6, far, "its symbol table is outside its segments"),
        (0x6fff_fef5, far, "its hash table of symbols is outside its segments"),
        (1, far, needed),
        (7, far, table),
        (27, far, table),
    ];
    for (tag, bytes, what) in cases {
        let path = lab.patched(dynamic_value_at(&content, *tag), bytes);
        assert_eq!(preflight(&path).map(|_| ()), damaged(what, &path), "tag {tag}");
    }
}

#[test]
fn table_in_memory_that_the_file_does_not_fill_is_refused() {
    let lab = Lab::new();
    let spare = format!("char spare[1 << 16];\n{GOOD}");
    let mut content = fs::read(lab.shared("spare.so", &spare)).expect("the library is read");
    let load = segments(&content)
        .into_iter()
        .find(|s| s.kind == 1 && s.memory_len > s.file_len + (1 << 15))
        .expect("a segment with memory beyond the file");
    let names = dynamic_value_at(&content, 5);
    content[names..names + 8].copy_from_slice(&(load.address + load.file_len).to_ne_bytes());
    let path = lab.file("zeroed.so", content);
    let expected = damaged("its table of names is outside its segments", &path);
    assert_eq!(preflight(&path).map(|_| ()), expected);
}

#[test]
fn dynamic_table_without_an_end_is_refused() {
    let lab = Lab::new();
    let mut content = fs::read(lab.good()).expect("the library is read");
    let table = segments(&content).into_iter().find(|s| s.kind == 2);
    let table = table.expect("a dynamic table");
    for entry in 0..table.file_len / 16 {
        let at = usize::try_from(table.offset + entry * 16).expect("a place in the file");
        if word(&content, at) == 0 {
            content[at..at + 8].copy_from_slice(&0x6666_6666_u64.to_ne_bytes());
        }
    }
    let path = lab.file("endless.so", content);
    let expected = damaged("its dynamic table has no end", &path);
    assert_eq!(preflight(&path).map(|_| ()), expected);
}

#[test]
fn system_v_hash_table_that_claims_too_much_is_refused() {
    let lab = Lab::new();
    let options = ["-shared", "-fPIC", "-Wl,--hash-style=sysv"];
    let content = fs::read(lab.cc("sysv.so", GOOD, &options)).expect("the library is read");
    let table = word(&content, dynamic_value_at(&content, 4));
    let count = usize::try_from(table).expect("a place in the file") + 4;
    let cases =
        [(0x20_0001, "it has more than two million symbols"), (0x20_0000, "its symbol table is outside its segments")];
    for (claim, what) in cases {
        let mut content = content.clone();
        content[count..count + 4].copy_from_slice(&u32::to_ne_bytes(claim));
        let path = lab.file("claim.so", content);
        assert_eq!(preflight(&path).map(|_| ()), damaged(what, &path));
    }
}

/// The table is read in pieces of 4,096 symbols; the entry is moved to where two of them meet.
#[test]
fn entry_is_found_where_two_pieces_of_the_table_meet() {
    let lab = Lab::new();
    let many: String = (0..10_000).map(|n| format!("int other_{n}(void) {{ return {n}; }}\n")).collect();
    let content = fs::read(lab.shared("many.so", &(many + GOOD))).expect("the library is read");
    let place = |tag| usize::try_from(word(&content, dynamic_value_at(&content, tag)));
    let symbols = place(6).expect("the table of symbols");
    let first = half(&content, place(0x6fff_fef5).expect("the hash table") + 4) as usize;
    let entry = entry_symbol_at(&content);
    for number in [4095, 4096, 4097, 8191, 8192] {
        let target = symbols + (first + number) * 24;
        let mut content = content.clone();
        let (at_entry, at_target) = (content[entry..entry + 24].to_vec(), target..target + 24);
        content.copy_within(at_target.clone(), entry);
        content[at_target].copy_from_slice(&at_entry);
        let found = preflight(&lab.file("moved.so", content)).expect("the entry is there");
        assert_eq!(found.entry.to_bytes(), b"gm_plugin_entry_v1", "{number}");
    }
}

#[test]
fn segment_that_is_not_loaded_is_checked_too() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let notes = segments(&content).into_iter().find(|s| s.kind == 4);
    let notes = notes.expect("a segment of notes");
    let path = lab.patched(notes.at + 8, &0x1000_0000_u64.to_ne_bytes());
    let error = PreflightError::Truncated {
        path: path.clone(),
        what: "a segment",
        end: 0x1000_0000 + notes.file_len,
        size: content.len() as u64,
    };
    assert_eq!(preflight(&path).map(|_| ()), Err(error));
}

#[test]
fn entry_counts_only_where_others_can_see_it() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let symbol = entry_symbol_at(&content);
    let info = content[symbol + 4] & 15;
    // The binding is the upper half of the first of these two bytes, the visibility the second.
    let cases = [
        ([info, 0], false, "local"),
        ([info | 0x10, 0], true, "global"),
        ([info | 0x20, 0], true, "weak"),
        ([info | 0x10, 1], false, "internal"),
        ([info | 0x10, 2], false, "hidden"),
        ([info | 0x10, 3], true, "protected"),
    ];
    for (bytes, counts, name) in cases {
        let path = lab.patched(symbol + 4, &bytes);
        match preflight(&path) {
            Ok(_) => assert!(counts, "{name}"),
            Err(error) => {
                assert!(!counts, "{name}: {error}");
                assert_eq!(error, PreflightError::NoEntry { path }, "{name}");
            }
        }
    }
}

#[test]
fn hash_tables_that_claim_too_much_are_refused() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let at = usize::try_from(word(&content, dynamic_value_at(&content, 0x6fff_fef5)))
        .expect("the first segment is mapped at zero");
    let bloom_len = usize::try_from(half(&content, at + 8)).expect("a length") * 8;
    let bucket = at + 16 + bloom_len;
    let outside = "its hash table of symbols is outside its segments";
    let too_many = "it has more than two million symbols";
    let contradicts = "its hash table of symbols contradicts itself";
    let cases: &[(usize, &[u8], &str)] = &[
        (at, &[255; 4], too_many),
        (at, &[0, 0, 16, 0], outside),
        (at + 8, &[255; 4], outside),
        (at + 4, &[255; 4], contradicts),
        (bucket, &[255; 4], too_many),
        (bucket, &[0, 0, 16, 0], outside),
    ];
    for (offset, bytes, what) in cases {
        let path = lab.patched(*offset, bytes);
        let expected = damaged(what, &path);
        assert_eq!(preflight(&path).map(|_| ()), expected, "byte {offset}");
    }
}

#[test]
fn library_without_a_way_to_its_symbols_is_refused() {
    let lab = Lab::new();
    let content = fs::read(lab.good()).expect("the library is read");
    let unknown = &0x6666_6666_u64.to_ne_bytes();
    let dynamic = segments(&content).into_iter().find(|segment| segment.kind == 2).expect("a dynamic table");
    let cases: [(usize, &[u8]); 4] = [
        (dynamic.at, &[0; 4]),
        (dynamic_value_at(&content, 6) - 8, unknown),
        (dynamic_value_at(&content, 5) - 8, unknown),
        (dynamic_value_at(&content, 0x6fff_fef5) - 8, unknown),
    ];
    for (offset, bytes) in cases {
        let path = lab.patched(offset, bytes);
        let error = preflight(&path).expect_err("there are no symbols");
        let expected = format!(
            "plugin file {path:?} has no dynamic symbol table; build the plugin as a cdylib, \
             and strip it with `strip --strip-unneeded` at most"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn entry_outside_the_code_is_refused() {
    let lab = Lab::new();
    let mut content = fs::read(lab.good()).expect("the library is read");
    for segment in segments(&content) {
        if segment.kind == 1 {
            let flags = segment.flags & !1;
            content[segment.at + 4..segment.at + 8].copy_from_slice(&flags.to_ne_bytes());
        }
    }
    let path = lab.file("inert.so", content);
    let expected = damaged("its entry is outside its code", &path);
    assert_eq!(preflight(&path).map(|_| ()), expected);
}
