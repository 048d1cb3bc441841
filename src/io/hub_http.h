#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "inseq/error.h"

namespace inseq::io {

/// The network, the server or the disk failed; trying again later may help.
class DownloadError : public Error {
 public:
  using Error::Error;
};

/// An HTTP server's answer.
struct HttpResponse {
  long status = 0;                             ///< 200, 404, ...; 0 when there was no answer
  std::map<std::string, std::string> headers;  ///< by lower-case name
  std::string url;                             ///< the address that answered, after redirects
  std::string text;                            ///< the body, where `send` collected it
  std::string failure;     ///< why the answer is missing or cut short; "" when it is whole
  bool may_retry = false;  ///< a dropped connection or a server's passing trouble

  /// The header's value, or "".
  std::string header(const std::string& name) const;
  bool ok() const { return failure.empty() && status >= 200 && status < 300; }
  /// "answered 503" or the failure, for messages.
  std::string what_happened() const;
};

/// A GET or HEAD request.
struct HttpRequest {
  std::string url;
  bool head = false;   ///< HEAD: headers only
  int64_t offset = 0;  ///< when positive, asks for the bytes from here on
  /// Receives the body of 2xx answers piece by piece; may throw to stop.
  std::function<void(const HttpResponse&, std::string_view)> body = nullptr;
};

/// Speaks HTTP with one server and those it redirects to. Only http and https; the token goes to
/// the server of the first address alone (same scheme, host and port), never after a redirect
/// elsewhere.
class HttpClient {
 public:
  /// `tick` is called about ten times a second while the client waits or transfers; it may throw to
  /// stop. `retry_pause` comes before the second attempt and doubles after each.
  HttpClient(std::string token, std::function<void()> tick,
             std::chrono::milliseconds retry_pause = std::chrono::milliseconds(500));
  ~HttpClient();

  /// One attempt, redirects followed. Throws what `body` and `tick` throw; a failed connection is
  /// returned.
  HttpResponse send_once(const HttpRequest& request);
  /// A few attempts with growing pauses while the answer says `may_retry`. The body comes back in
  /// `text`; more than `limit` bytes are a FormatError.
  HttpResponse send(HttpRequest request, size_t limit = 0);

  /// The pause after so many failures in a row.
  void pause(int failures);
  static constexpr int kAttempts = 4;

 private:
  struct Handle;
  HttpResponse exchange(const HttpRequest& request, const std::string& url, bool with_token);

  std::string token_;
  std::function<void()> tick_;
  std::chrono::milliseconds retry_pause_;
  std::unique_ptr<Handle> handle_;
};

/// Bytes that are not letters, digits or -._~ become %XX; '/' is kept when `keep` says so ("/").
std::string percent_encode(std::string_view text, std::string_view keep = "");

/// What a server or a file of its says, made fit for a message: printable, at most 200 columns.
std::string excerpt(std::string_view text);

}  // namespace inseq::io
