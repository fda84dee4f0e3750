#!/usr/bin/python3
"""Hostile messages among good rows: pulled, asked and sent. Every good row is scored, every bad row is counted
and entered once with its reason, every request is answered once, and the worker's memory stays flat. Then
input that is not a message: bytes that are neither ZeroMQ nor HTTP, and connections left half open."""
import collections, contextlib, json, os, random, socket, struct, time, urllib.parse

import service
import msgpack, zmq
from service import check

MADE = service.rows(600, seed=13, odd=0.03)
LINES = [service.line(row).encode() for row in MADE]
OBJECTS = service.objects(MADE)
ROW = json.dumps(OBJECTS[0]).encode()
PACKED = msgpack.packb(OBJECTS[0])
WINDOW = 64  # messages in flight on a socket
FLAT = 64 << 20
EXCERPT = 200


def altered(**cells):
    """Returns the first row as JSON with these cells replaced. The new values are raw JSON."""
    o = {name: json.dumps(value) for name, value in OBJECTS[0].items()} | cells
    return ("{" + ",".join(f"{json.dumps(n)}:{v}" for n, v in o.items()) + "}").encode()


def nested(opening, inner, closing, levels):
    return opening * levels + inner + closing * levels


def without(name):
    return json.dumps({n: v for n, v in OBJECTS[0].items() if n != name}).encode()


