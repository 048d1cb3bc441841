#include "io/model_location.h"

#include <filesystem>
#include <optional>

#include "base/text_distance.h"
#include "inseq/error.h"
#include "io/demo_models.h"
#include "io/hub_cache.h"
#include "io/hub_download.h"
#include "io/hub_files.h"
#include "io/hub_http.h"
#include "io/hub_settings.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

/// "org/name" and, where one GGUF file of it is meant, the file: "org/name/q4.gguf".
struct HubName {
  std::string id;
  std::string file;
};

std::optional<HubName> parse_hub_name(const std::string& text) {
  const bool gguf = text.ends_with(".gguf");
  if (!gguf) return is_hub_name(text) ? std::optional<HubName>({text, ""}) : std::nullopt;
  const size_t slash = text.find('/');
  const size_t second = slash == text.npos ? text.npos : text.find('/', slash + 1);
  if (second == text.npos) return std::nullopt;
  const HubName name{text.substr(0, second), text.substr(second + 1)};
  return is_hub_name(name.id) && is_safe_file_name(name.file) ? std::optional(name) : std::nullopt;
}

ModelLocation default_model() {
  const std::string path = default_model_path();
  std::error_code failure;
  const auto size = fs::file_size(path, failure);
  INSEQ_CHECK(!failure, InvalidArgument, "the default model ", default_model_name(),
              " is not there (", path,
              "); run ./dev setup to fetch it, or choose a model with --model_name_or_path");
  INSEQ_CHECK(static_cast<int64_t>(size) == default_model_size(), FormatError, path, ": has ", size,
              " bytes, the default model has ", default_model_size(),
              "; delete the file and run ./dev setup again");
  return {path, true, default_model_name()};
}

ModelLocation in_folder(const std::string& path) {
  std::error_code ignored;
  if (fs::is_regular_file(fs::path(path) / "config.json", ignored)) return {path, false, path};
  const std::vector<std::string> names = names_in(path);
  std::string hint;
  for (const std::string& name : names) {
    if (name.ends_with(".gguf") && hint.empty()) {
      hint = concat("; to use its GGUF file, name ", (fs::path(path) / name).string());
    }
  }
  if (is_hub_name(path))
    hint += "; a hub model of this name is not looked for while the folder is there";
  throw InvalidArgument(concat("the folder ", path, " holds no config.json, so it is no model; ",
                               names.empty() ? "it is empty" : "it holds " + some_of(names), hint));
}

ModelLocation at_file(const std::string& path) {
  INSEQ_CHECK(
      path.ends_with(".gguf"), InvalidArgument, path,
      " is a file, but no .gguf file; name a .gguf file, or the folder that holds config.json "
      "and the weights");
  return {path, true, path};
}

/// "; did you mean ..." for the file or folder nearest to a path that does not exist.
std::string near_path(const std::string& path) {
  fs::path wanted(path);
  if (!wanted.has_filename()) wanted = wanted.parent_path();
  const fs::path folder = wanted.has_parent_path() ? wanted.parent_path() : fs::path(".");
  std::vector<std::string> choices;
  for (const std::string& name : names_in(folder.string())) {
    choices.push_back(wanted.has_parent_path() ? (folder / name).string() : name);
  }
  return did_you_mean(wanted.string(), choices);
}

/// The model in the cache, or nothing; `lacks` becomes what a partial copy is missing.
std::optional<ModelLocation> in_cache(const HubName& hub, const std::string& revision,
                                      const HubCache& cache, std::string& lacks) {
  const std::string commit = cache.commit_of(revision);
  if (commit.empty()) return std::nullopt;
  const std::string folder = cache.snapshot(commit);
  if (hub.file.empty()) {
    lacks = missing_model_file(folder);
    return lacks.empty() ? std::optional<ModelLocation>({folder, false, hub.id}) : std::nullopt;
  }
  const std::string path = folder + "/" + hub.file;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) lacks = hub.file;
  return lacks.empty() ? std::optional<ModelLocation>({path, true, hub.id + "/" + hub.file})
                       : std::nullopt;
}

