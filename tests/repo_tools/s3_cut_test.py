"""tenon-repo publish --to s3://, killed at each request, while clients refresh.

TENON_BIN_DIR names the folder of tenon-repo, tenon-keyctl and refresh_loop.
"""
import itertools
import subprocess
import unittest

from bucket import OwnServer
from publish_cut_test import Fleet
from repo_cli_test import NOTHING, REPO

ENOUGH_REFRESHES = 10_000


class Killed(OwnServer):
    # Book: SRV-01, SRV-03
    def test_killed_at_each_request_clients_see_the_old_or_the_new_and_publishing_again_completes(self):
        refreshes, seen, total = 0, set(), self.requests()
        cuts = [(which, is_done) for which in range(1, total + 1) for is_done in (False, True)]
        for round_, (which, is_done) in enumerate(itertools.cycle(cuts)):
            if round_ >= len(cuts) and refreshes >= ENOUGH_REFRESHES:
                break
            self.restore()
            with self.server() as server, Fleet(self.folder, "served") as fleet:
                publisher = subprocess.Popen([REPO, "publish", "repo", *self.to(server.endpoint), "--s3-workers", "1"],
                                             cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE)

                def kill():
                    publisher.kill()
                    publisher.wait()
                    return None if is_done else "drop"

                server.fault = self.at(which, kill)
                publisher.communicate(timeout=60)
                server.fault = None
                again = self.publish(server)
                self.assertIn(again.returncode, (0, NOTHING), again.stderr)
            self.assertEqual(fleet.report["error"], "")
            self.assertIn(fleet.report["seen"], (["1.0.0", "1.1.0"], ["1.1.0"]))
            refreshes += fleet.report["refreshes"]
            seen.update(fleet.report["seen"])
            self.assertEqual(self.serves(), ["1.1.0"])
            self.assertEqual(self.installs(), ["1.1.0"])
        print(f"{total} requests, killed at each before it was done and after; {refreshes} refreshes meanwhile, of {sorted(seen)}")

if __name__ == "__main__":
    unittest.main()
