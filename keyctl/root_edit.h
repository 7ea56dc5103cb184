// Editing a draft of the next root: who may sign what, how many must, until when. Drafts hold no signatures; an edit that
// would leave a role that nobody can sign is refused.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/root_file.h>

#include <span>
#include <string>
#include <vector>

namespace tenon::keyctl {

// KeyReference is a key as people name one: its file, or the first 8 or more characters of its keyid.
struct KeyReference {
  std::string text;                        // for messages
  std::optional<metadata::PublicKey> key;  // of a key file
};

// next_draft is the root after that one: the next version, the same holders, a new expiry, no signatures. What follows a
// rehearsal is one.
// Errors: E_LIMIT at the last version; E_POLICY for an expiry that is not after now, or for a rehearsal not within a day.
Result<RootFile> next_draft(const RootFile& previous, metadata::UtcTime expires, metadata::UtcTime now);

// The edits. Errors: E_POLICY for a key that is there already, or is not there; for a role whose threshold its keys could
// not meet any more; E_USAGE for a keyid that is too short or names several keys.
Result<void> add_key(metadata::Root& root, metadata::TopRole role, const hsm::KeyFile& key);
Result<void> remove_key(metadata::Root& root, metadata::TopRole role, const KeyReference& key);
// replace_key takes one key out and puts another in its place.
Result<void> replace_key(metadata::Root& root, metadata::TopRole role, const KeyReference& old_key,
                         const hsm::KeyFile& new_key);
// revoke_key takes a key out of every role. Returns: the roles.
Result<std::vector<metadata::TopRole>> revoke_key(metadata::Root& root, const KeyReference& key);
Result<void> set_threshold(metadata::Root& root, metadata::TopRole role, std::int64_t threshold);

// parse_top_role reads "root", "targets", "snapshot" or "timestamp". Errors: E_USAGE.
Result<metadata::TopRole> parse_top_role(std::string_view text);

}  // namespace tenon::keyctl
