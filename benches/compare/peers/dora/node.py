"""A node of the comparison: `ends` sends packets and times their return, `pass` sends back what comes.

The times of the packets, in nanoseconds and in order, go into the file that COMPARE_ANSWER names.
"""

import json
import os
import struct
import sys
import time

import pyarrow
from dora import Node

GREETING = (1 << 64) - 1
PACE_NS = 1_000_000
MEETING_S = 20.0
LONG_S = 10.0


def packet(number, size):
    """A packet of at least eight bytes that begins with its number."""
    return struct.pack("<Q", number) + bytes(max(size - 8, 0))


def receive(node, number, timeout):
    """Waits for the packet with this number; whether it came."""
    until = time.monotonic() + timeout
    while (left := until - time.monotonic()) > 0:
        event = node.next(timeout=left)
        if event is None or event["type"] == "STOP":
            sys.exit("dora ended the graph")
        if event["type"] == "INPUT":
            start = event["value"].slice(0, 8).to_numpy().tobytes()
            if struct.unpack("<Q", start)[0] == number:
                return True
    return False


def meet(node, size):
    """Sends until something comes back: what is sent before the nodes have found each other is lost."""
    until = time.monotonic() + MEETING_S
    while time.monotonic() < until:
        node.send_output("out", pyarrow.array(packet(GREETING, size), type=pyarrow.uint8()))
        if receive(node, GREETING, 0.2):
            while receive(node, GREETING, 0.2):
                pass
            return
    sys.exit("the nodes did not find each other")


def round_trips(node, paced, size, packets):
    """Times packets one by one; they are made before the watch starts."""
    took = []
    begun = time.monotonic_ns()
    for number in range(packets):
        if paced:
            time.sleep(max(begun + number * PACE_NS - time.monotonic_ns(), 0) / 1e9)
        data = pyarrow.py_buffer(packet(number, size))
        data = pyarrow.Array.from_buffers(pyarrow.uint8(), len(data), [None, data])
        pushed = time.monotonic_ns()
        node.send_output("out", data)
        if not receive(node, number, LONG_S):
            sys.exit(f"packet {number} did not come back")
        took.append(time.monotonic_ns() - pushed)
    return {"elapsed_ns": time.monotonic_ns() - begun, "took_ns": took}


def ends(node):
    work, _, size, packets = os.environ["COMPARE_CASE"].split()
    size, packets, paced = int(size), int(packets), work == "paced"
    meet(node, size)
    round_trips(node, paced, size, max(packets // 10, 1))
    measured = round_trips(node, paced, size, packets)
    with open(os.environ["COMPARE_ANSWER"], "w", encoding="utf-8") as answer:
        json.dump(measured, answer)


def hand_on(node):
    for event in node:
        if event["type"] == "INPUT":
            node.send_output("out", event["value"])
        elif event["type"] in ("INPUT_CLOSED", "STOP"):
            return


if __name__ == "__main__":
    {"ends": ends, "pass": hand_on}[os.environ["COMPARE_ROLE"]](Node())
