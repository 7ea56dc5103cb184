// Products in a simulated repository: their delegations, releases and channels, as tenon-repo publishes them.
// Nothing is served before RepositorySimulator::publish().
//
//   RepositorySimulator repository;
//   add_product(repository, "camera");
//   add_release(repository, {.version = "1.1.0", .sequence = 2, .image = image, .payload = encoded});
//   set_channel(repository, {.release = "1.1.0", .serial = 2});
//   repository.publish();
#pragma once

#include <tenon/policies/channel.h>
#include <tenon/policies/release.h>

#include <string>
#include <vector>

#include <tests/support/delta_payload.h>
#include <tests/support/local_payload.h>
#include <tests/support/repository_simulator.h>

namespace tenon::tests {

struct ReleaseContent {
  std::string product = "camera";
  std::string version = "1.0.0";
  std::int64_t sequence = 1;
  std::int64_t floor = 1;
  std::vector<std::string> hardware = {"board-a"};
  std::string slot = "rootfs";
  Bytes image = {};
  Bytes payload = {};  // the image, encoded
  std::string payload_kind = "full";
  std::vector<OfferedDelta> deltas = {};
  std::optional<LocalPayload> local = {};
  std::uint64_t segment_size = 64u << 10;  // bytes
  std::vector<policies::Bridge> bridges = {};
};

struct ChannelContent {
  std::string product = "camera";
  std::string channel = "stable";
  std::string release = "1.0.0";
  std::int64_t serial = 1;
  std::vector<std::string> withdrawn = {};
  policies::Rollout rollout = {};
};

// add_product makes the roles releases.<product> and rollout.<product>, both terminating.
void add_product(RepositorySimulator& repository, const std::string& product);

// add_release adds release.json, <slot>.segments, <slot>.<payload kind>, <slot>.0.delta and so on, and <slot>.blocks with
// <slot>.index, to releases.<product>.
policies::Release add_release(RepositorySimulator& repository, const ReleaseContent& content);

// set_channel makes a release the current one. Pre: it was added.
policies::Channel set_channel(RepositorySimulator& repository, const ChannelContent& content);

// segment_list is the file of 32 bytes for each segment.
Bytes segment_list(ByteView image, std::uint64_t segment_size);

policies::Label label(std::string_view text);
policies::Bridge bridge(std::int64_t below, std::string_view via);

}  // namespace tenon::tests
