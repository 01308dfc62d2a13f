//! Counts of the words and constructions that `docs/style.md` bans. They may only fall.
//!
//! `tests/it/style.txt` has a line for each room (a folder of `src/`, a crate, or a folder of the repository) with a count.
//! When counts have fallen, or text has moved between rooms, `UPDATE_STYLE=1 cargo test --test it style` records them.
//! `STYLE_SAMPLE=1 cargo test --test it style -- --nocapture` prints twenty random sentences of each kind; the number is the seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

const RECORD: &str = "tests/it/style.txt";

/// The folders that are searched, beside the files at the root. Everything else is generated or installed.
const FOLDERS: [&str; 11] =
    ["src", "crates", "python", "tests", "benches", "fuzz", "docs", "examples", "findings", "deploy", ".ci"];
const SKIPPED: [&str; 7] = ["target", "corpus", "node_modules", "__pycache__", ".venv", "snapshots", "fixtures"];
/// The files that quote what is banned.
const EXEMPT: [&str; 3] = ["docs/style.md", "tests/it/style.rs", RECORD];

/// A name and the pattern, applied to one sentence at a time.
const HABITS: [(&str, &str); 7] = [
    ("nobody", r"(?i)\bnobody\b|\bno one\b"),
    ("whoever", r"(?i)\bwho(m|so)?ever\b"),
    ("somebody", r"(?i)\b(some|any|every)(body|one)\b"),
    ("clause", r"(^|: )(What|Who|Those|Which|Whose)\b[^?]*\.$"),
    ("told", r"(?i)\b(is|are|was|were|be|been|being) (told|said|asked|looked for)\b"),
    ("own", r"(?i)\bof (ours|its own|their own)\b"),
    (
        "British",
        r"(?i)\b((un)?(behavio|colo|favo|hono|neighbo|flavo)ur\w*|cancell(ed|ing)|licences?|centred?|analys(e[ds]?|ing)|grey|fulfils?|whilst|artefacts?|(re|un|de)?(neutral|normal|serial|recogn|organ|initial|author|optim|minim|maxim|summar|custom|priorit|synchron|token|sanit|random|categor|final|general|special|util|real|capital|modern)is(e[drs]?|ing|ations?))\b",
    ),
];

const KINDS: [&str; 3] = ["comments", "documents", "messages"];

static LITERAL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#""((?:[^"\\\n]|\\[\s\S])*)""#).unwrap());
static CONTINUATION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n\s*").unwrap());
static MARKER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^([-*]|\d+\.|#+) +").unwrap());
static END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"[.!?]["')*]*\s+"#).unwrap());
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`]*`").unwrap());
static TARGET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\([^)]*\)").unwrap());

/// A sentence with its place: room, index into `KINDS`, file.
struct Sentence {
    room: String,
    kind: usize,
    file: String,
    text: String,
}

#[test]
fn banned_words_only_become_fewer() {
    let habits = HABITS.map(|(name, pattern)| (name, Regex::new(pattern).unwrap()));
    let sentences = sentences();
    let mut counts: BTreeMap<&str, [usize; HABITS.len()]> = BTreeMap::new();
    let mut by_kind = [[0; KINDS.len()]; HABITS.len()];
    let mut words = [0; KINDS.len()];
    let mut hits = String::new();
    for sentence in &sentences {
        let prose = without_code(&sentence.text);
        words[sentence.kind] += prose.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
        for (index, (name, pattern)) in habits.iter().enumerate() {
            let found = pattern.find_iter(&prose).count();
            counts.entry(&sentence.room).or_default()[index] += found;
            by_kind[index][sentence.kind] += found;
            if found > 0 {
                writeln!(hits, "{:<10} {}: {}", name, sentence.file, sentence.text).unwrap();
            }
        }
    }
    counts.retain(|_, counts| counts.iter().any(|count| *count > 0));
    print_rates(&by_kind, words);
    print_sample(&sentences);

    let record = root().join(RECORD);
    let counted = written(&counts);
    if std::env::var_os("UPDATE_STYLE").is_some() {
        fs::write(&record, &counted).unwrap();
    }
    let recorded = fs::read_to_string(&record).unwrap();
    if counted != recorded {
        println!("{hits}");
    }
    assert!(
        counted == recorded,
        "docs/style.md bans the words in the sentences above, and their counts differ from {RECORD}. If a count has risen, \
         rewrite the sentences. If it has fallen, or text has moved between rooms, run `UPDATE_STYLE=1 cargo test --test it \
         style`.\ncounted:\n{counted}recorded:\n{recorded}"
    );
}

