#include "io/hub_http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

#include "base/display_width.h"

namespace inseq::io {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kMaxHeaders = 200;
constexpr size_t kMaxIgnored = 1 << 16;
constexpr long kConnectSeconds = 10;  // as huggingface_hub
constexpr long kSilentSeconds = 30;   // without a byte: the connection counts as dropped
constexpr auto kTick = std::chrono::milliseconds(100);

/// State of one request while libcurl runs. Exceptions may not cross libcurl's C code: they wait in
/// `error`.
struct Exchange {
  const HttpRequest* request = nullptr;
  const std::function<void()>* tick = nullptr;
  HttpResponse response;
  std::exception_ptr error;
  size_t ignored = 0;         // bytes of the body of an answer that is not 2xx
  bool body_refused = false;  // ... which were too many to read on
  std::chrono::steady_clock::time_point last_tick = std::chrono::steady_clock::now();

  template <typename Work>
  bool run(const Work& work) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();  // thrown again when libcurl has returned
    }
    return error == nullptr;
  }
};

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

/// "HTTP/1.1 206 Partial" starts an answer (interim ones come first); "Name: value" belongs to it.
void read_header_line(std::string_view line, HttpResponse& response) {
  if (line.starts_with("HTTP/")) {
    response.headers.clear();
    const size_t space = line.find(' ');
    response.status =
        space == line.npos ? 0 : std::atol(std::string(line.substr(space + 1, 3)).c_str());
    return;
  }
  const size_t colon = line.find(':');
  if (colon == line.npos || response.headers.size() >= kMaxHeaders) return;
  std::string name = trimmed(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  response.headers[name] = trimmed(line.substr(colon + 1));
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  return exchange.run([&] { read_header_line(line, exchange.response); }) ? line.size() : 0;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view piece(data, size * count);
  if (exchange.response.status < 200 || exchange.response.status >= 300) {
    exchange.ignored += piece.size();
    exchange.body_refused = exchange.ignored > kMaxIgnored;
    return exchange.body_refused ? 0 : piece.size();
  }
  const auto work = [&] {
    if (exchange.request->body) exchange.request->body(exchange.response, piece);
  };
  return exchange.run(work) ? piece.size() : 0;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& exchange = *static_cast<Exchange*>(user);
  const auto now = std::chrono::steady_clock::now();
  if (now - exchange.last_tick < kTick || !*exchange.tick) return 0;
  exchange.last_tick = now;
  return exchange.run([&] { (*exchange.tick)(); }) ? 0 : 1;
}

/// Whether a new attempt can help after this failure; a wrong address or certificate stays wrong.
bool passes_by_itself(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

/// "https://host:443", or "" for what is not an http or https address.
std::string origin_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "";
  std::string origin;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    origin += (part == CURLUPART_SCHEME ? ""
               : part == CURLUPART_HOST ? "://"
                                        : ":") +
              std::string(text);
    curl_free(text);
  }
  return origin.starts_with("http://") || origin.starts_with("https://") ? origin : "";
}

/// A file of certificates that Python's HTTP libraries would use as well.
const char* certificates() {
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* path = std::getenv(name);
    if (path != nullptr && *path != '\0') return path;
  }
  return nullptr;
}

void set_options(CURL* curl, Exchange& exchange, const std::string& url) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "inseq.cpp");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOBODY, exchange.request->head ? 1L : 0L);
  if (certificates() != nullptr) curl_easy_setopt(curl, CURLOPT_CAINFO, certificates());
  if (exchange.request->offset > 0) {
    curl_easy_setopt(curl, CURLOPT_RANGE, concat(exchange.request->offset, "-").c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
}

/// Where a 3xx answer leads, or "".
std::string redirect_of(CURL* curl, const HttpResponse& response) {
  const long status = response.status;
  const bool redirects =
      status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  const char* url = nullptr;
  if (redirects) curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &url);
  return url == nullptr ? "" : url;
}

}  // namespace

struct HttpClient::Handle {
  Handle() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = ready == CURLE_OK ? curl_easy_init() : nullptr;
    if (curl == nullptr) throw DownloadError("libcurl does not start; nothing can be downloaded");
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* curl = nullptr;
  std::string redirect;  // where the last answer leads
};

HttpClient::HttpClient(std::string token, std::function<void()> tick,
                       std::chrono::milliseconds retry_pause)
    : token_(std::move(token)),
      tick_(std::move(tick)),
      retry_pause_(retry_pause),
      handle_(std::make_unique<Handle>()) {}
HttpClient::~HttpClient() = default;

