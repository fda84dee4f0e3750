#!/usr/bin/python3
"""Removes what clocks write from the artefacts of one group of unchanged.sh, in the current directory:

report.json             "seconds" and "rows_per_second"
checkpoint.safetensors  the sixth number of each epoch in the history: rows per second
*.feed.out, ask*.out    "time" and "seq" of entries; a gap in the sequence of a feed stays visible.
                        Entries of the event alive, one a minute, go.
watch.*.out             the time at the beginning of a line

Texts of "message" in a feed are for people: they move from NAME.feed.out to NAME.messages. Nothing else
is touched.
"""
import glob
import re
import struct


def rewrite(path, change):
    with open(path, "rb") as file:
        before = file.read()
    with open(path, "wb") as file:
        file.write(change(before))


def report(text):
    return re.sub(rb'("(?:seconds|rows_per_second)": )[-+.0-9e]+', rb'\1"clock"', text)


def checkpoint(data):
    """The header loses its padding and its length, which follow from the numbers removed."""
    length = struct.unpack("<Q", data[:8])[0]
    head = data[8:8 + length].rstrip(b" ")
    start = head.index(b"history")
    end = head.index(b"]]", start) + 2
    history = re.sub(rb",[-+.0-9e]+\]", b",clock]", head[start:end])
    return head[:start] + history + head[end:] + b"\n" + data[8 + length:]


def times(text):
    text = re.sub(rb'"time":"[^"]*"', b'"time":"clock"', text)
    return re.sub(rb'"seq":[0-9]+', b'"seq":0', text)


def watched(text):
    return re.sub(rb"(?m)^[0-9]+[-0-9TZ:.]+(?= |$)", b"clock", times(text))


def feed(path):
    entries, messages, wanted = [], [], 1
    with open(path, "rb") as file:
        for line in file:
            number = int(re.search(rb'"seq":([0-9]+)', line)[1])
            if number != wanted:
                entries.append(b"a gap\n")
            wanted = number + 1
            if b'"event":"alive"' in line:
                continue
            message = re.search(rb'"message":("(?:[^"\\]|\\.)*")', line)
            if message:
                messages.append(message[1] + b"\n")
                line = line.replace(message[0], b'"message":""', 1)
            entries.append(times(line))
    with open(path.replace(".feed.out", ".messages"), "wb") as file:
        file.writelines(messages)
    with open(path, "wb") as file:
        file.writelines(entries)


for found in glob.glob("**/*report.json", recursive=True):
    rewrite(found, report)
for found in glob.glob("**/checkpoint.safetensors", recursive=True):
    rewrite(found, checkpoint)
for found in glob.glob("*.feed.out"):
    feed(found)
for found in glob.glob("ask*.out"):
    rewrite(found, times)
for found in glob.glob("watch.*.out"):
    rewrite(found, watched)