#[test]
fn test_names_have_at_most_sixty_characters() {
    let test = Regex::new(r"(#\[(tokio::)?test[^\]]*\]\s*(async )?fn |def test_)(?<name>\w+)").unwrap();
    let (mut count, mut long) = (0, Vec::new());
    for (file, source) in files() {
        for found in test.captures_iter(&source) {
            count += 1;
            long.extend(Some(&found["name"]).filter(|name| name.len() > 60).map(|name| format!("{file}: {name}")));
        }
    }
    assert!(count > 500, "only {count} tests were found");
    assert!(long.is_empty(), "use `subject_condition_result` with fewer words: {long:#?}");
}

/// Prints each habit per 10,000 words, by kind of text.
fn print_rates(by_kind: &[[usize; KINDS.len()]; HABITS.len()], words: [usize; KINDS.len()]) {
    println!("{:<10}{:>18}{:>18}{:>18}  (per 10,000 words)", "", KINDS[0], KINDS[1], KINDS[2]);
    println!("{:<10}{:>18}{:>18}{:>18}", "words", words[0], words[1], words[2]);
    for ((habit, _), counts) in HABITS.iter().zip(by_kind) {
        let mut line = format!("{habit:<10}");
        for (count, words) in counts.iter().zip(words) {
            let tenths = (count * 100_000 + words / 2) / words;
            write!(line, "{:>18}", format!("{count} ({}.{})", tenths / 10, tenths % 10)).unwrap();
        }
        println!("{line}");
    }
}

fn print_sample(sentences: &[Sentence]) {
    let Some(seed) = std::env::var_os("STYLE_SAMPLE") else { return };
    for (kind, name) in KINDS.iter().enumerate() {
        let order = |sentence: &&Sentence| {
            let mut hasher = DefaultHasher::new();
            (&seed, &sentence.file, &sentence.text).hash(&mut hasher);
            hasher.finish()
        };
        let is_sentence = |sentence: &&Sentence| {
            sentence.kind == kind
                && sentence.text.split_whitespace().count() >= 5
                && (name == &"messages" || sentence.text.ends_with('.'))
        };
        let mut drawn: Vec<_> = sentences.iter().filter(is_sentence).collect();
        drawn.sort_by_key(order);
        drawn.dedup_by_key(|sentence| (&sentence.file, &sentence.text));
        println!("\n{name}");
        for sentence in drawn.iter().take(20) {
            println!("- {} ({})", sentence.text, sentence.file);
        }
    }
}

fn written(counts: &BTreeMap<&str, [usize; HABITS.len()]>) -> String {
    let mut text = format!("{:<16}", "# room");
    for (habit, _) in HABITS {
        write!(text, "{habit:>9}").unwrap();
    }
    for (room, counts) in counts {
        write!(text, "\n{room:<16}").unwrap();
        for count in counts {
            write!(text, "{count:>9}").unwrap();
        }
    }
    text + "\n"
}

/// Returns the root of the repository, which is read at run time so that the same binary can count another checkout.
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets it"))
}

/// Returns the text files of the repository, with their paths below its root.
fn files() -> Vec<(String, String)> {
    let root = root();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    for folder in FOLDERS {
        files_below(&root.join(folder), &mut paths);
    }
    paths.sort();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    paths.iter().filter_map(|path| Some((name(path), fs::read_to_string(path).ok()?))).collect()
}

/// Returns every sentence of the repository.
fn sentences() -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for (file, source) in files().into_iter().filter(|(file, _)| !EXEMPT.contains(&file.as_str())) {
        for (kind, prose) in texts(&file, &source) {
            for text in blocks(&prose).iter().flat_map(|block| sentences_of(block)) {
                sentences.push(Sentence { room: room(&file), kind, file: file.clone(), text });
            }
        }
    }
    sentences
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() {
            files.push(path);
        } else if !SKIPPED.contains(&name.as_str()) {
            files_below(&path, files);
        }
    }
}

