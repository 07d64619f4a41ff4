"""netem in a user-mode Linux as the judge of `sotto link`: the same trains and the same losses through both, one at a time,
netem and the relay in turn.

Each mean has to agree within the larger of 1 % and 5 ms, each loss statistic within four standard errors; what does not is
measured once more. It waits until the machine is quiet, for ten minutes at most: who has much else to do is late by
milliseconds of its own. Needs the Debian packages user-mode-linux, busybox-static and iproute2; no root. Takes about four
minutes.

    judge.py [SOTTO]
"""

import contextlib
import math
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOTTO = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".build", "debug", "sotto")

# Name, netem, the same for sotto link (options, or the keys of a profile), what is sent. netem counts 42 bytes of Ethernet, IP
# and UDP, and whole bytes a second.
CASES = [
    ("200bit", "rate 200bit -42", ["--rate", "200"], "train 50 5 0"),
    ("1kbit", "rate 1kbit", ["--rate", "1000", "--overhead", "42"], "train 40 20 0"),
    ("10kbit", "rate 10kbit", ["--rate", "10000", "--overhead", "42"], "train 200 50 0"),
    ("10kbit-idle", "rate 10kbit", ["--rate", "10000", "--overhead", "42"], "train 200 30 300"),
    ("1kbit-delay", "rate 1kbit delay 250ms", ["--rate", "1000", "--overhead", "42", "--latency", "0.25"], "train 40 12 1000"),
    ("random", "loss random 10%", ["--loss", "10"], "loss 20000"),
    ("gemodel-5-20", "loss gemodel 5% 20%", "gilbert_elliott: {p_percent: 5, r_percent: 20}", "loss 20000"),
    ("gemodel-2-10-50", "loss gemodel 2% 10% 50%",
     "gilbert_elliott: {p_percent: 2, r_percent: 10, loss_bad_percent: 50}", "loss 20000"),
    ("duplicate", "duplicate 5%", "duplication_percent: 5", "loss 20000"),
]


def lateness():
    """By how much this machine is late: the 99th percentile of 200 sleeps, in seconds."""
    late = []
    for _ in range(200):
        begin = time.monotonic()
        time.sleep(0.005)
        late.append(time.monotonic() - begin - 0.005)
    return sorted(late)[197]


def wait_for_quiet(most=600):
    end = time.monotonic() + most
    while (late := lateness()) > 0.003 and time.monotonic() < end:
        time.sleep(5)
    return late