# name: (payload, its rejects as {reason: count}, number of its rows that are scored)
KINDS = {
    "no bytes": (b"", {"empty": 1}, 0),
    "blanks": (b" \t\r\n \n", {"empty": 1}, 0),
    "an empty array": (b"[ ]", {"empty": 1}, 0),
    "an empty MessagePack array": (b"\x90", {"empty": 1}, 0),
    "CSV that is not UTF-8": (LINES[0].replace(b",", b",\xff\xfe", 1), {"utf8": 1}, 0),
    "overlong UTF-8": (LINES[0].replace(b",", b",\xc0\xaf", 1), {"utf8": 1}, 0),
    "JSON that is not UTF-8": (altered(country='"X"').replace(b'"X"', b'"\xe9"'), {"utf8": 1}, 0),
    "bytes": (b"\xff\x00\xfe,\"\x80" * 40, {"utf8": 1}, 0),
    "JSON cut short": (ROW[:-5], {"json": 1}, 0),
    "JSON cut within an escape": (b'{"order":"\\u00', {"json": 1}, 0),
    "an open array": (b"[" + ROW + b",", {"json": 1}, 0),
    "a trailing comma": (b"[" + ROW + b",]", {"json": 1}, 0),
    "single quotes": (ROW.replace(b'"', b"'"), {"json": 1}, 0),
    "two objects": (ROW + ROW, {"json": 1}, 0),
    "NaN": (altered(price="NaN"), {"json": 1}, 0),
    "a number with zeros in front": (altered(price="007"), {"json": 1}, 0),
    "a control character in a string": (altered(country='"\n"'), {"json": 1}, 0),
    "an unknown escape": (altered(country=r'"\q"'), {"json": 1}, 0),
    "a word": (b"{tea}", {"json": 1}, 0),
    "an array of no objects": (b'[1,"two",null,[],true]', {"type": 5}, 0),
    "an array good and bad": (b"[" + ROW + b",{}," + ROW + b"]", {"columns": 1}, 2),
    "no columns": (b"{}", {"columns": 1}, 0),
    "a column less": (without("price"), {"columns": 1}, 0),
    "a column twice": (ROW[:-1] + b',"price":2}', {"columns": 1}, 0),
    "other columns": (b'{"colour":"red","size":3}', {"columns": 1}, 0),
    "a value that is an object": (altered(country='{"a":1}'), {"depth": 1}, 0),
    "arrays 10,000 deep": (nested(b"[", b"", b"]", 10000), {"depth": 1}, 0),
    "objects 10,000 deep": (nested(b'{"a":', b"1", b"}", 10000), {"depth": 1}, 0),
    "deep, and never closed": (b'[{"a":' + b"[" * 5000, {"depth": 1}, 0),
    "a lone surrogate": (altered(country=r'"\ud83d"'), {"utf8": 1}, 0),
    "surrogates the wrong way round": (altered(country=r'"\ude00\ud83d"'), {"utf8": 1}, 0),
    "_id an object": (altered(_id="{}"), {"type": 1}, 0),
    "_id a fraction": (altered(_id="1.5"), {"type": 1}, 0),
    "_id too long": (altered(_id='"' + "x" * 300 + '"'), {"type": 1}, 0),
    "_id of 1,000 digits": (altered(_id="9" * 1000), {"type": 1}, 0),
    "_id twice": (altered(_id="1")[:-1] + b',"_id":2}', {"columns": 1}, 0),
    "JSON behind a byte order mark": (b"\xef\xbb\xbf{}", {"columns": 1}, 0),
    "too few fields": (b"a,b,c\n", {"columns": 1}, 0),
    "too many fields": (LINES[0].rstrip() + b",more\n", {"columns": 1}, 0),
    "100,000 fields": (b"," * 100000, {"columns": 1}, 0),
    "text of three bytes a character": ("€".encode() * 5000, {"columns": 1}, 0),
    "many bad lines, one good": (b"x\n" * 50 + LINES[0] + b"y,z\n" * 50, {"columns": 100}, 1),
    "a quote that never ends": (b'a,"b,c\n', {"csv": 1}, 0),
    "text behind a quote": (b'"a"b,' + LINES[0], {"csv": 1}, 0),
    "a NUL byte": (LINES[0].replace(b",", b",\0", 1), {"csv": 1}, 0),
    "MessagePack: a map of 2^32-1": (b"\xdf\xff\xff\xff\xff\xa1a", {"msgpack": 1}, 0),
    "MessagePack: an array of 2^32-1": (b"\xdd\xff\xff\xff\xff" + PACKED, {"msgpack": 1}, 0),
    "MessagePack: a text of 2^32-1": (b"\x81\xdb\xff\xff\xff\xffabc", {"msgpack": 1}, 0),
    "MessagePack: bytes of 2^32-1": (b"\x81\xa1a\xc6\xff\xff\xff\xff", {"msgpack": 1}, 0),
    "MessagePack cut short": (PACKED[:-3], {"msgpack": 1}, 0),
    "MessagePack and more": (PACKED + b"\xc0", {"msgpack": 1}, 0),
    "MessagePack: a byte that is no value": (b"\x81\xa1a\xc1", {"msgpack": 1}, 0),
    "MessagePack 10,000 deep": (nested(b"\x91", b"\x01", b"", 10000), {"depth": 1}, 0),
    "MessagePack maps 5,000 deep": (nested(b"\x81\xa1a", b"\x01", b"", 5000), {"depth": 1}, 0),
    "MessagePack: a name that is no text": (b"\x81\x01\x02", {"type": 1}, 0),
    "MessagePack: bytes for a text": (msgpack.packb({**OBJECTS[0], "country": b"\xff\0"}), {"type": 1}, 0),
    "MessagePack that is not UTF-8": (PACKED.replace(b"order\xa2o1", b"order\xa2\xff\xfe"), {"utf8": 1}, 0),
    "MessagePack: an array of no maps": (b"\x93\x01\xa1x\xc0", {"type": 3}, 0),
    # unusual but valid: scored
    "a number of 1e999": (altered(price="1e999"), {}, 1),
    "a number of 4,000 digits": (altered(price="9" * 4000), {}, 1),
    "a text for a number": (altered(price='"much"'), {}, 1),
    "an escaped NUL": (altered(country=r'"\u0000"'), {}, 1),
    "a byte order mark before CSV": (b"\xef\xbb\xbf" + LINES[0], {}, 1),
    "a text of 100,000 bytes": (altered(product='"' + "x" * 100000 + '"'), {}, 1),
    "MessagePack: an infinite number": (msgpack.packb({**OBJECTS[0], "price": float("inf")}), {}, 1),
}
RARE = {"a text of 100,000 bytes", "100,000 fields", "arrays 10,000 deep", "objects 10,000 deep"}  # long ones

