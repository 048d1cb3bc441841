#pragma once
#include <cstdint>
#include <string>

#include "inseq/progress.h"

namespace inseq::io {

/// How to look for a model that is named, not pointed at.
struct LocationOptions {
  std::string revision = "main";  ///< branch, tag or commit of a hub model
  bool offline = false;           ///< also HF_HUB_OFFLINE=1: never download
  /// Bytes of downloads. It may throw to stop; the next call goes on from there.
  ProgressCallback progress = nullptr;
};

/// A model on disk.
struct ModelLocation {
  std::string path;  ///< a folder with config.json, or a .gguf file
  bool is_gguf = false;
  std::string name;  ///< what the user called it; "" became the default model's name
};

/// Finds `name_or_path`: a folder, a `.gguf` file, the name of a hub model in the Hugging Face
/// cache or downloaded into it ("org/name", "name", or "org/name/file.gguf" for one GGUF file),
/// "demo:en-fr" for a model that comes with the program (io/demo_models.h), or "" for the default
/// model. A model that is in the cache is used as it is: the hub is not asked
/// whether its branch has moved on. Throws InvalidArgument saying every place that was looked at,
/// DownloadError (io/hub_http.h) when the network or the disk fail, FormatError when a server's
/// answer is not what it announced.
ModelLocation locate_model(const std::string& name_or_path, const LocationOptions& options = {});

/// $XDG_CACHE_HOME/inseq, else ~/.cache/inseq: where this program keeps its own files.
std::string cache_folder();

/// Name of the default model and the file it is kept in: `$XDG_CACHE_HOME/inseq/models/…` (or
/// ~/.cache).
const char* default_model_name();
std::string default_model_path();
/// How large that file must be, in bytes. Who fetches it checks its sum as well.
int64_t default_model_size();

}  // namespace inseq::io
