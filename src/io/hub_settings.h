#pragma once
#include <chrono>
#include <string>

namespace inseq::io {

/// What the environment says about the Hugging Face hub, read as Python's huggingface_hub reads it.
struct HubSettings {
  std::string cache;     ///< folder of the models--org--name folders
  std::string endpoint;  ///< "https://host", without a closing slash
  bool offline = false;  ///< never download
  bool symlinks = true;  ///< snapshots link to blobs; otherwise they hold the files themselves
  std::chrono::milliseconds retry_pause{500};  ///< before the second attempt; doubled after each
};

/// Reads HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_ENDPOINT, HF_HUB_OFFLINE,
/// TRANSFORMERS_OFFLINE and HF_HUB_DISABLE_SYMLINKS.
HubSettings hub_settings();

/// The user's access token from HF_TOKEN or the token file (HF_TOKEN_PATH, else HF_HOME/token), or
/// "" where there is none or HF_HUB_DISABLE_IMPLICIT_TOKEN is set.
std::string hub_token();

/// $XDG_CACHE_HOME, else ~/.cache.
std::string user_cache_folder();

}  // namespace inseq::io
