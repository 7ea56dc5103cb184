// RepositoryProgram: what a fuzzer does to a repository, to the network and to a device's files, a few bytes of its
// input for each deed. The repository signs whatever becomes of its roles, with keys of the tests, so that what is
// wrong gets past the signatures to the checks behind them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <fuzz/byte_program.h>
#include <tests/support/repository_simulator.h>

namespace tenon::fuzz {

// base_repository has each role, a delegation to "d1" and a target in both, at version 2, but for root.
const tests::RepositorySimulator& base_repository();

// pool_key gives one of the 48 keys that all harnesses sign with. Pre: number from 1 to 48.
const tests::TestKey& pool_key(std::uint32_t number);
// holder_of gives the pool's key with that public key, under that keyid; nothing if nobody has the secret.
std::optional<tests::TestKey> holder_of(const metadata::KeyId& keyid, const metadata::PublicKey& key);

// damaged gives the bytes with one thing wrong: a bit, a byte more or less, a window twice, the end gone, all gone.
Bytes damaged(Bytes bytes, ByteProgram& program);

class RepositoryProgram {
 public:
  explicit RepositoryProgram(tests::RepositorySimulator& repository) : repository_(&repository) { note_timestamp(); }

  // publish_step changes what the repository's owners publish; serve_step what the network makes of it.
  void publish_step(ByteProgram& program);
  void serve_step(ByteProgram& program);
  // some_file is any file that was ever published.
  Bytes some_file(ByteProgram& program) const;

  // publish gives all but root a new version, as far as there is one.
  void publish();

 private:
  void raise(metadata::RoleHeader& header);
  void write_from(const std::string& role, bool new_versions);
  void change_keys(ByteProgram& program);
  void change_version(ByteProgram& program);
  void change_time(ByteProgram& program);
  void change_pins(ByteProgram& program);
  void change_signed_part(ByteProgram& program);
  void change_signatures(ByteProgram& program);
  void change_delegations(ByteProgram& program);
  void note_timestamp();

  tests::RepositorySimulator* repository_;
  std::vector<Bytes> timestamps_;  // the only files without a version in their name
};

}  // namespace tenon::fuzz