/// Returns the room of a file. A room keeps its name when it becomes a crate.
fn room(file: &str) -> String {
    let mut parts = file.split('/');
    let room = match (parts.next().unwrap(), parts.next()) {
        ("src" | "crates", Some(room)) => room.trim_end_matches(".rs"),
        ("tests", Some("python")) => "tests/python",
        (_, None) => "docs",
        (folder, _) => folder,
    };
    room.to_owned()
}

/// Returns the prose of a file by kind, as Markdown.
fn texts(file: &str, source: &str) -> Vec<(usize, String)> {
    let extension = file.rsplit('/').next().unwrap().rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "md" => vec![(1, source.to_owned())],
        "rs" => {
            let product = source.split("\n#[cfg(test)]").next().unwrap();
            let is_product = file.starts_with("src/") || file.starts_with("crates/");
            let messages = if is_product && !file.contains("/seed") { literals(product) } else { String::new() };
            vec![(0, comments(source, "//")), (2, messages)]
        }
        "mjs" | "js" => vec![(0, comments(source, "//"))],
        "py" | "pyi" => vec![(0, comments(source, "#")), (0, docstrings(source))],
        "sh" | "toml" | "yaml" | "" => vec![(0, comments(source, "#"))],
        _ => Vec::new(),
    }
}

/// Returns the lines that are comments, with an empty line wherever code interrupts them.
fn comments(source: &str, mark: &str) -> String {
    let signs: &[char] = &['/', '!', '#'];
    let line = |line: &str| match line.trim_start().strip_prefix(mark) {
        Some(comment) if !comment.starts_with("!/") => comment.trim_start_matches(signs).to_owned() + "\n",
        _ => "\n".to_owned(),
    };
    source.lines().map(line).collect()
}

/// Returns the docstrings of a Python file: whatever is between `"""`.
fn docstrings(source: &str) -> String {
    source.split("\"\"\"").skip(1).step_by(2).map(|text| text.replace("\n    ", "\n") + "\n\n").collect()
}

/// Returns the string literals of a Rust file that have at least four words, each as a paragraph.
fn literals(source: &str) -> String {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let mut prose = String::new();
    for found in LITERAL.captures_iter(&code.replace("'\"'", "''")) {
        let text = CONTINUATION.replace_all(&found[1], "").replace("\\n", "\n");
        if text.split_whitespace().count() >= 4 {
            writeln!(prose, "{}\n", text.trim_start()).unwrap();
        }
    }
    prose
}

/// Returns the paragraphs, list items, headings and table cells of a Markdown text, without its code blocks.
fn blocks(markdown: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    let mut fenced = false;
    for line in markdown.lines() {
        let text = line.trim();
        if text.starts_with("```") || text.starts_with("~~~") {
            fenced = !fenced;
        } else if fenced || text.is_empty() || text.starts_with("<!--") {
            blocks.push(String::new());
        } else if text.starts_with('|') {
            blocks.extend(text.split('|').map(|cell| cell.trim().to_owned()));
            blocks.push(String::new());
        } else {
            let is_item = MARKER.is_match(text);
            let last = blocks.last_mut().unwrap();
            if is_item {
                blocks.push(MARKER.replace(text, "").into_owned());
            } else if !(last.is_empty() && line.starts_with("     ")) {
                last.push(' ');
                last.push_str(text);
            }
        }
    }
    blocks.retain(|block| block.contains(' '));
    blocks
}

fn sentences_of(block: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut from = 0;
    for found in END.find_iter(block) {
        sentences.push(block[from..found.end()].trim().to_owned());
        from = found.end();
    }
    sentences.push(block[from..].trim().to_owned());
    sentences.retain(|sentence| sentence.contains(' '));
    sentences
}

/// Returns the sentence with inline code and the targets of links replaced.
fn without_code(sentence: &str) -> String {
    TARGET.replace_all(&CODE.replace_all(sentence, "code"), "]").into_owned()
}
