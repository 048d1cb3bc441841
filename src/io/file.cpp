#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "inseq/error.h"

namespace inseq::io {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  throw InvalidArgument(concat(path, ": ", what, ": ", std::strerror(error)));
}

/// Closes a descriptor when the scope ends.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

struct stat status_of(int descriptor, const std::string& path) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) fail(path, "cannot be read", errno);
  return status;
}

int open_for_reading(const std::string& path) {
  INSEQ_CHECK(path.find('\0') == std::string::npos, InvalidArgument,
              "a file name holds a zero byte: ", path.c_str());
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened", errno);
  return descriptor;
}

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "cannot be written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

/// The file behind symbolic links, so that a rename replaces what the link points at and not the
/// link.
std::string behind_links(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path real = fs::weakly_canonical(path, error);
  return error ? path : real.string();
}

/// True for what exists and can only be written in place: pipes, terminals, /dev/null.
bool is_special(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

// Names of temporary files being written. A signal handler cannot be given an object, so they are
// global. Whoever swaps a name out of its slot owns it, which makes handler and writer safe against
// each other.
struct Slot {
  std::atomic<bool> taken;     // by an UnfinishedFile, until it releases it
  std::atomic<char*> name;     // to be removed by the handler
  std::atomic<char*> removed;  // by the handler, which cannot free memory
};
constexpr size_t kSlots = 64;
std::array<Slot, kSlots> slots{};
static_assert(std::atomic<char*>::is_always_lock_free);

/// Returns kSlots when all are taken: such a file is then not removed by a signal.
size_t take_slot(const std::string& name) {
  for (size_t i = 0; i < kSlots; ++i) {
    if (slots[i].taken.exchange(true)) continue;
    std::free(slots[i].removed.exchange(nullptr));
    slots[i].name = ::strdup(name.c_str());
    return i;
  }
  return kSlots;
}

void release_slot(size_t i) {
  if (i == kSlots) return;
  std::free(slots[i].name.exchange(nullptr));
  std::free(slots[i].removed.exchange(nullptr));
  slots[i].taken = false;
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  std::error_code error;
  INSEQ_CHECK(!fs::is_directory(path, error), InvalidArgument, path, ": is a folder, not a file");
  // Checked before opening, which would wait for a writer if it were a pipe.
  INSEQ_CHECK(!is_special(path), InvalidArgument, path,
              ": is not a regular file, cannot be mapped");
  const Descriptor file{open_for_reading(path)};
  const struct stat status = status_of(file.number, path);
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;  // an empty mapping is an error to mmap
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED) fail(path, "cannot be mapped into memory", errno);
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_text(const std::string& path, size_t limit) {
  std::error_code error;
  INSEQ_CHECK(!fs::is_directory(path, error), InvalidArgument, path, ": is a folder, not a file");
  const Descriptor file{open_for_reading(path)};
  const struct stat status = status_of(file.number, path);
  const auto check_size = [&](size_t size) {
    INSEQ_CHECK(size <= limit, InvalidArgument, path, ": is larger than the ", limit,
                " bytes allowed here");
  };
  std::string text;
  if (S_ISREG(status.st_mode)) {
    check_size(static_cast<size_t>(status.st_size));
    text.reserve(static_cast<size_t>(status.st_size));
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(file.number, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot be read", errno);
    if (got == 0) return text;
    check_size(text.size() + static_cast<size_t>(got));
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

void check_writable(const std::string& path) {
  if (is_special(path)) {
    if (::access(path.c_str(), W_OK) != 0) fail(path, "cannot be written", errno);
    return;
  }
  const UnfinishedFile probe(path);  // the real thing; its destructor removes it
}

void write_file(const std::string& path, std::string_view content) {
  write_file(path, [content](const Sink& out) { out(content); });
}

void write_file(const std::string& path, const std::function<void(const Sink&)>& produce) {
  if (is_special(path)) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.number < 0) fail(path, "cannot be written", errno);
    produce([&](std::string_view piece) { write_all(file.number, piece, path); });
    return;
  }
  UnfinishedFile file(path);
  produce([&](std::string_view piece) { file.write(piece); });
  file.finish();
}

UnfinishedFile::UnfinishedFile(const std::string& target) : target_(behind_links(target)) {
  static std::atomic<unsigned> counter{0};
  INSEQ_CHECK(!target.empty() && target.find('\0') == std::string::npos, InvalidArgument,
              "cannot write a file without a proper name");
  std::error_code error;
  INSEQ_CHECK(!fs::is_directory(target_, error), InvalidArgument, target_,
              ": is a folder; name a file to write");
  const fs::path folder = fs::path(target_).parent_path();
  INSEQ_CHECK(folder.empty() || fs::is_directory(folder, error), InvalidArgument, target_,
              ": cannot be written: there is no folder ", folder.string());
  // A rename would replace a write-protected file without asking.
  struct stat status{};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && ::access(target_.c_str(), W_OK) != 0) fail(target_, "cannot be written", errno);
  do {
    temporary_ = concat(target_, ".unfinished-", ::getpid(), "-", counter++);
    slot_ = take_slot(temporary_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    error = std::error_code(errno, std::generic_category());
    if (descriptor_ < 0) release_slot(slot_);
  } while (descriptor_ < 0 && error == std::errc::file_exists);
  if (descriptor_ < 0) fail(target_, "cannot be written", error.value());
  if (exists) (void)!::fchmod(descriptor_, status.st_mode & 07777);
}

UnfinishedFile::~UnfinishedFile() {
  if (descriptor_ < 0) return;  // finished
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
  release_slot(slot_);
}

void UnfinishedFile::write(std::string_view bytes) { write_all(descriptor_, bytes, target_); }

void UnfinishedFile::finish() {
  // Without the flush a crash soon after could leave an empty file under the final name.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail(target_, "cannot be written", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(target_, "cannot be written", errno);
  release_slot(slot_);
  ::close(descriptor_);
  descriptor_ = -1;
}

void remove_unfinished_files() noexcept {
  const int saved = errno;
  for (Slot& slot : slots) {
    char* name = slot.name.exchange(nullptr);
    if (name == nullptr) continue;
    ::unlink(name);
    slot.removed = name;
  }
  errno = saved;
}

}  // namespace inseq::io