HttpResponse HttpClient::exchange(const HttpRequest& request, const std::string& url,
                                  bool with_token) {
  Exchange exchange;
  exchange.request = &request;
  exchange.tick = &tick_;
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);  // keeps open connections
  set_options(curl, exchange, url);
  // The true bytes are wanted: their number and checksum are known.
  curl_slist* headers = curl_slist_append(nullptr, "Accept-Encoding: identity");
  if (with_token && !token_.empty()) {
    headers = curl_slist_append(headers, ("Authorization: Bearer " + token_).c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  char details[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
  if (exchange.error) std::rethrow_exception(exchange.error);

  HttpResponse response = std::move(exchange.response);
  response.url = url;
  if (code != CURLE_OK && !exchange.body_refused) {
    response.failure = *details != '\0' ? details : curl_easy_strerror(code);
    response.may_retry = passes_by_itself(code);
  } else {
    const long s = response.status;
    response.may_retry = s == 408 || s == 429 || s == 500 || s == 502 || s == 503 || s == 504;
    handle_->redirect = redirect_of(curl, response);
  }
  return response;
}

HttpResponse HttpClient::send_once(const HttpRequest& request) {
  std::string url = request.url;
  std::string origin = origin_of(url);
  INSEQ_CHECK(!origin.empty(), InvalidArgument, "\"", excerpt(url),
              "\" is no http:// or https:// address; check HF_ENDPOINT");
  bool at_home = true;  // no redirect has left the first server yet
  std::map<std::string, std::string> linked;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    handle_->redirect.clear();
    HttpResponse response = exchange(request, url, at_home);
    // The hub says what a file is ("x-linked-etag") before it redirects to where the bytes are.
    if (at_home) {
      for (const auto& [name, value] : response.headers) {
        if (name.starts_with("x-")) linked[name] = value;
      }
    }
    for (const auto& [name, value] : linked) response.headers[name] = value;
    const std::string next = handle_->redirect;
    if (next.empty()) return response;
    const std::string next_origin = origin_of(next);
    if (next_origin.empty() || (origin.starts_with("https:") && next_origin.starts_with("http:"))) {
      throw DownloadError(concat(excerpt(url), " redirects to ", excerpt(next),
                                 ", which is not followed; check HF_ENDPOINT"));
    }
    const bool leaves = next_origin != origin;
    if (request.head && leaves && linked.contains("x-linked-etag")) return response;
    at_home = at_home && !leaves;
    origin = next_origin;
    url = next;
  }
  throw DownloadError(
      concat(excerpt(request.url), " redirects more than ", kMaxRedirects, " times"));
}

HttpResponse HttpClient::send(HttpRequest request, size_t limit) {
  std::string text;
  request.body = [&](const HttpResponse&, std::string_view piece) {
    INSEQ_CHECK(piece.size() <= limit - text.size(), FormatError, excerpt(request.url),
                ": the answer is longer than ", limit, " bytes");
    text.append(piece);
  };
  for (int failures = 0;;) {
    text.clear();
    HttpResponse response = send_once(request);
    response.text = std::move(text);
    if (!response.may_retry || ++failures == kAttempts) return response;
    pause(failures);
  }
}

void HttpClient::pause(int failures) {
  auto left = retry_pause_ * (1 << std::clamp(failures - 1, 0, 5));
  do {
    if (tick_) tick_();
    const auto slice = std::min<std::chrono::milliseconds>(left, kTick);
    std::this_thread::sleep_for(slice);
    left -= slice;
  } while (left.count() > 0);
}

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string HttpResponse::what_happened() const {
  if (!failure.empty()) return excerpt(failure);
  const std::string reason = excerpt(header("x-error-message"));
  return concat("the server answered ", status, reason.empty() ? "" : " (" + reason + ")");
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  std::string out;
  for (const unsigned char c : text) {
    const bool plain =
        (c < 128 && std::isalnum(c) != 0) ||
        std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos ||
        keep.find(static_cast<char>(c)) != std::string_view::npos;
    if (plain) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += "0123456789ABCDEF"[c >> 4];
      out += "0123456789ABCDEF"[c & 15];
    }
  }
  return out;
}

std::string excerpt(std::string_view text) {
  constexpr size_t kBytes = 1000;  // a bound on the work
  constexpr int kColumns = 200;
  const std::string_view start = text.substr(0, kBytes);
  const bool cut = start.size() < text.size();
  return truncate_to_width(printable(start) + (cut ? "…" : ""), kColumns);
}

}  // namespace inseq::io
