"""What the measurements of bench/ share: paths, rows to work on, child processes and their times, and the
table. Uses only the standard library."""
import argparse, json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.environ.get("ODDROW_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
ADULT_ROWS = 32561
MB = 10**6

# Everything that is measured, ours and the peers', runs on the same two processors.
PROCESSORS = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, PROCESSORS)
for name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
    del os.environ[name]  # a kernel or thread count that this shell sets would slow down one side only
os.environ.update(OMP_NUM_THREADS="2", TF_NUM_INTRAOP_THREADS="2", TF_NUM_INTEROP_THREADS="2", POLARS_MAX_THREADS="2")

# A run that is stopped also removes its temporary files.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def die(message):
    sys.exit(f"bench: {message}")


def arguments(text):
    """Parses the arguments that every measurement has. `text`, its docstring, is its help."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/oddrow"), help="the binary to measure")
    parser.add_argument("--quick", action="store_true", help="small settings, to see that the script works")
    a = parser.parse_args()
    a.bin = os.path.abspath(a.bin)
    if not os.access(a.bin, os.X_OK):
        die(f"no binary {a.bin}: build it (cmake --preset release && cmake --build --preset release), or give --bin")
    if len(PROCESSORS) < 2:
        print("bench: one processor only; the bounds are for two", file=sys.stderr)
    return a


def shared(*path):
    """Returns the path of a file in the shared directory, beside the repository."""
    full = os.path.join(SHARED, *path)
    if not os.path.exists(full):
        die(f"{full} is not there: the data sets and peer scripts lie beside the repository; ODDROW_SHARED names another place")
    return full


def program(a, name):
    """Returns the path of a program of bench/, built in the build directory of the binary if it is missing or old."""
    build = os.path.dirname(a.bin)
    if os.path.exists(os.path.join(build, "CMakeCache.txt")):
        made = subprocess.run(["cmake", "--build", build, "--target", name], capture_output=True, text=True)
        if made.returncode:
            die(f"{name} does not build in {build}:\n{made.stdout}{made.stderr}")
    path = os.path.join(build, "bench", name)
    if not os.path.exists(path):
        die(f"no {path}: --bin must lie in its CMake build directory")
    return path


def peers_python():
    """Returns the peers' Python interpreter, whose environment has the packages that their README names."""
    given = os.environ.get("ODDROW_PEERS_PYTHON")
    if given:
        return given
    python, done = (os.path.join(ROOT, "build/peers-venv", f) for f in ("bin/python", "complete"))
    if not os.path.exists(done):
        named = re.search(r"virtual environment with `([^`]+)`", open(shared("peers", "README.md")).read())
        if not named:
            die(f"{shared('peers', 'README.md')} names no packages; set ODDROW_PEERS_PYTHON")
        print(f"bench: making build/peers-venv with {named[1]}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", os.path.dirname(done)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *named[1].split()], check=True)
        open(done, "w").close()
    return python


def run(command):
    """Runs a child process to its end and returns its wall time in seconds. A failure ends the measurement."""
    start = time.perf_counter()
    output(command)
    return time.perf_counter() - start


def output(command):
    """Runs a child process and returns its standard output. A failure ends the measurement."""
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        die(f"{' '.join(command)} ended with {child.returncode}:\n{child.stderr[-2000:]}")
    return child.stdout


def peer(script, *rest):
    """Runs a peer and returns the rows per second that it prints on its last line."""
    return float(output([peers_python(), shared("peers", script), *rest]).split()[-1])


def adult():
    return shared("data", "adult.csv")


def adult_columns():
    """Returns the flags that name Adult's columns."""
    columns = json.load(open(shared("data", "adult.columns.json")))
    return [f for kind in ("categorical", "numeric") for f in (f"--{kind}", ",".join(columns[kind]))]


def adult_model(a, folder):
    """Trains a model of Adult with default flags and returns its path."""
    model = os.path.join(folder, "adult.model")
    quick = ["--epochs", "2", "--min-steps", "0"] if a.quick else []
    run([a.bin, "train", adult(), "-o", model, *adult_columns(), *quick, "--threads", "2", "--quiet"])
    return model


def repeat_adult(path, rows):
    """Writes a CSV file with Adult's header and `rows` rows: those of Adult, repeated as often as needed."""
    with open(adult(), "rb") as f:
        header, body = f.readline(), f.readlines()
    whole = b"".join(body)
    with open(path, "wb") as f:
        f.write(header)
        for _ in range(rows // len(body)):
            f.write(whole)
        f.writelines(body[: rows % len(body)])
    return path


def folder():
    """Returns a temporary directory in TMPDIR that is removed at the end."""
    return tempfile.TemporaryDirectory(prefix="oddrow-bench-")


def disk_has(gigabytes, what):
    """Says whether the temporary directory has room, and prints a message if it does not."""
    free = shutil.disk_usage(tempfile.gettempdir()).free / 10**9
    if free < gigabytes:
        print(f"  skipped: {what} needs {gigabytes} GB in {tempfile.gettempdir()}, {free:.1f} GB are free")
    return free >= gigabytes


def spread(values, form="{:.2f}"):
    """Returns the median, with the least and the greatest in brackets, as text."""
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


class Table:
    """The claims of a measurement: each with its bound and the value reached. Printed, and kept for bench/run."""

    def __init__(self):
        self.missed = False

    def row(self, claim, bound, reached, met=None):
        """Adds a row. `met` says whether the bound holds, and is None for speeds, which are only printed."""
        verdict = "" if met is None else "holds" if met else "MISSED"
        self.missed |= met is False
        line = f"| {claim} | {bound} | {reached} | {verdict} |"
        print(line, flush=True)
        if os.environ.get("ODDROW_BENCH_TABLE"):
            with open(os.environ["ODDROW_BENCH_TABLE"], "a") as f:
                print(line, file=f)

    def end(self):
        sys.exit(1 if self.missed else 0)
