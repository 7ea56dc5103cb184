// Catching up: a folder that is older than the store it publishes to takes over what the store has, verified as a device
// would that knows what the folder knows, down to the signatures of every role. So a job that lost a race, a folder
// restored from a backup, and a publication that was ended after the store had it all go on from the newest state. Target
// files stay where they are.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/object_store.h>
#include <tenon/repo_tools/repository.h>

namespace tenon::repo_tools {

// catch_up gives the version of the timestamp that it took over, and logs it; nothing when the folder was not behind. New
// roots of the store are taken over whatever its timestamp is. A timestamp that the newest root's keys have not signed is
// none: what is published next takes its place.
// Errors: E_POLICY when folder and store have different files of one version; those of a client; those of the store.
Result<std::optional<metadata::Version>> catch_up(const Repository& repository, FileWriter& writer, ObjectStore& store,
                                                  metadata::UtcTime now);

}  // namespace tenon::repo_tools
