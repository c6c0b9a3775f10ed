"""ministack, whose EventBridge rules deliver into Kinesis streams too, which it leaves out, and whose sequence numbers have no zeros before them.
Uses what is internal to its pinned version."""
import json
import os
import sys
import threading

from ministack.app import main
from ministack.services import eventbridge, kinesis

others = eventbridge._invoke_target
padded = kinesis._next_sequence_number


def sequence_number():
    """A number as AWS writes it: with no zeros before it, so that who keeps it as a number asks for it by the same text."""
    return "1" + padded()


def field(event, path):
    """What a path such as `$.detail.account` names in an event; None where there is nothing."""
    for name in path.removeprefix("$").strip(".").split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event


def deliver(target, event, rule, view=None):
    if ":kinesis:" not in target.get("Arn", ""):
        return others(target, event, rule, view)
    view = view or eventbridge._pattern_event_view(event)
    whole = view.event_with_detail()
    if "InputTransformer" in target:
        body = eventbridge._apply_input_transformer(target["InputTransformer"], rule, view)
    else:
        body = target.get("Input") or json.dumps(whole)
    path = (target.get("KinesisParameters") or {}).get("PartitionKeyPath", "$.id")
    key = field(whole, path)
    kinesis.put_record_internal(target["Arn"], str(key or whole["id"]), body.encode())


def end_with_our_input():
    sys.stdin.buffer.read()
    os._exit(0)


eventbridge._invoke_target = deliver
kinesis._next_sequence_number = sequence_number
threading.Thread(target=end_with_our_input, daemon=True).start()
main()
