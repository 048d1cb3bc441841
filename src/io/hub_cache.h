#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace inseq::io {

/// Whether the hub could know a model by this name: "name" or "org/name" of letters, digits, - _
/// and .
bool is_hub_name(std::string_view text);

/// Whether a branch, tag or commit may be called this; such a name is safe in paths.
bool is_revision(std::string_view text);

/// One model in the Hugging Face cache:
///   models--org--name/refs/<revision>               the commit that a branch or tag stood for
///   models--org--name/snapshots/<commit>/<file>     -> ../../blobs/<etag>
///   models--org--name/blobs/<etag>                  contents
///   .locks/models--org--name/<etag>.lock
class HubCache {
 public:
  HubCache(const std::string& cache, const std::string& id);

  const std::string& folder() const { return folder_; }
  std::string snapshot(const std::string& commit) const { return folder_ + "/snapshots/" + commit; }
  std::string blob(const std::string& etag) const { return folder_ + "/blobs/" + etag; }
  std::string lock(const std::string& etag) const { return locks_ + "/" + etag + ".lock"; }

  /// The commit of a revision that is in the cache (a revision may be a commit itself), or "".
  std::string commit_of(const std::string& revision) const;
  /// Branches and tags in the cache.
  std::vector<std::string> revisions() const;

  /// Makes the folders for blobs and locks. Throws DownloadError when that fails.
  void create() const;
  /// Shows a blob as a file of a snapshot: by a relative link, or by moving it there.
  void add_to_snapshot(const std::string& commit, const std::string& file, const std::string& etag,
                       bool symlinks) const;
  /// Notes which commit a revision stands for, unless it is that commit.
  void write_ref(const std::string& revision, const std::string& commit) const;

 private:
  std::string folder_;
  std::string locks_;
};

/// Names of the models in a cache folder, "org/name".
std::vector<std::string> cached_models(const std::string& cache);

}  // namespace inseq::io
