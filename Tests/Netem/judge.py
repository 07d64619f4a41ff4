"""netem in a user-mode Linux as the judge of `sotto link`: the same trains and the same losses through both.

Each mean has to agree within the larger of 1 % and 5 ms, each loss statistic within four standard errors; one retry of what
does not. Needs the Debian packages user-mode-linux, busybox-static and iproute2; no root. Takes about two minutes.

    judge.py [SOTTO]
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOTTO = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".build", "debug", "sotto")

# Name, netem, the same for sotto link, what is sent. netem counts 42 bytes of Ethernet, IP and UDP, and whole bytes a second.
CASES = [
    ("200bit", "rate 200bit -42", ["--rate", "200"], "train 50 5"),
    ("1kbit", "rate 1kbit", ["--rate", "1000", "--overhead", "42"], "train 40 20"),
    ("10kbit", "rate 10kbit", ["--rate", "10000", "--overhead", "42"], "train 200 50"),
    ("1kbit-delay", "rate 1kbit delay 250ms", ["--rate", "1000", "--overhead", "42", "--latency", "0.25"], "train 40 10"),
    ("random", "loss random 10%", ["--loss", "10"], "loss 20000"),
    ("gemodel", "loss gemodel 5% 20%", {"gilbert_elliott": (5, 20)}, "loss 20000"),
]


def netem(out, cases):
    listing = os.path.join(out, "cases.txt")
    with open(listing, "w") as file:
        file.writelines(f"{name}|{arguments}|{job}\n" for name, arguments, _, job in cases)
    python = os.path.realpath(shutil.which("python3") or sys.executable)
    subprocess.run(
        ["linux.uml", "mem=512M", "rootfstype=hostfs", "rootflags=/", "rw", f"init={HERE}/guest.sh", f"OUT={out}",
         f"CASES={listing}", f"PY={python}", f"SELF={HERE}", "con=null", "con0=fd:0,fd:1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)


def relay(out, case, seed):
    name, _, options, job = case
    if isinstance(options, dict):
        p, r = options["gilbert_elliott"]
        profile = os.path.join(out, "ge.yaml")
        with open(profile, "w") as file:
            file.write(f"gilbert_elliott: {{p_percent: {p}, r_percent: {r}}}\n")
        options = ["--profile", profile]
    receive = 37000 + os.getpid() % 20000
    link = subprocess.Popen(
        [SOTTO, "link", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{receive}", "--quiet", "--seed", str(seed), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready = link.stdout.readline().split()
        if len(ready) != 2:
            sys.exit(f"judge: sotto link did not start: {link.stderr.read()}")
        port = ready[1].rsplit(":", 1)[1]
        subprocess.run(
            [sys.executable, os.path.join(HERE, "train.py"), "udp", "127.0.0.1", port, str(receive), os.path.join(out, name),
             *job.split()], check=True, timeout=300)
    finally:
        link.terminate()
        link.wait(10)


def statistics(out, case):
    """What is compared: (what, value, standard error; none for times)."""
    name, _, _, job = case
    path = os.path.join(out, name)
    if job.startswith("train"):
        count = int(job.split()[2])
        with open(path + ".csv") as file:
            rows = [[int(field) for field in line.split(",")] for line in file]
        if len(rows) != count:
            return None
        first = (rows[0][2] - rows[0][1]) / 1e9
        return [("first arrival", first, None), ("spacing", (rows[-1][2] - rows[0][2]) / 1e9 / (count - 1), None)]
    with open(path + ".bits", "rb") as file:
        lost = [1 - got for got in file.read()]
    n = len(lost)
    share = sum(lost) / n
    after = sum(1 for a, b in zip(lost, lost[1:]) if a and b) / max(1, sum(lost))
    # The chain's own memory makes the share vary more than independent losses would.
    memory = 0.75 if "gemodel" in name else 0.0
    error = math.sqrt(share * (1 - share) / n * (1 + memory) / (1 - memory))
    error_after = math.sqrt(max(after * (1 - after), 1e-9) / max(1, sum(lost)))
    return [("share lost", share, error), ("lost after a loss", after, error_after)]


def compare(case, netem_out, relay_out):
    theirs, ours = statistics(netem_out, case), statistics(relay_out, case)
    if theirs is None or ours is None:
        print(f"  {case[0]:12} datagrams are missing (netem {theirs is not None}, sotto link {ours is not None})")
        return False
    good = True
    for (what, a, error_a), (_, b, error_b) in zip(theirs, ours):
        allowed = max(0.01 * a, 0.005) if error_a is None else 4 * math.hypot(error_a, error_b)
        agrees = abs(a - b) <= allowed
        good = good and agrees
        print(f"  {case[0]:12} {what:18} netem {a:9.4f}  sotto link {b:9.4f}  difference {b - a:+.4f}, allowed {allowed:.4f}"
              f"{'' if agrees else '  NO'}")
    return good


def main():
    for program, package in (("linux.uml", "user-mode-linux"), ("busybox", "busybox-static"), ("tc", "iproute2")):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin"):
            sys.exit(f"judge: {program} is missing: apt install {package}")
    pending = CASES
    for attempt in (1, 2):
        failed = []
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            netem(a, pending)
            for case in pending:
                if not os.path.exists(os.path.join(a, case[0] + (".csv" if case[3].startswith("train") else ".bits"))):
                    sys.exit(f"judge: netem in user-mode Linux gave nothing for {case[0]}")
                relay(b, case, attempt)
                if not compare(case, a, b):
                    failed.append(case)
        if not failed:
            print("netem and sotto link agree")
            return
        pending = failed
    sys.exit("judge: netem and sotto link differ, also at the second attempt: " + ", ".join(c[0] for c in failed))


main()
