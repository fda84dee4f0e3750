#!/usr/bin/env python3
"""Writes a CSV table whose columns hold all kinds of content.

    generate.py ROWS SEED [--odd SHARE] [--bad] [--bytes] [--delimiter C]

Columns: an id, categories with and without missing cells, unicode and quoted text, a long tail of
rare texts, numbers of several shapes, numbers with missing and unparsed cells, times in several
notations, epoch seconds, constants, a label. With --odd, some rows have cells that do not fit the table,
and the label 1. With --bad, some records are malformed. With --bytes, some texts are not UTF-8.
"""
import argparse
import datetime
import random
import sys

NAMES = ["order", "land", "größe", "say \"it\"", "city", "amount", "weight, kg", "mostly missing",
         "noisy", "when", "stamp_time", "flag", "empty", "unit", "level", "anomaly"]
LANDS = ["de", "fr", "日本", "ca", "us", "br"]
CURRENCY = {"de": "S", "fr": "M", "日本": "L", "ca": "XL", "us": "XXL", "br": "N/A"}


def quoted(text, delimiter):
    if any(c in text for c in (delimiter, '"', "\n", "\r")) or text != text.strip(" \t"):
        return '"' + text.replace('"', '""') + '"'
    return text


def row_of(r, number, odd):
    land = r.choices(LANDS, weights=[8, 6, 4, 3, 2, 1])[0]
    amount = r.lognormvariate(3 + LANDS.index(land), 0.5)
    noon = datetime.datetime(2023, 1, 1) + datetime.timedelta(minutes=r.randrange(2 * 525600))
    when = r.choice([noon.strftime("%Y-%m-%dT%H:%M:%SZ"), noon.strftime("%Y-%m-%d %H:%M"),
                     noon.strftime("%Y-%m-%dT%H:%M:%S.25+02:00"), noon.strftime("%Y-%m-%d")])
    cells = [f"o-{number}", land, CURRENCY[land],
             r.choices(["he said \"no\"", "one\nline more", " kept ", "plain", ""],
                       weights=[1, 1, 1, 20, 2])[0],
             f"city {min(int(r.expovariate(0.05)), 400)}",
             f"{amount:.2f}", f"{amount / 3 + r.gauss(0, 1):.6g}",
             "" if r.random() < 0.7 else str(r.randrange(1000)),
             r.choices([f"{r.gauss(0, 1):.4f}", "NA", "1e999", "0x10", "inf", " 7 "],
                       weights=[100, 2, 1, 1, 1, 1])[0],
             r.choices([when, "", "yesterday"], weights=[97, 2, 1])[0],
             str(1.5e9 + r.randrange(10 ** 8)), "yes", "", "5.0",
             str(r.choices(range(6), weights=[1, 2, 4, 8, 4, 2])[0]), "0"]
    if odd:
        for _ in range(3):
            at = r.choice([1, 2, 4, 5, 6, 8, 9, 11, 12, 13])
            cells[at] = r.choice(["nowhere", "-1e6", "99999999", "2031-12-31", "", "5"])
        cells[-1] = "1"
    return cells


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--odd", type=float, default=0)
    parser.add_argument("--bad", action="store_true")
    parser.add_argument("--bytes", action="store_true")
    parser.add_argument("--delimiter", default=",")
    a = parser.parse_args()
    r = random.Random(a.seed)
    out = sys.stdout.buffer

    def write(cells):
        line = a.delimiter.join(quoted(c, a.delimiter) for c in cells).encode()
        out.write(line.replace("größe".encode(), b"gr\xf6\xdfe") if a.bytes else line)
        out.write(b"\n")

    bad = [b"too,few\n", b'x,"broken" quote,' + b"," * 13 + b"\n", b"nul\0" + b"," * 15 + b"\n",
           b"," * 40 + b"\n"]
    write(NAMES)
    for number in range(1, a.rows + 1):
        if a.bad and number % 97 == 0:
            out.write(bad[number // 97 % len(bad)])
            continue
        cells = row_of(r, number, r.random() < a.odd)
        if a.bytes and number % 5 == 0:
            cells[4] = "größe"
        write(cells)


if __name__ == "__main__":
    main()
