#[path = "../../../../tests/src/postgres.rs"]
mod postgres;
mod read_through;
mod shared;

use super::*;
use record::{Counts, FeedKey, Position, Survey};
use std::time::Duration;
use store::{CommitUnit, DeltaWrite, FeedStep};

#[tokio::test]
async fn a_stream_is_read_again_under_the_version_it_was_begun_with_and_no_later_one() {
    let (_folder, registry, _) = advanced().await;
    let id = PartitionId::new("s/shard-1");
    let day = FeedInfo {
        source: "s".into(),
        vendor: "v".into(),
        name: "2025-12-01".into(),
        version: None,
        partition: id.clone(),
        mapping_version: 1,
        hash: None,
        size: None,
        modified: None,
        arrival: Some(0),
        read_through: None,
        survey: Survey::default(),
        status: FeedStatus::Open,
    };
    registry.open_feed(&day).await.unwrap();
    let again = |version: u32| StoreRegistry {
        store: registry.store.clone(),
        generation: registry.generation.clone(),
        names: registry.names.clone(),
        source: registry.source.clone(),
        rewound: Some(Arc::default()),
        versions: Arc::new([(day.vendor.clone(), version)]),
    };
    assert_eq!(again(1).open_stream(&id).await.unwrap().1, Progress::Start);
    let later = again(2).open_stream(&id).await;
    assert!(
        matches!(&later, Err(SourceError::Fatal(text)) if text.contains("begun with an earlier version")),
        "{later:?}"
    );
}

/// A store with one partition that stands at its first record.
async fn advanced() -> (tempfile::TempDir, StoreRegistry, PartitionId) {
    let folder = tempfile::tempdir().unwrap();
    let names = Arc::new(Names::default());
    let store: Arc<dyn Store> =
        Arc::new(store::sqlite::open(&folder.path().join("dietz.db"), names.clone()).await.unwrap());
    let generation = Arc::new(store.open_generation("w", Duration::from_secs(60)).await.unwrap());
    let (id, source): (_, Arc<str>) = (PartitionId::new("s/f"), "s".into());
    let registry = StoreRegistry { store, generation, names, source, rewound: None, versions: Arc::new([]) };
    advance(&registry, &id, &grows(1)).await;
    (folder, registry, id)
}

/// A feed that may grow.
fn grows(key: i64) -> Feed {
    Feed::new(FeedKey(key), "v")
}

fn first() -> Progress {
    Progress::At(Position::in_file(100, 1, 0))
}

/// Commits the first step of a partition.
async fn advance(registry: &StoreRegistry, id: &PartitionId, feed: &Feed) {
    let (partition, from) = registry.open_partition(id, feed).await.unwrap();
    let delta = DeltaWrite {
        feeds: feed
            .ends
            .then_some(FeedStep { feed: feed.key, dates: None, through: false, delivery: None })
            .into_iter()
            .collect(),
        partition: partition.key,
        id: id.clone(),
        token: partition.token,
        from,
        to: first(),
        counts: Counts::default(),
        read_until: None,
    };
    let generation = Some(registry.generation.clone());
    registry
        .store
        .commit(&CommitUnit { generation, deltas: vec![delta], ..CommitUnit::default() })
        .await
        .unwrap();
}

#[tokio::test]
async fn from_start_sets_a_partition_back_once_in_a_run_however_often_it_is_opened() {
    let (_folder, mut registry, id) = advanced().await;
    assert_eq!(registry.open_partition(&id, &grows(1)).await.unwrap().1, first());
    registry.rewound = Some(Arc::default());
    assert_eq!(registry.known("s/").await.unwrap()[0].progress, Progress::Start, "before it is opened");
    assert_eq!(registry.open_partition(&id, &grows(1)).await.unwrap().1, Progress::Start);
    advance(&registry, &id, &grows(1)).await;
    assert_eq!(
        registry.open_partition(&id, &grows(1)).await.unwrap().1,
        first(),
        "a generation that begins anew goes on"
    );
    assert_eq!(registry.known("s/").await.unwrap()[0].progress, first());
}

#[tokio::test]
async fn what_was_read_in_part_with_another_mapping_is_read_from_its_start() {
    let (_folder, registry, _) = advanced().await;
    let id = PartitionId::new("s/g");
    let [earlier, later] = [1, 2].map(|key| Feed { ends: true, ..grows(key) });
    advance(&registry, &id, &earlier).await;
    assert_eq!(registry.open_partition(&id, &earlier).await.unwrap().1, first());
    assert_eq!(registry.open_partition(&id, &later).await.unwrap().1, Progress::Start);
    advance(&registry, &id, &later).await;
    assert_eq!(registry.open_partition(&id, &later).await.unwrap().1, first());
}

#[tokio::test]
async fn what_may_grow_and_was_begun_with_another_mapping_goes_on_and_is_not_read_again() {
    let (_folder, mut registry, id) = advanced().await;
    let feed = Feed { begun_with_earlier: true, ..grows(1) };
    assert_eq!(registry.open_partition(&id, &feed).await.unwrap().1, first());
    registry.rewound = Some(Arc::default());
    let refused = registry.open_partition(&id, &feed).await.unwrap_err();
    assert!(matches!(&refused, SourceError::Fatal(why) if why.contains("could count twice")), "{refused:?}");
    let new = PartitionId::new("s/new");
    assert_eq!(registry.open_partition(&new, &feed).await.unwrap().1, Progress::Start);
}

#[tokio::test]
async fn what_a_stream_says_of_its_partitions_is_found_again() {
    let (_folder, registry, id) = advanced().await;
    let shard = PartitionId::new("s/shard-1");
    registry.begin(&[(shard.clone(), "at 7".into()), (id.clone(), "at 7".into())]).await.unwrap();
    let (partition, progress) = registry.open_partition(&id, &grows(1)).await.unwrap();
    registry.note_read_until(&[(partition.clone(), progress, 90)]).await.unwrap();
    registry.note_read_until(&[(partition, Progress::Start, 95)]).await.unwrap();
    let known = registry.known("s/").await.unwrap();
    let told: Vec<_> = known.iter().map(|k| (k.id.as_str(), k.begin.as_deref(), k.read_until)).collect();
    assert_eq!(told, [("s/f", None, Some(90)), ("s/shard-1", Some("at 7"), None)]);

    let gap = Gap {
        partition: shard,
        from: first(),
        from_arrival: Some(90),
        to: None,
        to_arrival: Some(120),
        retention_hours: Some(24),
    };
    registry.note_gap(&gap).await.unwrap();
    let noted = registry.store.reader().gaps().await.unwrap();
    assert_eq!((noted.len(), &noted[0].partition, noted[0].from), (1, &gap.partition, first()));
    assert_eq!((noted[0].source.as_str(), noted[0].to_arrival), ("s", Some(120)));

    let again = StoreRegistry { rewound: Some(Arc::default()), ..registry };
    let known = again.known("s/f").await.unwrap();
    assert_eq!((known[0].progress, known[0].read_until), (Progress::Start, None), "it is to be read again");
}