def netem(out, case):
    name, arguments, _, job = case
    listing = os.path.join(out, "cases.txt")
    with open(listing, "w") as file:
        file.write(f"{name}|{arguments}|{job}\n")
    python = os.path.realpath(shutil.which("python3") or sys.executable)
    subprocess.run(
        ["linux.uml", "mem=256M", "rootfstype=hostfs", "rootflags=/", "rw", f"init={HERE}/guest.sh", f"OUT={out}",
         f"CASES={listing}", f"PY={python}", f"SELF={HERE}", "con=null", "con0=fd:0,fd:1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
    if not os.path.exists(os.path.join(out, name + (".csv" if job.startswith("train") else ".counts"))):
        sys.exit(f"judge: netem in user-mode Linux gave nothing for {name}")


def kernel_drops(*ports):
    """Datagrams that a socket of one of these ports had no room for: no link lost those."""
    wanted = {f"{port:04X}" for port in ports}
    with open("/proc/net/udp") as file:
        lines = [line.split() for line in file.readlines()[1:]]
    return sum(int(fields[-1]) for fields in lines if fields[1].split(":")[1] in wanted)


def free_port():
    """Below those that the system gives to whoever asks for any."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def relay(out, case, seed):
    """Datagrams that the machine, and not the link, lost."""
    name, _, options, job = case
    if isinstance(options, str):
        profile = os.path.join(out, name + ".yaml")
        with open(profile, "w") as file:
            file.write(options + "\n")
        options = ["--profile", profile]
    receive = free_port()
    link = subprocess.Popen(
        [SOTTO, "link", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{receive}", "--quiet", "--seed", str(seed), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready = link.stdout.readline().split()
        if len(ready) != 2:
            sys.exit(f"judge: sotto link did not start: {link.stderr.read()}")
        port = ready[1].rsplit(":", 1)[1]
        sender = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "train.py"), "udp", "127.0.0.1", port, str(receive),
             os.path.join(out, name), *job.split()])
        dropped = 0
        while sender.poll() is None:
            dropped = max(dropped, kernel_drops(int(port), receive))
            time.sleep(0.2)
        if sender.returncode != 0:
            sys.exit("judge: train.py failed")
        return dropped
    finally:
        link.terminate()
        link.wait(10)


def statistics(out, case):
    """What is compared: (what, value, standard error; none for times)."""
    name, _, _, job = case
    path = os.path.join(out, name)
    if job.startswith("train"):
        count, gap = int(job.split()[2]), int(job.split()[3])
        with open(path + ".csv") as file:
            rows = [[int(field) for field in line.split(",")] for line in file]
        if len(rows) != count:
            return None
        delay = ("mean delay", sum(row[2] - row[1] for row in rows) / 1e9 / count, None)
        return [delay] if gap else [delay, ("spacing", (rows[-1][2] - rows[0][2]) / 1e9 / (count - 1), None)]
    with open(path + ".counts", "rb") as file:
        counts = file.read()
    n = len(counts)
    if name == "duplicate":
        share = sum(1 for count in counts if count > 1) / n
        return [("share that came twice", share, math.sqrt(share * (1 - share) / n)),
                ("share lost", counts.count(0) / n, 1 / n)]
    lost = [count == 0 for count in counts]
    share = sum(lost) / n
    pairs = sum(1 for a, b in zip(lost, lost[1:]) if a and b)
    after = pairs / max(1, sum(lost))
    # Correlation of neighbours, and how the chain forgets: its variance factor, 1 + 2 rho / (1 - lambda).
    correlation = (after - share) / (1 - share)
    memory = {"gemodel-5-20": 0.75, "gemodel-2-10-50": 0.88}.get(name, 0.0)
    factor = 1 + 2 * max(0.0, correlation) / (1 - memory) if memory else 1
    runs = sum(1 for a, b in zip([False] + lost, lost) if b and not a)
    mean = sum(lost) / max(1, runs)
    return [("share lost", share, math.sqrt(share * (1 - share) / n * factor)),
            ("lost after a loss", after, math.sqrt(max(after * (1 - after), 1e-9) / max(1, sum(lost)))),
            ("losses in a row", mean, math.sqrt(max(mean * (mean - 1), 1e-9) / max(1, runs)))]


def compare(case, folder_netem, folder_relay):
    theirs, ours = statistics(folder_netem, case), statistics(folder_relay, case)
    if theirs is None or ours is None:
        print(f"  {case[0]:16} datagrams are missing (netem {theirs is None}, sotto link {ours is None})")
        return False
    good = True
    for (what, a, error_a), (_, b, error_b) in zip(theirs, ours):
        allowed = max(0.01 * a, 0.005) if error_a is None else 4 * math.hypot(error_a, error_b)
        agrees = abs(a - b) <= allowed
        good = good and agrees
        print(f"  {case[0]:16} {what:22} netem {a:9.4f}  sotto link {b:9.4f}  difference {b - a:+.4f}, allowed {allowed:.4f}"
              f"{'' if agrees else '  NO'}", flush=True)
    return good


def main():
    for program, package in (("linux.uml", "user-mode-linux"), ("busybox", "busybox-static"), ("tc", "iproute2")):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin"):
            sys.exit(f"judge: {program} is missing: Scripts/setup --long gets {package}")
    pending = CASES
    for attempt in (1, 2):
        failed = []
        for case in pending:
            late = wait_for_quiet()
            if late > 0.003:
                print(f"  {case[0]:16} the machine is not quiet: a sleep is late by {late * 1000:.1f} ms in one of a hundred")
            with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
                netem(a, case)
                dropped = relay(b, case, attempt)
                agrees = compare(case, a, b)
                if dropped:
                    print(f"  {case[0]:16} the kernel dropped {dropped} datagrams before they were read: the machine is too busy")
                if not agrees:
                    failed.append(case)
        if not failed:
            print(f"netem and sotto link agree in all {len(CASES)} cases" + (
                "" if attempt == 1 else f", {len(pending)} of them at the second attempt"))
            return
        if attempt == 1:
            print("once more: " + ", ".join(case[0] for case in failed))
        pending = failed
    sys.exit("judge: netem and sotto link differ, also at the second attempt: " + ", ".join(c[0] for c in failed))


main()
