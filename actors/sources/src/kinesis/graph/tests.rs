//! Histories of a stream made by chance, read by processes that crash.
use super::*;
use proptest::prelude::*;
use record::{Position, Sequence};
use std::collections::HashMap;

fn at(n: u64) -> Progress {
    Progress::At(Position { sequence: Sequence::from(n), sub: 0, item: 0 })
}

fn shard(id: &str, parents: &[&str]) -> ShardInfo {
    ShardInfo { id: id.into(), parents: parents.iter().map(|p| (*p).into()).collect(), range: None }
}

fn names(ids: &[ShardId]) -> Vec<&str> {
    ids.iter().map(|id| &**id).collect()
}

#[test]
fn a_child_starts_only_when_every_parent_is_at_its_end_in_the_committed_checkpoint() {
    let mut graph = Graph::default();
    let merged = [shard("c", &["a", "b"]), shard("a", &[]), shard("b", &[])];
    graph.listed(&merged, Begin::Oldest);
    assert_eq!(names(&graph.open()), ["a", "b"]);
    graph.begun("a");
    graph.begun("b");
    graph.committed("a", Progress::End);
    assert_eq!(names(&graph.open()), ["b"], "one parent is not enough");
    graph.committed("b", at(7));
    assert_eq!(names(&graph.open()), ["b"], "neither is being read");
    graph.committed("b", Progress::End);
    assert_eq!(names(&graph.open()), ["c"]);
}

#[test]
fn a_parent_that_is_no_longer_listed_is_done_and_what_was_left_of_it_is_lost() {
    let mut graph = Graph::default();
    graph.stored(&"a".into(), at(3), Begin::Oldest);
    graph.stored(&"b".into(), Progress::End, Begin::Oldest);
    // Of the children of `a` only a grandchild is left.
    graph.listed(&[shard("d", &["c"]), shard("e", &["b"])], Begin::At(5));
    assert_eq!(names(&graph.open()), ["d", "e"]);
    assert_eq!(names(&graph.lost()), ["a"], "`b` was read to its end");
    assert_eq!(graph.begin("d"), Begin::Oldest, "it is not the first listing");
}

#[test]
fn a_parent_that_is_still_being_read_holds_its_children_back_though_it_is_no_longer_listed() {
    let mut graph = Graph::default();
    graph.listed(&[shard("a", &[]), shard("b", &["a"])], Begin::Oldest);
    graph.begun("a");
    graph.listed(&[shard("b", &["a"])], Begin::Oldest);
    assert_eq!((names(&graph.open()), graph.lost().len()), (vec!["a"], 0));
    graph.committed("a", Progress::End);
    assert_eq!(names(&graph.open()), ["b"]);
}

#[test]
fn a_child_named_by_one_parent_waits_until_it_is_known_whether_the_other_is_there() {
    let mut graph = Graph::default();
    graph.listed(&[shard("a", &[])], Begin::Oldest);
    graph.committed("a", Progress::End);
    graph.children(&[shard("c", &["a", "b"])]);
    assert!(graph.wants_listing() && graph.open().is_empty(), "`b` may have come after the last listing");
    graph.listed(&[shard("a", &[]), shard("b", &[]), shard("c", &["a", "b"])], Begin::Oldest);
    assert_eq!((names(&graph.open()), graph.wants_listing()), (vec!["b"], false));
    graph.listed(&[shard("c", &["a", "b", "x"])], Begin::Oldest);
    graph.committed("b", Progress::End);
    assert_eq!(names(&graph.open()), ["c"], "`x` is long gone");
}

#[test]
fn only_the_shards_of_the_first_listing_begin_where_the_topology_says() {
    let mut graph = Graph::default();
    let start = Begin::At(9);
    assert_eq!(graph.listed(&[shard("a", &[])], start), [("a".into(), start)]);
    assert_eq!(graph.children(&[shard("b", &["a"])]), [("b".into(), Begin::Oldest)]);
    let later = [shard("a", &[]), shard("b", &["a"]), shard("z", &[])];
    assert_eq!(graph.listed(&later, Begin::At(10)), [("z".into(), Begin::Oldest)]);
}

