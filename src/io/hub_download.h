#pragma once
#include <string>

#include "inseq/progress.h"
#include "io/hub_settings.h"

namespace inseq::io {

/// What to fetch from the hub into its cache.
struct HubRequest {
  std::string id = "";            ///< "org/name"
  std::string revision = "main";  ///< branch, tag or commit
  std::string file = "";          ///< one .gguf file; "" for the files of a model folder
  HubSettings settings = {};
  /// It may throw to stop; what has arrived is continued next time.
  ProgressCallback progress = nullptr;
  std::string tried = "";  ///< for messages: where else the model was looked for
};

/// Fetches what the cache lacks and returns the snapshot's folder. Throws InvalidArgument when the
/// hub does not have or not give the model, FormatError when its answers make no sense,
/// DownloadError when the network or the disk fail.
std::string download_from_hub(const HubRequest& request);

}  // namespace inseq::io
