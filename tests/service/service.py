"""What the service tests share: a worker in a temporary directory, rows and a model for it, its feed and its
pages. Uses only the standard library and pyzmq. Every wait has a deadline, and every port is free.

ODDROW_TEST_SCALE scales the volume (default 1, with a sanitizer 0.25), ODDROW_TEST_FULL=1 sets the full volume,
and ODDROW_TEST_SEED repeats a run. If a test is run directly, ODDROW_BINARY is the binary under test.
"""
import atexit, contextlib, csv, fcntl, io, json, os, random, re, shutil, signal, socket, struct
import subprocess, sys, tempfile, time, traceback, urllib.error, urllib.request

try:
    import msgpack, zmq
except ImportError as missing:
    print(f"skipped: {missing}: Debian's python3-zmq and python3-msgpack are needed", flush=True)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("ODDROW_SOURCE") or os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.abspath(os.environ.get("ODDROW_BINARY") or os.path.join(SOURCE, "build/dev/oddrow"))
BUILD = os.environ.get("ODDROW_BUILD") or os.path.dirname(BINARY)
SANITIZED = re.search("lib[at]san", subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout) is not None
SCALE = float(os.environ.get("ODDROW_TEST_SCALE") or (0.25 if SANITIZED else 1))
FULL = os.environ.get("ODDROW_TEST_FULL") == "1"
CI = os.environ.get("CI") == "true"
SEED = int(os.environ.get("ODDROW_TEST_SEED") or random.SystemRandom().randrange(10**6))
PATIENCE = 60  # anything may take this many seconds: sanitizer builds on busy machines are slow
REPORTS = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error")

os.environ["TSAN_OPTIONS"] = f"{os.environ.get('TSAN_OPTIONS', '')}:suppressions={SOURCE}/tests/support/tsan.supp".lstrip(":")


class Failed(Exception):
    pass


def check(true, message):
    if not true:
        raise Failed(message)


def skip(reason):
    """Ends the test as skipped. In CI, a skip is a failure."""
    print(f"skipped: {reason}", flush=True)
    sys.exit(1 if CI else 77)


def run(*tests):
    """Runs the functions, or those named on the command line. Exits with 1 if one failed."""
    print(f"seed {SEED}, scale {SCALE:g}{', full volume' if FULL else ''}", flush=True)
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"no binary {BINARY}: ODDROW_BINARY names it")
    failed = []
    for test in tests:
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        start = time.monotonic()
        try:
            test()
            verdict = "ok"
        except Exception as why:  # the others still run
            failed.append(test.__name__)
            frames = [f for f in traceback.extract_tb(why.__traceback__)[1:] if f.filename.startswith(HERE)]
            where = " > ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in frames)
            verdict = f"FAILED: {where}: {'' if isinstance(why, Failed) else type(why).__name__ + ': '}{why}"
        print(f"{test.__name__}: {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
    sys.exit(1 if failed else 0)


def scaled(small, full=None):
    """Returns a volume: `small` times the scale, or the full volume."""
    return full if FULL and full is not None else max(1, int(small * SCALE))


def wait_for(what, condition, seconds=PATIENCE):
    """Polls until the condition returns a true value, and returns that value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.01)


@contextlib.contextmanager
def folder():
    """Makes a temporary directory whose path is short enough for ipc://, and removes it at the end."""
    with tempfile.TemporaryDirectory(prefix="oddrow-service-") as path:
        yield path


# ---- rows and models

COLUMNS = ["order", "country", "currency", "product", "coupon", "quantity", "price", "weight", "placed"]
NUMBERS = {"quantity", "price", "weight"}


def rows(count, seed=1, odd=0.01):
    """Returns rows, lists of texts in the order of COLUMNS: categories, numbers, missing cells, quoted text, an id."""
    r = random.Random(seed)
    currency = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "US": "USD", "JP": "JPY"}
    price = {"tea": 6, "coffee": 9, "cup, small": 12, 'the "family" set': 48, "kettle": 110}
    made = []
    for i in range(count):
        country, product, q = r.choice(list(currency)), r.choice(list(price)), 1 + int(r.expovariate(0.3))
        row = [f"o{i + 1}", country, currency[country], product, r.choice(["", "", "SPRING", "FRIEND"]), str(q),
               f"{price[product] * q * r.gauss(1, 0.03):.2f}", "" if r.random() < 0.05 else f"{r.gauss(2, 0.3):.3f}",
               f"2024-{r.randint(1, 12):02}-{r.randint(1, 28):02}T{r.randint(8, 18):02}:{r.randint(0, 59):02}:00Z"]
        if r.random() < odd:
            row[r.choice([2, 3, 6])] = r.choice(["CHF", "99999.5", ""])
        made.append(row)
    return made