#[test]
fn what_the_store_says_of_a_shard_counts_and_an_older_answer_takes_nothing_back() {
    let mut graph = Graph::default();
    graph.listed(&[shard("a", &[])], Begin::At(2));
    graph.stored(&"a".into(), at(5), Begin::At(1));
    assert_eq!(graph.begin("a"), Begin::At(1), "another process settled it first");
    graph.committed("a", Progress::End);
    graph.stored(&"a".into(), at(6), Begin::At(1));
    assert_eq!(graph.open(), Vec::<ShardId>::new());
}

/// The stream as it really is, and all that happened to it.
#[derive(Default)]
struct Stream {
    shards: Vec<Real>,
}

struct Real {
    parents: Vec<usize>,
    records: u64,
    open: bool,
    gone: bool,
}

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    Put(usize, u64),
    Split(usize),
    Merge(usize, usize),
    /// The process looks for shards: the pages come in an order of their own.
    List(u64),
    /// Reads some records of a shard it may read.
    Read(usize, u64),
    /// Commits some of what was read of a shard.
    Commit(usize, u64),
    /// The process dies; another starts from the store.
    Crash,
    /// Retention takes the shards away that are closed and read.
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0usize..12;
    prop_oneof![
        3 => (n.clone(), 1u64..9).prop_map(|(s, r)| Step::Put(s, r)),
        1 => n.clone().prop_map(Step::Split),
        1 => (n.clone(), n.clone()).prop_map(|(a, b)| Step::Merge(a, b)),
        2 => any::<u64>().prop_map(Step::List),
        5 => (n.clone(), 1u64..9).prop_map(|(s, r)| Step::Read(s, r)),
        4 => (n, 1u64..9).prop_map(|(s, r)| Step::Commit(s, r)),
        1 => Just(Step::Crash),
        1 => Just(Step::Expire),
    ]
}

impl Stream {
    fn name(i: usize) -> ShardId {
        format!("shardId-{i:012}").into()
    }

    fn index(id: &str) -> usize {
        id.rsplit('-').next().unwrap().parse().unwrap()
    }

    fn info(&self, i: usize) -> ShardInfo {
        let parents = self.shards[i].parents.iter().map(|p| Stream::name(*p)).collect();
        ShardInfo { id: Stream::name(i), parents, range: None }
    }

