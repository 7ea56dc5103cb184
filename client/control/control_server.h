// ControlServer: serves a DeviceControl at a Unix socket, by varlink. Everybody may look; only root, this daemon's own user and members of
// one group may act, by what the kernel says of the caller (SO_PEERCRED, SO_PEERGROUPS).
// Each connection has a thread, and their number is bounded, most of all of those who may not act. Closing a connection may take
// as long as its caller likes, because of files that were handed over: only threads of connections close any.
// Thread: any.
#pragma once

#include <tenon/client/control/device_control.h>
#include <tenon/client/control/event_hub.h>

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace tenon::client {

// may_act Thread: any. Pure.
bool may_act(const Caller& caller, uid_t own, std::optional<gid_t> group);

struct ControlPlace {
  std::string socket;                // its folder is there, and nobody else may write to it
  std::string group = {};            // whose members may act; empty, or a group that is not there: root alone
  std::string version = {};          // what is told of this daemon
  std::set<std::string> looks = {};  // the methods that everybody may call; what they tell goes to their caller alone
  std::set<std::string> acts = {};   // the others
  std::string description = {};      // of the interface, in varlink's language
};

class ControlServer {
 public:
  // start Caller must keep both alive. Calls come from several threads at once. Everything that can be seen to go wrong while it runs
  // ends a connection, never the process.
  // Errors: E_BUSY when somebody answers there already; E_STORAGE; E_USAGE for a folder that others may write to.
  static Result<std::unique_ptr<ControlServer>> start(ControlPlace place, DeviceControl& device, EventHub& hub);
  // Calls that go on are waited for.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  struct Connection;
  ControlServer(ControlPlace place, int listener, std::optional<gid_t> group, DeviceControl& device, EventHub& hub);

  void accept_all();
  void admit(int descriptor);
  bool has_place_for(uid_t uid, bool acts) const;
  void forget_ended();
  void serve(ControlStream& stream, bool acts);
  Result<void> answer(ControlStream& stream, const VarlinkCall& call, bool acts);
  VarlinkReply reply_to(ControlStream& stream, const VarlinkCall& call, bool acts);
  void watch(ControlStream& stream);

  ControlPlace place_;
  int listener_;  // owned
  std::optional<gid_t> group_;
  DeviceControl& device_;
  EventHub& hub_;
  std::list<Connection> connections_;  // of the accepting thread alone
  std::thread accepting_;
};

}  // namespace tenon::client
