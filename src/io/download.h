#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "io/hub_http.h"

namespace inseq::io {

/// A file to fetch. Its bytes are collected in `path`.incomplete, which stays when the work is
/// interrupted and is continued by the next attempt; `path` appears at once, complete and checked.
struct FileDownload {
  std::string url;
  std::string path;
  std::string label;     ///< what messages call it
  int64_t size = -1;     ///< bytes; -1 when unknown
  std::string checksum;  ///< 64 hex digits: SHA-256; 40: git's blob SHA-1; else unchecked
  std::function<void(int64_t)> on_bytes;  ///< told how many bytes are there
};

/// Fetches the file. Throws DownloadError when connections keep dropping, the server refuses or the
/// disk is full, FormatError when what arrives is not what was announced, and whatever the client's
/// tick throws.
void download_file(HttpClient& client, const FileDownload& file);

}  // namespace inseq::io