    fn listing(&self, order: u64) -> Vec<ShardInfo> {
        let mut all: Vec<usize> = (0..self.shards.len()).filter(|i| !self.shards[*i].gone).collect();
        all.sort_by_key(|i| (*i as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
        all.into_iter().map(|i| self.info(i)).collect()
    }

    fn add(&mut self, parents: Vec<usize>) {
        for p in &parents {
            self.shards[*p].open = false;
        }
        self.shards.push(Real { parents, records: 0, open: true, gone: false });
    }

    fn nth_open(&self, n: usize) -> Option<usize> {
        let open: Vec<usize> = (0..self.shards.len()).filter(|i| self.shards[*i].open).collect();
        (!open.is_empty()).then(|| open[n % open.len()])
    }

    fn change(&mut self, step: &Step) {
        match *step {
            Step::Put(n, records) => {
                if let Some(i) = self.nth_open(n) {
                    self.shards[i].records += records;
                }
            }
            Step::Split(n) => {
                if let Some(i) = self.nth_open(n).filter(|_| self.shards.len() < 40) {
                    self.add(vec![i]);
                    self.add(vec![i]);
                }
            }
            Step::Merge(a, b) => {
                if let (Some(a), Some(b)) = (self.nth_open(a), self.nth_open(b))
                    && a != b
                {
                    self.add(vec![a, b]);
                }
            }
            _ => {}
        }
    }
}

/// What the store has: per shard where it begins and how far it is. End is `u64::MAX`.
type Stored = HashMap<usize, u64>;

/// A process.
#[derive(Default)]
struct Reader {
    graph: Graph,
    /// How far each shard was read, and whether its end was seen.
    read: HashMap<usize, (u64, bool)>,
}

fn progress(n: u64) -> Progress {
    match n {
        u64::MAX => Progress::End,
        0 => Progress::Start,
        n => at(n),
    }
}

impl Reader {
    fn started(store: &Stored) -> Reader {
        let mut reader = Reader::default();
        for (i, n) in store {
            reader.graph.stored(&Stream::name(*i), progress(*n), Begin::Oldest);
        }
        reader
    }

    fn register(store: &mut Stored, new: &[(ShardId, Begin)]) {
        for (id, _) in new {
            store.entry(Stream::index(id)).or_insert(0);
        }
    }

    fn list(&mut self, stream: &Stream, store: &mut Stored, order: u64) {
        let new = self.graph.listed(&stream.listing(order), Begin::Oldest);
        Self::register(store, &new);
        assert_eq!(self.graph.lost(), Vec::<ShardId>::new(), "only shards read to their end expired");
    }

    fn read(&mut self, stream: &Stream, store: &mut Stored, n: usize, records: u64) {
        let open = self.graph.open();
        let Some(id) = open.get(n % open.len().max(1)) else { return };
        let i = Stream::index(id);
        for parent in &stream.shards[i].parents {
            let through = store.get(parent).is_none_or(|n| *n == u64::MAX);
            assert!(through || stream.shards[*parent].gone, "{id} is read before its parent {parent}");
        }
        self.graph.begun(id);
        let real = &stream.shards[i];
        let (read, ended) = self.read.entry(i).or_insert((store[&i], false));
        *read = (*read + records).min(real.records);
        if *read == real.records && !real.open && !*ended {
            *ended = true;
            let children = (0..stream.shards.len()).filter(|c| stream.shards[*c].parents.contains(&i));
            let children: Vec<ShardInfo> = children.map(|c| stream.info(c)).collect();
            let new = self.graph.children(&children);
            Self::register(store, &new);
        }
    }

    /// Counts what is committed by it.
    fn commit(&mut self, store: &mut Stored, counted: &mut HashMap<usize, u64>, n: usize, records: u64) {
        let mut all: Vec<usize> = self.read.keys().copied().collect();
        all.sort_unstable();
        let Some(i) = all.get(n % all.len().max(1)).copied() else { return };
        let (read, ended) = self.read[&i];
        let from = store[&i];
        if from == u64::MAX {
            return;
        }
        let to = (from + records).min(read);
        *counted.entry(i).or_default() += to - from;
        store.insert(i, to);
        self.graph.committed(&Stream::name(i), progress(to));
        if to == read && ended {
            store.insert(i, u64::MAX);
            self.graph.committed(&Stream::name(i), Progress::End);
            self.graph.let_go(&Stream::name(i));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_shard_is_read_exactly_once_and_never_a_child_before_its_parents(
        shards in 1usize..4,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut stream = Stream::default();
        (0..shards).for_each(|_| stream.add(Vec::new()));
        let (mut store, mut counted) = (Stored::new(), HashMap::new());
        let mut reader = Reader::started(&store);
        reader.list(&stream, &mut store, 1);
        for step in &steps {
            match *step {
                Step::List(order) => reader.list(&stream, &mut store, order),
                Step::Read(n, records) => reader.read(&stream, &mut store, n, records),
                Step::Commit(n, records) => reader.commit(&mut store, &mut counted, n, records),
                Step::Crash => {
                    reader = Reader::started(&store);
                    reader.list(&stream, &mut store, 3);
                }
                Step::Expire => {
                    for (i, shard) in stream.shards.iter_mut().enumerate() {
                        shard.gone |= store.get(&i) == Some(&u64::MAX);
                    }
                }
                _ => stream.change(step),
            }
        }
        // In the end all there is gets read.
        for round in 0..stream.shards.len() as u64 + 2 {
            reader.list(&stream, &mut store, round);
            for n in 0..reader.graph.open().len() {
                reader.read(&stream, &mut store, n, u64::MAX / 4);
            }
            for n in 0..reader.read.len() {
                reader.commit(&mut store, &mut counted, n, u64::MAX / 4);
            }
        }
        for (i, shard) in stream.shards.iter().enumerate() {
            prop_assert_eq!(counted.get(&i).copied().unwrap_or(0), shard.records, "shard {}", i);
            prop_assert_eq!(store[&i] == u64::MAX, !shard.open, "shard {}", i);
        }
    }
}