def line(row):
    """Returns a row as a CSV line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()


def write_csv(path, made):
    with open(path, "w", newline="") as f:
        f.write(line(COLUMNS) + "".join(map(line, made)))
    return path


def objects(made, ids=None):
    """Returns rows as objects with typed cells, for JSON and MessagePack."""
    def cell(name, text):
        if text == "":
            return None
        if name in NUMBERS and re.fullmatch(r"-?[0-9.]+", text):
            return float(text) if "." in text else int(text)
        return text
    result = [{n: cell(n, t) for n, t in zip(COLUMNS, row)} for row in made]
    if ids:
        for made_object, value in zip(result, ids):
            made_object["_id"] = value
    return result


def train(path, data, *options):
    tool("train", data, "-o", path, "--epochs", "2", "--min-steps", "200", "--id", "order", "--alerts", "0.01",
         "--quiet", *options)
    return path


def model(name="orders"):
    """Returns the path of a model of rows(3000), made once in the build directory. The names are orders; other, with
    the same schema and another seed; and narrow, without the column placed."""
    place = os.path.join(BUILD, "service-models")
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, f"{name}.model")
    with open(os.path.join(place, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(BINARY):
            made, data = rows(3000), os.path.join(place, f"{name}.csv")
            write_csv(data, made)
            if name == "narrow":
                with open(data, "w", newline="") as f:
                    f.writelines(line(row[:-1]) for row in [COLUMNS, *made])
            train(path + ".new", data, "--seed", "2" if name == "other" else "1")
            os.replace(path + ".new", path)
    return path


def hash_of(path):
    """Returns the content hash by which entries name the model."""
    found = re.search(r"^ *hash +([0-9a-f]{16,64})$", tool("inspect", path), re.M)
    check(found, f"oddrow inspect {path} shows no hash")
    return found[1]


def tool(*command, input=None, status=0, seconds=600):
    """Runs oddrow to its end and returns its standard output. Another exit status than `status` is a failure."""
    done = subprocess.run([BINARY, *command], input=input, capture_output=True, text=True, timeout=seconds)
    check(done.returncode == status and not REPORTS.search(done.stderr),
          f"oddrow {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


def batch_scores(model_path, data):
    """Runs oddrow score. Returns a list of {score, p_value, odd}, in the order of the rows."""
    text = tool("score", model_path, data, "-o", "-", "--quiet")
    return [{"score": float(r["score"]), "p_value": float(r["p_value"]), "odd": r["odd"] in ("1", "true")}
            for r in csv.DictReader(io.StringIO(text))]


def check_scores(entries, expected, what):
    """Compares entries with batch scores, one by one."""
    check(len(entries) == len(expected), f"{what}: {len(entries)} entries for {len(expected)} rows")
    for i, (entry, score) in enumerate(zip(entries, expected)):
        for key, near in (("score", 1e-6), ("p_value", 1e-5 * score["p_value"])):  # p-values are small
            check(abs(entry[key] - score[key]) <= near,
                  f"{what}: row {i + 1} has {key} {entry[key]} in the feed and {score[key]} in batch")
        check(entry["odd"] == score["odd"], f"{what}: row {i + 1} is odd {entry['odd']}, in batch {score['odd']}")


# ---- the worker

_started = []


@atexit.register
def _end_all():
    for process in _started:
        if process.poll() is None:
            process.kill()
            process.wait()


def spawn(command, **how):
    """Starts a child process that does not outlive this program."""
    process = subprocess.Popen(command, **how)
    _started.append(process)
    return process


def free_port():
    """Returns a free port outside the range of outgoing connections. While a worker is down, nobody else gets
    this port, and no connection to it can connect to itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low, high = map(int, f.read().split())
    choices = range(10000, low) if low > 12000 else range(high + 1, 65536)
    for _ in range(1000):
        port = random.SystemRandom().choice(choices)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise Failed("no free port")