NUMBER = struct.pack(">Q", 1)
# frames on the rows socket that are refused for their form, and answered like asked rows
FRAMES = {
    "two frames": [b"one", b"two"],
    "two empty frames": [b"x", b"", b""],
    "four frames": [b"name", NUMBER, LINES[0], b"more"],
    "five frames behind an empty one": [b"", b"a", NUMBER, b"b", b"c"],
    "300 frames": [b"f"] * 300,
    "no client name": [b"", NUMBER, LINES[0]],
    "a client name of 300 bytes": [b"n" * 300, NUMBER, LINES[0]],
    "a number of 7 bytes": [b"name", NUMBER[1:], LINES[0]],
    "a number of 9 bytes": [b"name", NUMBER + b"\0", LINES[0]],
    "a number of no bytes": [b"name", b"", LINES[0]],
    "a number of 1 MB": [b"name", b"\1" * 2**20, LINES[0]],
}


def resident(w):
    """Returns the resident memory of the worker in bytes."""
    with open(f"/proc/{w.process.pid}/status") as f:
        return int(next(s for s in f if s.startswith("VmRSS")).split()[1]) * 1024


def descriptors(w):
    return len(os.listdir(f"/proc/{w.process.pid}/fd"))


def instrumented():
    """Says whether a sanitizer keeps freed memory, so that the amount of memory means nothing."""
    with open(service.BINARY, "rb") as f:
        binary = f.read()
    return b"__asan_init" in binary or b"__tsan_init" in binary


