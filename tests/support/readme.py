#!/usr/bin/env python3
"""Runs the commands of README.md, or of another page, word for word, in order, in one empty directory.

A fenced block right after a line "<!-- run -->" is run: sh by bash, python by this Python (left out if safetensors
is not installed). If a text block follows, the output must match it: standard error first, then standard output.
Numbers are not compared, because they depend on the machine. Relative links must lead to a file.

usage: readme.py [--update] README.md      --update writes what came out into the text blocks
ODDROW_BINARY is the binary under test.
"""
import difflib, importlib.util, os, re, subprocess, sys, tempfile

update = sys.argv[1] == "--update"
path = os.path.realpath(sys.argv[-1])
text = open(path, encoding="utf-8").read()
block = re.compile(r"<!-- run( shape)? -->\n```(sh|python)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.S | re.M)


def plain(output):
    """Returns the lines with N for each number and one blank for each run of blanks."""
    return re.sub(r"[ \t]+", " ", re.sub(r"\d[\d.,]*(?:e[-+]?\d+)?", "N", output)).splitlines()


def shape(output):
    """Returns the first six characters and the number of commas of each line. Lines by oddrow are as in plain."""
    return [plain(line)[0] if line.startswith("oddrow") else f"{line[:6]} {line.count(',')} commas"
            for line in output.splitlines()]


def run(directory, language, source):
    if language == "python":
        if importlib.util.find_spec("safetensors") is None or importlib.util.find_spec("numpy") is None:
            print("left out: safetensors is not installed")
            return ""
        command = [sys.executable, "-c", source]
    else:
        command = ["bash", "-euo", "pipefail", "-c", source]
    path = f"{directory}/bin:{os.environ['PATH']}"
    done = subprocess.run(command, cwd=f"{directory}/here", env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}:\n{source}\n{done.stderr}")
    # the progress lines of a slow machine, and what a sender repeated there, are not part of the example
    said = re.sub(r"^oddrow: (read|train|calibrate|score|send) .*\n", "", done.stderr, flags=re.M)
    said = re.sub(r"; [\d,]+ messages were sent again", "", said)
    return said + done.stdout


failed, ran = False, 0
with tempfile.TemporaryDirectory() as directory:
    os.mkdir(f"{directory}/bin")
    os.mkdir(f"{directory}/here")
    os.symlink(os.path.realpath(os.environ["ODDROW_BINARY"]), f"{directory}/bin/oddrow")
    if "ODDROW_SOURCE" in os.environ:
        os.symlink(f"{os.environ['ODDROW_SOURCE']}/models", f"{directory}/here/models")  # as in a clone

    def check(match):
        global failed, ran
        loose, language, source, expected = match.groups()
        output = run(directory, language, source)
        ran += 1
        if expected is None:
            return match.group(0)
        if update:
            return f"<!-- run{loose or ''} -->\n```{language}\n{source}```\n```text\n{output}```\n"
        form = shape if loose else plain
        difference = list(difflib.unified_diff(form(expected), form(output), "README.md", "what came out", lineterm=""))
        if difference:
            failed = True
            print("$ " + source + "\n".join(difference))
        return match.group(0)

    new = block.sub(check, text)
if update:
    open(path, "w", encoding="utf-8").write(new)
for link in re.findall(r"\]\(([^)#:]+)\)", text):
    if not os.path.exists(os.path.join(os.path.dirname(path), link)):
        failed = True
        print(f"README.md links to {link}, which is not there")
if not ran:
    sys.exit("nothing to run")
print(f"{ran} blocks ran")
sys.exit(failed)
