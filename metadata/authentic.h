// Authentic<T>: metadata that enough of the right keys signed. It may raise a floor, and a root may lead to its
// successor; it authorises nothing else. The one threshold count of Tenon stands here.
//
//   Envelope --authenticate(authority)--> Authentic<T> --freshen(...)--> Fresh<T>      (fresh.h)
#pragma once

#include <tenon/metadata/envelope.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/rules.h>
#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/targets.h>
#include <tenon/metadata/timestamp.h>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tenon::metadata {

template <class T>
class Fresh;

// Tally is how many of a role's keys have signed an envelope. It is a count for tools and messages, not a proof.
struct Tally {
  std::vector<KeyId> signers;   // keyids of the role with a valid signature
  std::set<KeyMaterial> votes;  // distinct keys among them: two names for one key are one vote
  bool met(Threshold threshold) const { return votes.size() >= threshold.value(); }
};

// tally verifies the signatures of those keyids that the role lists; all others cost nothing and count nothing.
// Spec: 5.3.4
Tally tally(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role);

// Authority is the right of certain keys to sign one role: the edge from whoever named them. There is no other way to
// one than through a role that is fresh (authority() and edges_to() in fresh.h).
// Spec: 3.1.2.1
class Authority {
 public:
  // holder says whose keys these are, for messages: "timestamp keys of root v3".
  const std::string& holder() const { return holder_; }
  // keys holds those of the role that the rules allow, and those of the edges made together with this one.
  const KeyMap& keys() const { return *keys_; }
  const RoleKeys& role() const { return role_; }

 private:
  friend Authority authority(const Fresh<Root>& root, TopRole role, const Rules& rules);
  friend class TrustedTargets;
  Authority(std::shared_ptr<const KeyMap> keys, RoleKeys role, std::string holder)
      : keys_(std::move(keys)), role_(std::move(role)), holder_(std::move(holder)) {}

  std::shared_ptr<const KeyMap> keys_;
  RoleKeys role_;
  std::string holder_;
};

template <class T>
class Authentic {
 public:
  const T& value() const { return value_; }
  const T* operator->() const { return &value_; }
  const FileIdentity& identity() const { return identity_; }
  // take gives the value away, for the next rung.
  T take() && { return std::move(value_); }

 private:
  template <class U>
  friend Result<Authentic<U>> authenticate(const Envelope& envelope, const Authority& authority);
  friend Result<Authentic<Root>> embedded_root(ByteView file, const Rules& rules);
  friend Result<Authentic<Root>> next_root(const Authentic<Root>& trusted, ByteView file, const Rules& rules);
  Authentic(T value, FileIdentity identity) : value_(std::move(value)), identity_(identity) {}

  T value_;
  FileIdentity identity_;
};

// allowed_keys gives the keys that a role lists and the rules allow.
KeyMap allowed_keys(const RoleKeys& role, const KeyMap& keys, const Rules& rules);

// authenticate is the only door to Authentic<T> for timestamp, snapshot and targets of every depth. The payload is read
// after its signatures were verified.
// Errors: E_SIG below the threshold; E_PARSE.
template <class T>
Result<Authentic<T>> authenticate(const Envelope& envelope, const Authority& authority);

// embedded_root reads the root that the device was made with, the one file that vouches for itself: it must be
// well-formed and meet its own threshold; its expiry does not matter.
// Spec: 5.2
// Errors: E_PARSE, E_SIG, E_LIMIT
Result<Authentic<Root>> embedded_root(ByteView file, const Rules& rules = {});

// next_root takes one step of the chain of roots: signed to the threshold of the trusted root and of its own, version
// exactly one higher. Neither root need be unexpired: the one exception to "only Fresh authorises". A signature that both
// roots ask for is verified once.
// Spec: 5.3.4, 5.3.5, 5.3.6
// Errors: E_PARSE, E_SIG, E_LIMIT; E_ROLLBACK for any other version; E_POLICY for a root whose own root role could never
// be met with keys that verify here, since nothing could ever follow it.
Result<Authentic<Root>> next_root(const Authentic<Root>& trusted, ByteView file, const Rules& rules = {});

}  // namespace tenon::metadata