class Load:
    """What was sent in the three ways, and the result that must follow."""

    def __init__(self, w):
        self.w, self.random = w, random.Random(service.SEED)
        self.rejects = collections.Counter()  # by socket and reason
        self.scored = collections.Counter()  # by socket
        self.good = collections.Counter()  # whole good lines, as sent
        self.asked = collections.deque()  # for each answer still to come: scored rows, errors
        self.pending = collections.deque()  # for each acknowledgement still to come: its number
        self.next = 1  # number of the next row to be sent
        self.answers = 0
        self.push = service.connect(zmq.PUSH, w.pull)
        self.ask = service.connect(zmq.DEALER, w.rows)
        self.send = service.connect(zmq.DEALER, w.rows)

    def close(self):
        for s in (self.push, self.ask, self.send):
            s.close()

    def expect(self, sock, rejects, scored):
        for reason, count in rejects.items():
            self.rejects[sock, reason] += count
        self.scored[sock] += scored

    def put(self, way, payload, rejects, scored):
        """Sends a payload in one of the three ways."""
        self.expect("pull" if way == "pull" else "rows", rejects, scored)
        if way == "pull":
            self.push.send(payload, copy=len(payload) < 1 << 16)
        elif way == "ask":
            self.ask.send(payload)
            self.asked.append((scored, sum(rejects.values())))
        else:
            self.send.send_multipart([b"hostile", struct.pack(">Q", self.next), payload])
            self.next += scored + sum(rejects.values())
            self.pending.append(self.next - 1)
        self.read(WINDOW)

    def put_good(self, way):
        count = self.random.choice([1, 1, 1, 7])
        chosen = self.random.sample(LINES, count)
        for text in chosen:
            self.good[text.decode().rstrip("\n")] += 1
        self.put(way, b"".join(chosen), {}, count)

    def put_frames(self, frames):
        self.expect("rows", {"frames": 1}, 0)
        self.ask.send_multipart(frames)
        self.asked.append((0, 1))
        self.read(WINDOW)

    def read(self, left):
        """Reads answers, one for each request in order, until at most `left` are missing."""
        while len(self.asked) > left:
            *front, answer = service.receive(self.ask, "an answer")
            check(not any(front), f"frames in front of an answer: {front}")
            scored, errors = self.asked.popleft()
            found = collections.Counter("error" in item for item in json.loads(answer))
            check(found[False] == scored and found[True] == errors,
                  f"an answer of {found[False]} scores and {found[True]} errors, not {scored} and {errors}: {answer[:500]}")
            self.answers += 1
        while len(self.pending) > left:
            kind, number = service.receive(self.send, "an acknowledgement")
            least, number = self.pending.popleft(), struct.unpack(">Q", number)[0]  # may cover later messages too
            check(kind == b"ACK" and least <= number < self.next, f"{kind} {number}, not ACK {least} to {self.next - 1}")

    def finish(self):
        """Waits until all answers are there and all pulled rows are counted. There are no further answers."""
        self.read(0)
        total = sum(self.scored.values()) + sum(self.rejects.values())
        service.wait_for(f"{total} rows", lambda: self.w.metric("oddrow_rows_total") >= total)
        check(not self.ask.poll(0) and not self.send.poll(0), "more answers than requests")

    def check_all(self, first=1):
        """Compares the metrics and the feed with what was sent."""
        metrics = self.w.metrics()
        for way in ("pull", "rows"):
            got = {o: metrics[f'oddrow_rows_total{{socket="{way}",outcome="{o}"}}'] for o in ("scored", "odd", "rejected")}
            check(got["scored"] + got["odd"] == self.scored[way], f"{way}: {got} scored, not {self.scored[way]}")
            want = sum(n for (s, _), n in self.rejects.items() if s == way)
            check(got["rejected"] == want, f"{way}: {got['rejected']} rejected, not {want}")
        want = collections.Counter()
        for (_, reason), count in self.rejects.items():
            want[reason] += count
        got = {n[n.index('"') + 1:-2]: v for n, v in metrics.items() if n.startswith("oddrow_rejects_total{") and v}
        check(got == want, f"rejects by reason: {got}, not {dict(want)}")
        entries = self.w.entries(first=first)
        check(metrics["oddrow_lost_answers_total"] == 0, "answers were lost")
        found = collections.Counter((e["socket"], e["reason"]) for e in entries if e["topic"] == "reject")
        check(found == self.rejects, f"reject entries: {found}, not {self.rejects}")
        for e in entries:
            if e["topic"] == "reject":
                check(e["message"] and len(e["excerpt"]) <= EXCERPT, f"an entry without message or bound: {e}")
        self.check_scores([e for e in entries if e["topic"] in ("odd", "score")])

    def check_scores(self, entries):
        check(len(entries) == sum(self.scored.values()), f"{len(entries)} rows in the feed, not {sum(self.scored.values())}")
        # the good lines, including those among bad lines
        with service.folder() as directory:
            scores = service.batch_scores(service.model(), service.write_csv(os.path.join(directory, "rows.csv"), MADE))
        by_line = {text.decode().rstrip("\n"): s for text, s in zip(LINES, scores)}
        found = collections.Counter()
        for e in entries:
            check(isinstance(e["score"], float), f"a row without a score: {str(e)[:500]}")
            if isinstance(e["row"], str) and e["row"] in by_line:
                found[e["row"]] += 1
                service.check_scores([e], [by_line[e["row"]]], "a good row")
        found[LINES[0].decode().rstrip("\n")] -= self.among
        check(+found == self.good, "not every good row is in the feed as often as it was sent")


