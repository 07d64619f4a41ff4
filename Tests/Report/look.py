"""Looks at the simulator's report in headless Chromium, in light and dark: seven drawings that are there and as large as they
say, no word outside of its drawing, text that can be read, nothing fetched from anywhere.

    look.py [--sotto PROGRAM] [--pictures FOLDER] [SCENARIO...]
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

# Into a copy of the page, since the page itself runs no script.
PROBE = """<script>
addEventListener('load', () => {
  const luminance = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = luminance(getComputedStyle(document.body).backgroundColor);
  const contrast = colour => {
    const text = luminance(colour);
    return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  };
  const drawings = [...document.querySelectorAll('svg')];
  const outside = [];
  let least = 99;
  for (const drawing of drawings) {
    const box = drawing.viewBox.baseVal;
    for (const text of drawing.querySelectorAll('text')) {
      const own = text.getBBox();
      if (own.x < -1 || own.y < -1 || own.x + own.width > box.width + 1 || own.y + own.height > box.height + 1)
        outside.push(text.textContent);
      if (!text.classList.contains('inside')) least = Math.min(least, contrast(getComputedStyle(text).fill));
    }
  }
  for (const cell of document.querySelectorAll('th, td, h2, p')) least = Math.min(least, contrast(getComputedStyle(cell).color));
  const result = {
    sections: document.querySelectorAll('section').length,
    empty: [...document.querySelectorAll('section')].filter(s => !s.querySelector('svg')).map(s => s.innerText),
    flat: drawings.filter(d => d.getBoundingClientRect().height < 20).length,
    outside, contrast: least, ground: ground,
    fetched: performance.getEntriesByType('resource').map(e => e.name),
    width: document.documentElement.scrollWidth <= innerWidth, height: document.documentElement.scrollHeight,
  };
  const note = document.createElement('pre');
  note.id = 'probe';
  note.textContent = JSON.stringify(result);
  document.body.append(note);
});
</script></body>"""


def chromium(folder, page, dark, *arguments):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", "--disable-extensions", f"--user-data-dir={folder}/browser",
               f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--host-resolver-rules=MAP * ~NOTFOUND",
               *arguments, "file://" + page]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def look(sotto, scenario, pictures):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        subprocess.run([sotto, "sim", "run", scenario, "--out", out], check=True, stdout=subprocess.DEVNULL)
        report = os.path.join(out, "report.html")
        with open(report) as file:
            text = file.read()
        probed = os.path.join(folder, "probed.html")
        with open(probed, "w") as file:
            file.write(text.replace("</body>", PROBE))
        name = os.path.splitext(os.path.basename(scenario))[0]
        grounds = []
        for dark in (False, True):
            style = "dark" if dark else "light"
            dom = chromium(folder, probed, dark, "--window-size=1000,1000", "--dump-dom")
            found = json.loads(re.search(r'<pre id="probe">(.*?)</pre>', dom, re.S)[1].replace("&lt;", "<").replace("&amp;", "&")
                               .replace("&gt;", ">"))
            print(f"{name}, {style}: {found}")
            assert found["sections"] == 7 and not found["flat"], found
            assert not found["outside"], found["outside"]
            assert not found["fetched"], found["fetched"]
            assert found["contrast"] >= 4.5, f"text of contrast {found['contrast']:.1f}: 4.5 is what WCAG 2.2 wants"
            assert found["width"], "wider than the window"
            # A scenario whose devices have no power section says so instead of drawing.
            assert all("power" in words or "Not computed" in words for words in found["empty"]), found["empty"]
            grounds.append(found["ground"])
            if pictures:
                os.makedirs(pictures, exist_ok=True)
                chromium(folder, report, dark, f"--window-size=1000,{found['height']}",
                         f"--screenshot={os.path.abspath(pictures)}/{name}-{style}.png")
        assert grounds[0] > 0.9 and grounds[1] < 0.1, grounds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sotto", default=os.path.join(ROOT, ".build/debug/sotto"))
    parser.add_argument("--pictures")
    parser.add_argument("scenarios", nargs="*")
    arguments = parser.parse_args()
    folder = os.path.join(ROOT, "Simulator/Scenarios")
    scenarios = arguments.scenarios or [os.path.join(folder, name) for name in ("greenhouse.yaml", "buoy.yaml", "lorawan-city.yaml")]
    for scenario in scenarios:
        look(arguments.sotto, scenario, arguments.pictures)
    print("the reports can be read, in light and dark, without a network")


main()
