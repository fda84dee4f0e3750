#!/usr/bin/env python3
"""Checks that training on Adult gives the same model file, byte for byte: with 1, 2 and 3 threads; and in
a run that is killed with SIGKILL at some moment after its first checkpoint, resumed and killed again,
until it ends."""
import filecmp, os, random, signal, subprocess, time
import common

a = common.arguments(__doc__)
table = common.Table()
shape = ["--epochs", "3", "--min-steps", "0"] if a.quick else []


def train(out, *flags):
    return [a.bin, "train", common.adult(), "-o", out, *common.adult_columns(), *shape, *flags, "--quiet"]


def say(same):
    return "no difference" if same else "different"


with common.folder() as folder:
    models = [os.path.join(folder, f"threads-{n}") for n in (1, 2, 3)]
    for n, model in enumerate(models, 1):
        common.run(train(model, "--threads", str(n)))
    for n, model in enumerate(models[1:], 2):
        same = filecmp.cmp(models[0], model, shallow=False)
        table.row(f"models trained with 1 and {n} threads", "cmp finds nothing", say(same), same)

    resumed, state = os.path.join(folder, "resumed"), os.path.join(folder, "state")
    command = train(resumed, "--threads", "2", "--checkpoint", state, "--resume")
    kills, moments = 0, random.Random(1)
    while kills < 5:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and not os.path.exists(os.path.join(state, "checkpoint.safetensors")):
            time.sleep(0.002)
        try:
            child.wait(timeout=moments.uniform(0, 0.7))
            break  # it ended before it was to be killed
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            kills += 1
    common.run(command)
    same = filecmp.cmp(models[0], resumed, shallow=False)
    table.row(f"a run killed {kills} times and resumed, and an unbroken one", "cmp finds nothing", say(same), same and kills > 0)
table.end()