class Worker:
    """Runs oddrow serve in a directory. Its endpoints are pull, rows, feed, replay and http (with http://).

    with Worker(directory, "--publish", "all") as w: ...     stops the worker and checks how it ended
    endpoints: tcp (free ports), ipc, or a dict by name. They stay the same over restarts of one Worker.
    """
    NAMES = ("pull", "rows", "feed", "replay")

    def __init__(self, directory, *options, model_path=None, endpoints="tcp", journal="journal.db", prefix=(), env=None,
                 start=True):
        self.directory, self.options, self.prefix = directory, list(options), list(prefix)
        self.model = model_path or model()
        self.env = {**os.environ, **(env or {})}
        self.journal = journal and os.path.join(directory, journal)
        self.log = os.path.join(directory, f"worker-{len(_started)}.log")
        self.process, self.ready, self.starts, self.subscribers = None, None, 0, []
        if endpoints == "ipc":
            endpoints = {n: f"ipc://{directory}/{n}" for n in self.NAMES}
        elif endpoints == "tcp":
            endpoints = {}
        self.endpoints = {**{n: "tcp://127.0.0.1:*" for n in self.NAMES}, "http": "127.0.0.1:0", **endpoints}
        if start:
            self.start()

    def command(self):
        journal = ["--journal", self.journal] if self.journal else []
        flags = [f for n, e in self.endpoints.items() for f in (f"--{n}", e)]
        return [*self.prefix, BINARY, "serve", self.model, *journal, *flags, "--threads", "2", *self.options]

    def start(self):
        """Starts the worker and waits until it is ready."""
        with open(self.log, "ab") as log:
            self.process = spawn(self.command(), stdout=subprocess.PIPE, stderr=log, env=self.env)
        self.starts += 1
        text = self.process.stdout.readline().decode()
        if not text:
            self.process.wait()
            raise Failed(f"the worker ended with {self.process.returncode} before it was ready:\n{self.stderr()[-3000:]}")
        self.ready = json.loads(text)
        check(self.ready.get("ready") is True, f"no ready line: {text}")
        for name in self.NAMES:
            setattr(self, name, self.ready[name])
            if self.ready[name]:
                self.endpoints[name] = self.ready[name]
        self.http = self.ready["http"]
        if self.http:
            self.endpoints["http"] = self.http[len("http://"):]
        return self

    def stderr(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def tell(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Kills the worker with SIGKILL, without checks."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE):
        """Ends the worker with a signal. It must exit with 0 in time, without a sanitizer report. Returns the seconds."""
        start = time.monotonic()
        check(self.alive(), f"the worker had ended with {self.process.returncode}:\n{self.stderr()[-3000:]}")
        self.tell(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"the worker did not end within {seconds} s of signal {number}:\n{self.stderr()[-3000:]}")
        taken = time.monotonic() - start
        check(self.process.stdout.read() == b"", "the worker printed more than its ready line")
        self.process.stdout.close()
        check(self.process.returncode == 0, f"the worker ended with {self.process.returncode}:\n{self.stderr()[-3000:]}")
        self.check_log()
        return taken

    def check_log(self):
        report = REPORTS.search(self.stderr())
        check(not report, f"a sanitizer spoke:\n{self.stderr()[report.start() if report else 0:][:4000]}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            if self.alive():
                self.stop()
            else:
                self.check_log()
        else:
            if self.alive():
                self.kill()
            print(f"--- the worker's log\n{self.stderr()[-3000:]}---", flush=True)

    # -- its pages

    def get(self, path, data=None, headers=None):
        """Returns the status and text of a page. data makes the request a POST."""
        request = urllib.request.Request(self.http + path, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()

    def metrics(self):
        """Returns all samples by name and labels as printed: 'oddrow_rows_total{socket="pull",outcome="odd"}'."""
        status, text = self.get("/metrics")
        check(status == 200, f"/metrics says {status}")
        samples = (s.rpartition(" ") for s in text.splitlines() if s and not s.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def metric(self, name, **labels):
        """Returns the sum of the samples with this name and these labels."""
        wanted = [f'{k}="{v}"' for k, v in labels.items()]
        return sum(v for n, v in self.metrics().items()
                   if n.partition("{")[0] == name and all(w in n for w in wanted))

    # -- its sockets

    def entries(self, topic=None, first=1):
        """Returns the feed from the journal, through replay: a list of entries, each with its topic under 'topic'."""
        found, start, prefix = [], first, (topic or "").encode()
        with connect(zmq.DEALER, self.replay) as s:
            while True:
                s.send_multipart([struct.pack(">Q", start), struct.pack(">I", 5000), prefix])
                before = len(found)
                while True:
                    message = receive(s, "replay")
                    if message[0] in (b"END", b"ERR"):
                        break
                    entry = json.loads(message[2])
                    check(struct.unpack(">Q", message[1])[0] == entry["seq"], "sequence of frame and entry differ")
                    found.append({**entry, "topic": message[0].decode()})
                check(message[0] == b"END", f"replay says {message}")
                start = struct.unpack(">Q", message[1])[0]
                if len(found) == before:
                    return found

    def scored(self, first=1):
        """Returns the entries of scored rows."""
        return [e for e in self.entries(first=first) if e["topic"] in ("odd", "score")]

    def send_command(self, data, *options):
        return [BINARY, "send", self.rows, data, *options]

    def send(self, data, *options, status=0):
        """Runs oddrow send to its end."""
        return tool("send", self.rows, data, "--quiet", *options, status=status)

    def ask(self, payload):
        """Returns the answer to one request."""
        with connect(zmq.REQ, self.rows) as s:
            s.send(payload)
            return json.loads(receive(s, "an answer")[0])


_context = zmq.Context.instance()


def connect(kind, endpoint, **options):
    """Returns a connected socket, a context manager. A SUB socket is subscribed to everything."""
    s = _context.socket(kind)
    s.linger = 0
    s.ipv6 = True
    for name, value in options.items():
        setattr(s, name, value)
    if kind == zmq.SUB and "subscribe" not in options:
        s.subscribe(b"")
    s.connect(endpoint)
    return s


def receive(s, what, seconds=PATIENCE):
    """Returns the frames of one message, which must come in time."""
    check(s.poll(seconds * 1000), f"waited {seconds} s for {what}")
    return s.recv_multipart()


def subscribe(worker, **options):
    """Returns a SUB socket whose subscription the worker has received, so that it misses nothing published from
    now on. The worker may still count subscribers that have just gone, so this first waits until only the open
    ones made here remain."""
    worker.subscribers = [s for s in worker.subscribers if not s.closed]
    count = lambda: worker.metric("oddrow_feed_subscriptions")
    end = time.monotonic() + 2
    while count() > len(worker.subscribers) and time.monotonic() < end:
        time.sleep(0.01)
    before = count()
    s = connect(zmq.SUB, worker.feed, rcvhwm=0, **options)
    worker.subscribers.append(s)
    wait_for("the subscription", lambda: count() > before)
    return s
