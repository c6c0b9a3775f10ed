"""An independent client of Kinesis for the tests: botocore makes the calls, aws-kinesis-agg makes aggregates and takes them apart.

Each line of standard input is a command in JSON, a list of its name and arguments; each gives a line of JSON on standard output. It ends with its input.

    ["create", STREAM, SHARDS]
    ["put", STREAM, MESSAGES, BYTES]   BYTES: null, or in aggregates of so many bytes at most
    ["get", STREAM]                    all messages of the stream, each shard's in order, aggregates taken apart
    ["split", STREAM]                  the open shard of the widest range, in the middle
    ["merge", STREAM]                  the two open neighbours of the narrowest range

A message is {"key": partition key, "hash": explicit hash key or null, "data": text}; `get` adds "shard" and whether it was "aggregated".
Endpoint, region and credentials come from the environment. Whoever makes or changes a stream waits until it is active.
"""
import base64
import json
import sys
import time

import botocore.session
from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import iter_deaggregate_records

# Records that a call of PutRecords takes, at most.
BATCH = 500
PATIENCE_SECONDS = 60


def until_active(kinesis, stream):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        said = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if said["StreamStatus"] == "ACTIVE":
            return
        if time.monotonic() > deadline:
            sys.exit(f"{stream} is {said['StreamStatus']} after {PATIENCE_SECONDS} s: the stand-in is at fault")
        time.sleep(0.02)


def create(kinesis, stream, shards):
    kinesis.create_stream(StreamName=stream, ShardCount=shards)
    until_active(kinesis, stream)


def entry(key, explicit, data):
    chosen = {"ExplicitHashKey": explicit} if explicit else {}
    return {"PartitionKey": key, "Data": data, **chosen}


def aggregated(messages, limit):
    open_one = RecordAggregator(limit)
    full = [open_one.add_user_record(m["key"], m["data"], m["hash"]) for m in messages]
    return [entry(*made.get_contents()) for made in [*full, open_one.clear_and_get()] if made]


def put(kinesis, stream, messages, limit):
    if limit:
        entries = aggregated(messages, limit)
    else:
        entries = [entry(m["key"], m["hash"], m["data"].encode()) for m in messages]
    for at in range(0, len(entries), BATCH):
        answer = kinesis.put_records(StreamName=stream, Records=entries[at : at + BATCH])
        if answer["FailedRecordCount"]:
            sys.exit(f"{answer['FailedRecordCount']} records were refused: the stand-in is at fault")


def all_shards(kinesis, stream):
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream)
    return [shard for page in pages for shard in page["Shards"]]


def open_shards(kinesis, stream):
    """In order of their ranges, each with its first and last hash key."""
    still = [s for s in all_shards(kinesis, stream) if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    ranges = [s["HashKeyRange"] for s in still]
    found = [(int(r["StartingHashKey"]), int(r["EndingHashKey"]), s["ShardId"]) for r, s in zip(ranges, still)]
    return sorted(found)


def split(kinesis, stream):
    first, last, shard = max(open_shards(kinesis, stream), key=lambda s: s[1] - s[0])
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str((first + last + 1) // 2))
    until_active(kinesis, stream)


def merge(kinesis, stream):
    found = open_shards(kinesis, stream)
    (_, _, lower), (_, _, upper) = min(zip(found, found[1:]), key=lambda pair: pair[1][1] - pair[0][0])
    kinesis.merge_shards(StreamName=stream, ShardToMerge=lower, AdjacentShardToMerge=upper)
    until_active(kinesis, stream)


def records(kinesis, stream, shard):
    """All of a shard; of an open one until its tip."""
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    iterator = iterator["ShardIterator"]
    while iterator:
        page = kinesis.get_records(ShardIterator=iterator)
        yield from page["Records"]
        if not page["Records"] and not page["MillisBehindLatest"]:
            return
        iterator = page.get("NextShardIterator")


def get(kinesis, stream):
    found = []
    for shard in all_shards(kinesis, stream):
        kept = list(records(kinesis, stream, shard["ShardId"]))
        for record in iter_deaggregate_records(kept, data_format="Boto3"):
            made = record["kinesis"]
            whole = made.get("aggregated", False)
            # It gives what was in an aggregate as base64, and all else as it is.
            data = base64.b64decode(made["data"]) if whole else made["data"]
            message = {"key": made["partitionKey"], "hash": made.get("explicitHashKey"), "data": data.decode()}
            found.append({**message, "shard": shard["ShardId"], "aggregated": whole})
    return found


def main():
    commands = {"create": create, "put": put, "get": get, "split": split, "merge": merge}
    kinesis = botocore.session.get_session().create_client("kinesis")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](kinesis, *arguments)), flush=True)


main()
