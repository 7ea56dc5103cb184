#!/usr/bin/env python3
"""seed_bug: writes a copy of one source file of the product with a bug in it, for a tenond that the replay must catch.

  seed_bug.py NAME SOURCE COPY

It fails when the source is not what the bug was written for: when its text is not there exactly once.
"""
import sys
from pathlib import Path

TO_COMMITTING = """\
  if (journal.state == UpdateState::kTrial) TENON_TRY_VOID(set_state(journal, UpdateState::kCommitting));
"""
BUGS = {
    # The slot is not flushed before its checkpoint, and so neither before it is stamped and armed.
    "unflushed": ("  TENON_TRY_VOID(slot_->flush());\n", ""),
    # The boot record arms a slot that nobody has read back.
    "unread": ("  return installer.read_back();\n", "  return {};\n"),
    # The floor rises when the trial is found healthy, before the boot record commits it.
    "early_floor": (TO_COMMITTING, TO_COMMITTING + """\
  TENON_TRY(Floors early, floors());
  TENON_TRY(const policies::Sequence early_sequence, policies::Sequence::create(journal.sequence));
  early.sequence.raise(early_sequence, policies::Sequence::first());
  TENON_TRY_VOID(state_.save_floors(early, {}));
"""),
}


def main():
    name, source, copy = sys.argv[1:]
    text = Path(source).read_text()
    sound, broken = BUGS[name]
    if text.count(sound) != 1:
        raise SystemExit(f"error: {source} has the text of the bug {name} {text.count(sound)} times, not once\n"
                         "  hint: write the bug anew in tests/replay/seed_bug.py")
    Path(copy).parent.mkdir(parents=True, exist_ok=True)
    Path(copy).write_text(f'#line 1 "{source}"\n' + text.replace(sound, broken))


if __name__ == "__main__":
    main()