/// What was looked at without success before the hub is asked, for messages.
std::string tried_so_far(const std::string& text, const HubName& hub, const HubSettings& settings,
                         const std::string& lacks) {
  const HubCache cache(settings.cache, hub.id);
  std::string tried =
      concat("there is no file or folder of that name", near_path(text),
             lacks.empty() ? "; it is not in the cache " + settings.cache
                           : concat("; its copy in the cache ", settings.cache, " lacks ", lacks));
  const std::vector<std::string> revisions = cache.revisions();
  if (lacks.empty() && !revisions.empty()) {
    tried += concat(" at this revision (there: ", some_of(revisions), ")");
  } else if (lacks.empty()) {
    std::vector<std::string> models = cached_models(settings.cache);
    models.push_back(default_model_name());
    tried += did_you_mean(hub.id, models);
  }
  return tried;
}

ModelLocation on_hub(const std::string& text, const HubName& hub, const LocationOptions& options) {
  const HubSettings settings = hub_settings();
  const std::string revision = options.revision.empty() ? "main" : options.revision;
  INSEQ_CHECK(is_revision(revision), InvalidArgument, "\"", excerpt(revision),
              "\" cannot be a revision; a branch, tag or commit is needed");
  const HubCache cache(settings.cache, hub.id);
  const bool offline = options.offline || settings.offline;
  std::string lacks;
  const std::optional<ModelLocation> cached = in_cache(hub, revision, cache, lacks);
  // Weights without a tokenizer: Python may have been asked for the weights alone.
  if (cached && (offline || cached->is_gguf || has_tokenizer(cached->path))) return *cached;

  HubRequest request{.id = hub.id,
                     .revision = revision,
                     .file = hub.file,
                     .settings = settings,
                     .progress = options.progress};
  request.tried = tried_so_far(text, hub, settings, lacks);
  INSEQ_CHECK(!offline, InvalidArgument, "the hub model \"", text, "\", revision ", revision,
              ", cannot be had: ", request.tried,
              "; downloads are switched off (HF_HUB_OFFLINE, or the offline option)");
  try {
    const std::string folder = download_from_hub(request);
    return {hub.file.empty() ? folder : folder + "/" + hub.file, !hub.file.empty(), text};
  } catch (const DownloadError&) {
    if (!cached) throw;
    return *cached;  // the reader of the tokenizer will say what it misses
  }
}

}  // namespace

ModelLocation locate_model(const std::string& name_or_path, const LocationOptions& options) {
  std::error_code ignored;
  if (name_or_path.empty()) return default_model();
  if (fs::is_directory(name_or_path, ignored)) return in_folder(name_or_path);
  if (fs::exists(name_or_path, ignored)) return at_file(name_or_path);
  if (name_or_path == default_model_name()) return default_model();
  constexpr std::string_view kDemo = "demo:";
  if (name_or_path.starts_with(kDemo)) {
    return {demo_model_folder(name_or_path.substr(kDemo.size())), false, name_or_path};
  }
  const std::optional<HubName> hub = parse_hub_name(name_or_path);
  INSEQ_CHECK(hub, InvalidArgument, "there is no file or folder ", name_or_path,
              near_path(name_or_path),
              "; a model is a folder with config.json, a .gguf file, a demo model "
              "(\"demo:en-fr\"), or a hub "
              "model's name (\"name\", \"org/name\" or \"org/name/file.gguf\")");
  return on_hub(name_or_path, *hub, options);
}

std::string cache_folder() { return user_cache_folder() + "/inseq"; }

const char* default_model_name() { return "SmolLM2-135M-Instruct"; }

std::string default_model_path() {
  return cache_folder() + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

int64_t default_model_size() { return 98362432; }

}  // namespace inseq::io
