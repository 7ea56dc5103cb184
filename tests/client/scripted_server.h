// ScriptedServer: a server on this machine that answers exactly what a test tells it, also what no server should, one
// connection after the other; and what a CurlFetcher makes of it.
// Thread: the script runs in a thread of the server's own.
#pragma once

#include <tenon/client/curl/curl_fetcher.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tenon::client {

// Connection is what a test's script talks through.
class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {}
  // send gives false when the other side has gone.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // read_request reads up to the empty line; "" when the other side has gone.
  std::string read_request() const {
    std::string request;
    char c = 0;
    while (!request.ends_with("\r\n\r\n")) {
      if (::recv(socket_, &c, 1, 0) != 1) return "";
      request += c;
    }
    return request;
  }
  void wait_until_closed() const {
    char c = 0;
    while (::recv(socket_, &c, 1, 0) > 0) {
    }
  }
  // close is how a reply without a length ends.
  void close() const { ::shutdown(socket_, SHUT_RDWR); }

 private:
  int socket_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(const Connection&, const std::string& request)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int connections() const { return connections_; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      ++connections_;
      if (begin(socket)) talk(Connection(socket));
      const std::lock_guard lock(mutex_);
      ::close(std::exchange(current_, -1));
    }
  }
  bool begin(int socket) {
    const std::lock_guard lock(mutex_);
    current_ = socket;
    return !stopping_;
  }
  void talk(const Connection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      script_(connection, request);
    }
  }

  Script script_;
  int listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  int current_ = -1;
  bool stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

inline ScriptedServer::Script always(std::string reply) {
  return [reply = std::move(reply)](const Connection& connection, const std::string&) {
    connection.send(reply);
    connection.close();
  };
}

inline std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string redirect_to(const std::string& location) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
}

class CollectingSink final : public ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    if (refusal) return *refusal;
    text += as_text(piece);
    return {};
  }
  std::string text;
  std::optional<Error> refusal = {};
};

struct Fetched {
  Result<FetchOutcome> outcome;
  std::string body;
};

inline FetchOptions impatient() {
  FetchOptions options;
  options.connect_timeout = std::chrono::seconds(5);
  options.stall_time = std::chrono::seconds(1);
  return options;
}

inline std::unique_ptr<CurlFetcher> fetcher_for(const std::string& url, FetchOptions options = impatient()) {
  auto fetcher = CurlFetcher::create(url, "tenon-test/1", std::move(options));
  EXPECT_TRUE(fetcher) << fetcher.error().message;
  return *std::move(fetcher);
}

inline Fetched fetch(CurlFetcher& fetcher, std::uint64_t offset = 0, std::uint64_t max_length = 1000) {
  CollectingSink sink;
  auto outcome = fetcher.fetch({"metadata/file.json", offset, max_length}, sink);
  return {std::move(outcome), std::move(sink.text)};
}

inline Fetched fetch_from(const ScriptedServer& server, std::uint64_t offset = 0, std::uint64_t max_length = 1000) {
  return fetch(*fetcher_for(server.url()), offset, max_length);
}

inline void expect_error(const Fetched& fetched, ErrorCode code) {
  ASSERT_FALSE(fetched.outcome.has_value());
  EXPECT_EQ(fetched.outcome.error().code, code) << fetched.outcome.error().message;
  EXPECT_NE(fetched.outcome.error().message.find("/metadata/file.json: "), std::string::npos)
      << fetched.outcome.error().message;
}

}  // namespace tenon::client
