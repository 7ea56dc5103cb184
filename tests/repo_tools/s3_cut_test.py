"""tenon-repo publish --to s3://, killed at each request, while clients refresh.

TENON_BIN_DIR names the folder of tenon-repo, tenon-keyctl and refresh_loop.
"""
import subprocess
import unittest

from bucket import OwnServer
from publish_cut_test import Fleet
from repo_cli_test import NOTHING, REPO

ENOUGH_REFRESHES = 10_000


class Killed(OwnServer):
    # Book: SRV-01, SRV-03
    def test_killed_at_each_request_clients_see_the_old_or_the_new_and_publishing_again_completes(self):
        refreshes, seen, which, total = 0, set(), 0, self.requests()
        while which < total or refreshes < ENOUGH_REFRESHES:
            which += 1
            self.restore()
            with self.server() as server, Fleet(self.folder, "served") as fleet:
                publisher = subprocess.Popen([REPO, "publish", "repo", *self.to(server.endpoint), "--s3-workers", "1"],
                                             cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE)

                def kill(done_first):
                    publisher.kill()
                    publisher.wait()
                    return None if done_first else "drop"

                # In turn before the request was done and after it.
                server.fault = self.at((which - 1) % total + 1, lambda: kill(which % 2 == 0))
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
        print(f"{total} requests, killed at each {which // total} times; {refreshes} refreshes meanwhile, of {sorted(seen)}")

if __name__ == "__main__":
    unittest.main()