def kinds():
    """Sends every kind in every way: first each alone, then at random among good rows."""
    count = service.scaled(3000, 100000)
    with service.folder() as directory, service.Worker(directory, "--publish", "all", "--retain", "10G") as w:
        load = Load(w)
        load.among = 0
        with contextlib.closing(load):
            def put(name, way):
                payload, rejects, scored = KINDS[name]
                load.put(way, payload, rejects, scored)
                load.among += name == "many bad lines, one good"
            for name in KINDS:
                for way in ("ask", "pull", "send"):
                    put(name, way)
                    load.put_good(way)
                    try:
                        load.finish()
                    except service.Failed as why:
                        raise service.Failed(f"{name}, by {way}: {why}") from why
            for frames in FRAMES.values():
                load.put_frames(frames)
                load.put_good("ask")
            for frames in ([LINES[0], b"x"], [b"", LINES[0]], [b"x"] * 300):
                load.expect("pull", {"frames": 1}, 0)
                load.push.send_multipart(frames)
            load.finish()
            load.check_all()
            before = resident(w)
            usual = [n for n in KINDS if n not in RARE]
            for i in range(count):
                way = load.random.choice(("pull", "ask", "send"))
                if i % 3:
                    load.put_good(way)
                elif i % 30:
                    put(load.random.choice(usual), way)
                elif i % 60:
                    load.put_frames(load.random.choice(list(FRAMES.values())))
                else:
                    put(load.random.choice(sorted(RARE)), way)
            load.finish()
            load.check_all()
            grown = resident(w) - before
            print(f"{len(KINDS) + len(FRAMES) + 3} kinds, {count} messages more, {load.answers} answers, "
                  f"memory {before >> 20} MiB and {grown >> 20} MiB", flush=True)
            check(instrumented() or grown < FLAT, f"the worker's memory grew by {grown >> 20} MiB")


def large():
    """Sends payloads beyond --max-message in every way, and one that ends its connection."""
    with service.folder() as directory, service.Worker(directory, "--publish", "all", "--log", "json") as w:
        load = Load(w)
        load.among = 0
        with contextlib.closing(load):
            for way in ("ask", "pull", "send"):
                load.put_good(way)
            load.finish()
            before = resident(w)
            for way in ("ask", "pull", "send"):
                for payload in (b"x" * (100 << 20), b"[" + ROW + b"," + b" " * (17 << 20)):
                    load.put(way, payload, {"size": 1}, 0)
                    load.put_good(way)
                    load.finish()
            load.put("ask", b"[" + b" " * (15 << 20) + ROW + b"]", {}, 1)
            load.finish()
            load.check_all()
            with service.connect(zmq.DEALER, w.rows) as s:
                s.send(b"x" * (300 << 20), copy=False)
                load.put_good("ask")
                load.finish()
                check(not s.poll(0), "a message of 300 MB was answered")
            service.wait_for("the memory back", lambda: instrumented() or resident(w) - before < FLAT, 10)


def noise():
    """Asks with random payloads. Each gets one answer, and there are as many reject entries as errors."""
    r = random.Random(service.SEED)
    good = [ROW, LINES[0], PACKED, b"[" + ROW + b"," + ROW + b"]", msgpack.packb(OBJECTS[:3])]
    errors = scored = 0
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        with service.connect(zmq.DEALER, w.rows) as s:
            for i in range(service.scaled(2000, 50000)):
                payload = bytearray(r.choice(good) if i % 4 else r.randbytes(r.randrange(300)))
                for _ in range(r.randrange(4)):
                    if payload:
                        payload[r.randrange(len(payload))] = r.randrange(256)
                if r.random() < 0.2:
                    payload = payload[:r.randrange(len(payload) + 1)]
                s.send(bytes(payload))
                if i >= WINDOW:
                    answer = json.loads(service.receive(s, "an answer")[0])
                    check(answer, f"an empty answer, near payload {bytes(payload)!r}")
                    errors += sum("error" in item for item in answer)
                    scored += sum("score" in item for item in answer)
            for _ in range(min(WINDOW, i + 1)):
                answer = json.loads(service.receive(s, "an answer")[0])
                errors += sum("error" in item for item in answer)
                scored += sum("score" in item for item in answer)
            check(not s.poll(0), "more answers than requests")
        metrics = w.metrics()
        rejects = sum(v for n, v in metrics.items() if n.startswith("oddrow_rejects_total"))
        check(rejects == errors, f"{rejects} rejects, {errors} errors")
        found = collections.Counter(e["topic"] in ("odd", "score") for e in w.entries()
                                    if e["topic"] not in ("status", "drift"))
        check(found[True] == scored and found[False] == errors, f"entries {found}, answers {scored} and {errors}")


