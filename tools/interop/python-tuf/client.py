"""client: python-tuf's ngclient behind the command line that all clients of ./dev interop have (peers.py tells it)."""
import argparse
import os
import shutil
import sys

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--metadata-url")
    parser.add_argument("--metadata-dir", required=True)
    parser.add_argument("--target-name")
    parser.add_argument("--target-base-url")
    parser.add_argument("--target-dir")
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("init").add_argument("root")
    words.add_parser("refresh")
    words.add_parser("download")
    return parser.parse_args()


def main():
    given = options()
    os.makedirs(given.metadata_dir, exist_ok=True)
    if given.word == "init":
        shutil.copyfile(given.root, os.path.join(given.metadata_dir, "root.json"))
        return 0
    if given.target_dir:
        os.makedirs(given.target_dir, exist_ok=True)
    updater = Updater(given.metadata_dir, given.metadata_url, given.target_dir, given.target_base_url, bootstrap=None)
    updater.refresh()
    if given.word == "download":
        target = updater.get_targetinfo(given.target_name)
        if target is None:
            print(f"error: there is no target {given.target_name}", file=sys.stderr)
            return 1
        path = updater.find_cached_target(target) or updater.download_target(target)
        print(path)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RepositoryError, DownloadError, OSError) as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
