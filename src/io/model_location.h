#pragma once
#include <string>

#include "inseq/progress.h"

namespace inseq::io {

/// How to look for a model that is named, not pointed at.
struct LocationOptions {
  std::string revision = "main";  ///< branch, tag or commit of a hub model
  bool offline = false;           ///< also HF_HUB_OFFLINE=1: never download
  ProgressCallback progress;      ///< bytes of downloads
};

/// A model on disk.
struct ModelLocation {
  std::string path;      ///< a folder with config.json, or a .gguf file
  bool is_gguf = false;
  std::string name;      ///< what the user called it; "" became the default model's name
};

/// Finds `name_or_path`: a folder, a `.gguf` file, the name of a hub model in the Hugging Face cache or downloaded
/// into it, or "" for the default model. Throws InvalidArgument saying every place that was looked at.
ModelLocation locate_model(const std::string& name_or_path, const LocationOptions& options = {});

/// Name of the default model and the file it is kept in: `$XDG_CACHE_HOME/inseq/models/…` (or ~/.cache).
const char* default_model_name();
std::string default_model_path();

}  // namespace inseq::io
