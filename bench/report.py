"""report: what was measured, and whether each bound holds."""
import dataclasses


class Report:
    def __init__(self):
        self.figures, self.bounds = {}, []

    def say(self, text=""):
        print(text, flush=True)

    def keep(self, name, value):
        self.figures[name] = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value

    def bound(self, text, holds):
        self.bounds.append({"bound": text, "holds": bool(holds)})
        self.say(f"  {'PASS' if holds else 'FAIL'}  {text}")

    def table(self, title, figures):
        self.say(f"{'':14}{'wall ms':>9}{'cpu ms':>9}{'(least)':>9}{'peak MiB':>10}{'anon MiB':>10}")
        for name, row in figures.items():
            self.say(f"{name:14}{row.wall_ms:9.1f}{row.cpu_ms:9.1f}{row.cpu_low_ms:9.1f}"
                     f"{row.peak_mib:10.1f}{row.anonymous_mib:10.1f}")
            self.keep(f"{title}/{name}", row)
