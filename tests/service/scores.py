#!/usr/bin/python3
"""The scores, p-values and verdicts in the feed are those of oddrow score on the same rows: in every encoding, sent
and pulled, with one row per message and with 256. The same holds for the answers to asked rows."""
import json, os

import service
import msgpack, zmq
from service import check

MADE = service.rows(service.scaled(1500), seed=7, odd=0.03)


def prepare(directory):
    data = service.write_csv(os.path.join(directory, "rows.csv"), MADE)
    expected = service.batch_scores(service.model(), data)
    check(len(expected) == len(MADE) and any(e["odd"] for e in expected) and not all(e["odd"] for e in expected),
          "the rows are not some odd, some not: this proves nothing")
    return data, expected


def payloads(encoding, per):
    """Returns the rows as payloads of `per` rows each."""
    typed = service.objects(MADE, ids=range(len(MADE)))
    for i in range(0, len(MADE), per):
        part = typed[i] if per == 1 else typed[i:i + per]
        yield {"csv": lambda: "".join(map(service.line, MADE[i:i + per])).encode(),
               "json": lambda: json.dumps(part).encode(),
               "msgpack": lambda: msgpack.packb(part)}[encoding]()


def sent():
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        data, expected = prepare(directory)
        for encoding in ("csv", "json", "msgpack"):
            for per in (1, 256):
                name = f"{encoding}-{per}"
                first = w.metrics()["oddrow_feed_sequence"] + 1
                w.send(data, "--client", name, "--format", encoding, "--batch", str(per))
                entries = w.scored(int(first))
                service.check_scores(entries, expected, f"sent as {name}")
                for i, e in enumerate(entries):
                    check((e["client"], e["number"]) == (name, i + 1), f"{name}: entry {i + 1} is of {e['client']} {e['number']}")
        check(w.metric("oddrow_rows_total", socket="rows") == 6 * len(MADE), "rows are not counted once each")


def pulled():
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        _, expected = prepare(directory)
        for encoding in ("csv", "json", "msgpack"):
            for per in (1, 256):
                name = f"{encoding}-{per}"
                with service.subscribe(w) as feed, service.connect(zmq.PUSH, w.pull) as push:
                    for payload in payloads(encoding, per):
                        push.send(payload)
                    entries = []
                    while len(entries) < len(MADE):
                        topic, _, text = service.receive(feed, f"the feed of {name}")
                        if topic in (b"odd", b"score"):
                            entries.append({**json.loads(text), "topic": topic.decode()})
                service.check_scores(entries, expected, f"pulled as {name}")
                for i, e in enumerate(entries):
                    check(e["topic"] == ("odd" if e["odd"] else "score"), f"{name}: topic {e['topic']}")
                    if encoding == "csv":
                        check(e["id"] is None and e["row"] == service.line(MADE[i]).rstrip("\n"), f"{name}: row {e['row']}")
                    else:
                        check(e["id"] == i and e["row"]["order"] == MADE[i][0], f"{name}: id {e['id']}, row {e['row']}")
                    if e["odd"]:
                        check(e["why"] and abs(e["reconstruction"] + e["local_rarity"] + e["global_rarity"]) < 1e9 and
                              {"column", "observed", "expected", "surprise", "flag"} == set(e["why"][0]), f"{name}: {e}")


def asked():
    few = len(MADE) // 3
    with service.folder() as directory, service.Worker(directory) as w:
        data, expected = prepare(directory)
        typed = service.objects(MADE[:few], ids=[f"q{i}" for i in range(few)])
        answers = [a for i in range(0, few, 100) for a in w.ask(json.dumps(typed[i:i + 100]).encode())]
        service.check_scores(answers, expected[:few], "asked as json-100")
        check([a["id"] for a in answers] == [f"q{i}" for i in range(few)], "ids do not come back")
        # without --publish all, a row that is not odd gets an answer and is not in the feed
        check(all((a["seq"] is not None) == a["odd"] for a in answers), "seq is not null just for rows outside the feed")
        with service.connect(zmq.REQ, w.rows) as s:
            answers = []
            for row in MADE[:few]:
                s.send(service.line(row).encode())
                answers += json.loads(service.receive(s, "an answer")[0])
        service.check_scores(answers, expected[:few], "asked as csv-1")
        with service.connect(zmq.DEALER, w.rows) as s:  # many requests in flight, answers in order
            for o in typed:
                s.send(msgpack.packb(o))
            answers = [json.loads(service.receive(s, "an answer")[0])[0] for _ in typed]
        service.check_scores(answers, expected[:few], "asked as msgpack-1")
        text = service.tool("ask", w.rows, data, "--quiet").splitlines()
        service.check_scores([json.loads(t) for t in text], expected, "oddrow ask")
        bad = json.dumps([typed[0], {"country": "DE"}, typed[1]]).encode()
        answers = w.ask(bad)
        check("score" in answers[0] and answers[1]["row"] == 2 and "error" in answers[1] and "score" in answers[2],
              f"a bad row between good ones: {answers}")
        check("error" in w.ask(b"[{")[0], "broken JSON is answered")
        check(w.metric("oddrow_lost_answers_total") == 0, "answers were lost")


service.run(sent, pulled, asked)