def numbers():
    """Impossible row numbers get a NAK. The worker takes nothing, and the place does not change."""
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        with service.connect(zmq.DEALER, w.rows) as s:
            def send(number, payload=LINES[0], name=b"n"):
                s.send_multipart([name, struct.pack(">Q", number), payload])
                kind, value, *_ = service.receive(s, "an answer")
                return kind.decode(), struct.unpack(">Q", value)[0]
            for number in (2**64 - 1, 2**64 - 2, 2**63, 2**63 - 1, 2):
                for payload in (LINES[0], b"", b"[{", b"\x90"):
                    check(send(number, payload) == ("NAK", 1), f"number {number} of a new client")
            check(send(1) == ("ACK", 1) and send(1) == ("ACK", 1), "the first row")
            check(send(2**64 - 1, b"".join(LINES[:300])) == ("NAK", 2), "a place is asked for")
            check(send(2, b"[{") == ("ACK", 2) and send(2, b"[{") == ("ACK", 2), "a bad message has one number")
            check(send(0, b"".join(LINES[:5])) == ("ACK", 4), "rows 0 to 4, of which two are new")
            for name in (b"\xff\xfe", b"\0", b'"\n', b"n" * 255):
                check(send(1, name=name) == ("ACK", 1) and send(1, name=name) == ("ACK", 1), f"the client {name}")
            check(send(0, name=b"zero") == ("ACK", 0) and send(1, name=b"zero") == ("ACK", 1), "a client that begins with 0")
        gaps, duplicates = w.metric("oddrow_gaps_total"), w.metric("oddrow_duplicate_rows_total")
        check(gaps == 5 * 4 + 1, f"{gaps:.0f} gaps are counted, broken payloads among them")
        check(duplicates == 1 + 1 + 3 + 4, f"{duplicates:.0f} duplicates are counted, broken payloads among them")
        check(len(w.scored()) == 1 + 2 + 4 + 2, "rows were taken twice or not at all")


def replay_and_feed():
    """Sends requests and subscriptions of every wrong form."""
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        w.ask(b"".join(LINES[:50]))
        whole = w.entries()
        eight, four = struct.pack(">Q", 1), struct.pack(">I", 10)
        with service.connect(zmq.DEALER, w.replay) as s:
            for frames in ([b""], [b"x"], [eight], [eight, four], [eight[1:], four, b""], [eight, four + b"\0", b""],
                           [eight, four, b"", b"x"], [b"x"] * 300, [b"y" * 2**20], [b"", eight, four]):
                s.send_multipart(frames)
                answer = [f for f in service.receive(s, f"an answer to {len(frames)} frames") if f]
                check(answer[0] == b"ERR", f"{len(frames)} frames of replay: {answer}")
            for frames in ([b"\xff" * 8, b"\xff" * 4, b""], [eight, four, b"p" * 10000],
                           [struct.pack(">Q", 2**63), four, b""]):
                s.send_multipart(frames)
                check(service.receive(s, "the end")[0] == b"END", "a replay of nothing")
        with service.connect(zmq.XSUB, w.feed, sndhwm=0) as s, service.subscribe(w) as feed:
            subscriptions = w.metric("oddrow_feed_subscriptions")
            for frame in (b"", b"\x02more", b"\xffhm", b"x" * 100000):
                s.send(frame)
            s.send_multipart([b"\x07", b"\x08"])
            s.send(b"\x01" + b"t" * 100000)
            for i in range(1000):
                s.send(b"\x01topic%d" % i)
            service.wait_for("the subscriptions", lambda: w.metric("oddrow_feed_subscriptions") == subscriptions + 1001)
            w.ask(LINES[0])
            check(service.receive(feed, "the feed")[0] in (b"odd", b"score"), "the feed goes on")
        service.wait_for("their end", lambda: w.metric("oddrow_feed_subscriptions") == 0)
        check(w.entries()[:len(whole)] == whole, "replay is not what it was")


GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x01NULL" + b"\0" * 48
READY = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"
GARBAGE = [b"\0", b"\xff" * 1000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
           b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\1" * 500,
           b"\xff" + b"\0" * 8 + b"\x7f", GREETING, GREETING + b"\xff" * 1000, GREETING + READY,
           GREETING + READY + b"\x02\xff\xff\xff\xff\xff\xff\xff\xff" + b"x" * 1000,
           GREETING + READY + b"\x02\x00\0\0\0\x10\0\0\0" + b"x" * 1000, GREETING + READY + b"\x07\xff",
           GREETING + b"\x04\xff" + b"\x05READY" + b"\xff" * 249,
           b"POST /promote HTTP/1.0\r\nContent-Length: 99999999999\r\n\r\nx",
           b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000,
           b"GET /%00%ff../../etc/passwd HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n",
           b"\r\n\r\n\r\n", b"BREW / HTCPCP/1.0\r\n\r\n"]


def places(w):
    return [urllib.parse.urlsplit(e) for e in (w.pull, w.rows, w.feed, w.replay, w.http)]


def dial(place):
    s = socket.create_connection((place.hostname, place.port), service.PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def check_served(w):
    check("score" in w.ask(LINES[0])[0], "rows are not served")
    check(w.get("/healthz")[0] == 200 and w.get("/readyz")[0] == 200, "HTTP is not served")


def raw():
    """Sends bytes of other protocols to every port; opens connections that send nothing, and 1,000 that close at once."""
    r = random.Random(service.SEED)
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        check_served(w)
        start = descriptors(w)
        for place in places(w):
            for bytes_ in [*GARBAGE, *(r.randbytes(r.randrange(2000)) for _ in range(service.scaled(10, 1000)))]:
                with dial(place) as s, contextlib.suppress(OSError):
                    s.sendall(bytes_)
            check_served(w)
        with contextlib.ExitStack() as stack:
            for place in places(w):
                for _ in range(20):
                    s = stack.enter_context(dial(place))
                    with contextlib.suppress(OSError):
                        s.sendall(r.choice([b"", b"\xff", GREETING[:11], GREETING, b"GET /", GREETING + READY + b"\0\x7f"]))
            check_served(w)
        reset = struct.pack("ii", 1, 0)  # leave by RST
        for i in range(service.scaled(1000, 1000)):
            with dial(places(w)[i % 5]) as s:
                if i % 3 == 0:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        for i in range(service.scaled(200, 1000)):
            with service.connect(zmq.DEALER, w.rows) as s:
                s.send(LINES[0])
        check_served(w)
        service.wait_for("descriptors back", lambda: descriptors(w) <= start + 2)
        check(w.metric("oddrow_handshakes_total", outcome="failed") > 0, "failed handshakes are not counted")
        check(len(w.stderr()) < 200000, f"a log of {len(w.stderr())} bytes: it can be flooded")


def pages():
    """Makes HTTP requests that nobody should make."""
    with service.folder() as directory, service.Worker(directory) as w:
        for path, data, allowed in [("/", None, {404}), ("/metrics?x=" + "y" * 1000, None, {200, 404}),
                                    ("/../etc/passwd", None, {404}),
                                    ("/metrics", b"x", {404, 405, 413}), ("/promote", None, {404, 405}),
                                    ("/promote", b"", {403, 400}),
                                    ("/%00", None, {400, 404}), ("/healthz/", None, {404})]:
            status, _ = w.get(path, data)
            check(status in allowed, f"{path[:50]} with {data}: {status}")
        check(w.get("/promote", b"", {"X-Oddrow": "1"})[0] == 409, "a promotion without a shadow")
        check_served(w)


if __name__ == "__main__":
    service.run(kinds, large, noise, numbers, replay_and_feed, raw, pages)
