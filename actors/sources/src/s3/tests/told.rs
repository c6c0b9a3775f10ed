//! Objects that events tell of.
use super::*;

fn listening() -> S3Config {
    S3Config { events_from: Some("events".into()), ..config("in/", None) }
}

fn created(key: &str, bytes: &[u8]) -> Created {
    Created { bucket: "feeds".into(), key: key.into(), etag: fake::etag(bytes), version: None }
}

fn told(config: &S3Config) -> Arc<Told> {
    Arc::new(Told::new("s", config).unwrap())
}

/// As the pipeline does it: noted first, then told.
async fn tell(bench: &Bench, told: &Told, created: &[Created]) {
    bench.memory.begin(&told.to_note(created)).await.unwrap();
    told.tell(created);
}

#[tokio::test]
async fn what_an_event_tells_of_is_read_without_listing_and_the_same_event_twice_changes_nothing() {
    let bench = Bench::new();
    bench.bucket.put("in/a.csv", "h\n1\n");
    let told = told(&listening());
    let mut source = bench.listening(listening(), Some(told.clone()));
    assert!(
        matches!(source.next_batch(&LIMIT).await.unwrap(), Next::Idle),
        "it has no end while events may come"
    );
    let event = [created("in/a.csv", b"h\n1\n")];
    tell(&bench, &told, &event).await;
    tell(&bench, &told, &event).await;
    let batch = next(&mut source, &LIMIT).await.unwrap();
    bench.memory.commit(&batch);
    assert_eq!(records(&[batch]), ["1"]);
    tell(&bench, &told, &event).await;
    told.end();
    assert!(next(&mut source, &LIMIT).await.is_none(), "nor after its end");
    assert_eq!(bench.bucket.asked(), ["HEAD in/a.csv", "GET in/a.csv", "GET in/a.csv"]);
}

#[tokio::test]
async fn what_was_noted_and_not_read_is_read_after_a_restart() {
    let bench = Bench::new();
    bench.bucket.put("in/a.csv", "h\n1\n");
    bench.bucket.put("in/b.csv", "h\n2\n");
    let first = told(&listening());
    let events = [created("in/a.csv", b"h\n1\n"), created("in/b.csv", b"h\n2\n")];
    // Noted, and the process dies before anybody was told.
    bench.memory.begin(&first.to_note(&events)).await.unwrap();
    let told = told(&listening());
    told.end();
    let mut source = bench.listening(listening(), Some(told.clone()));
    assert_eq!(records(&bench.drain(&mut source).await), ["1", "2"]);
    let mut again = bench.listening(listening(), Some(told));
    assert!(bench.drain(&mut again).await.is_empty());
}

#[tokio::test]
async fn an_object_that_is_gone_or_another_by_now_is_one_clear_row_and_no_stop() {
    let bench = Bench::new();
    bench.bucket.put("in/a.csv", "h\nnew\n");
    bench.bucket.put("in/b.csv", "h\n2\n");
    let told = told(&listening());
    let gone = Created { version: Some("v0".into()), ..created("in/gone.csv", b"h\n0\n") };
    let events = [created("in/a.csv", b"h\nold\n"), gone, created("in/b.csv", b"h\n2\n")];
    tell(&bench, &told, &events).await;
    told.end();
    let mut source = bench.listening(listening(), Some(told.clone()));
    let batches = bench.drain(&mut source).await;
    assert_eq!(records(&batches), ["2"]);
    let refused: Vec<_> = batches.iter().flat_map(|b| &b.refused).map(|r| r.code).collect();
    assert_eq!(refused, ["gone", "gone"]);
    assert_eq!(bench.memory.feed("gone.csv").version.as_deref(), Some("v0"), "the version that is missing");
    let mut again = bench.listening(listening(), Some(told));
    assert!(bench.drain(&mut again).await.is_empty(), "told once");
}

#[tokio::test]
async fn a_version_that_an_event_names_is_read_though_another_lies_over_it() {
    let bench = Bench::new();
    bench.bucket.put("in/a.csv", "h\nnew\n");
    bench.bucket.state.lock().unwrap().versions.insert("v1".into(), b"h\nold\n".to_vec());
    let first = told(&listening());
    let event = Created { version: Some("v1".into()), ..created("in/a.csv", b"h\nold\n") };
    bench.memory.begin(&first.to_note(&[event])).await.unwrap();
    let told = told(&listening());
    told.end();
    let mut source = bench.listening(listening(), Some(told));
    assert_eq!(records(&bench.drain(&mut source).await), ["old"]);
    assert_eq!(bench.memory.feed("a.csv").version.as_deref(), Some("v1"));
}

#[tokio::test]
async fn what_may_not_be_read_yet_is_tried_again() {
    let bench = Bench::new();
    bench.bucket.put("in/a.csv", "h\n1\n");
    bench.bucket.state.lock().unwrap().denied.insert("in/a.csv".into(), (403, "AccessDenied"));
    let told = told(&listening());
    let mut source = bench.listening(listening(), Some(told.clone()));
    tell(&bench, &told, &[created("in/a.csv", b"h\n1\n")]).await;
    let refused = next(&mut source, &LIMIT).await.unwrap();
    bench.memory.commit(&refused);
    assert_eq!(refused.refused[0].code, "unreadable");
    bench.bucket.state.lock().unwrap().denied.clear();
    assert_eq!(records(&[next(&mut source, &LIMIT).await.unwrap()]), ["1"]);
}
