// The parts of the zip format that torch.save uses: stored entries, with zip64 sizes (PKWARE
// APPNOTE 6.3.10).
#include "io/torch_bin_zip.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/byte_reader.h"
#include "base/utf8.h"
#include "inseq/error.h"

namespace inseq::io {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr uint32_t kEnd64Magic = 0x06064b50, kLocator64Magic = 0x07064b50;
constexpr size_t kEndSize = 22, kLocator64Size = 20, kCentralSize = 46;
constexpr uint32_t kIn64 = 0xffffffff;  // the real value is in the zip64 record
constexpr uint16_t kEncrypted = 1;

/// Where the central directory lies.
struct Directory {
  uint64_t entries = 0, size = 0, offset = 0;
};

struct ZipEntry {
  std::string name;
  uint64_t size = 0, local_offset = 0;
};

/// A reader at `offset`, with messages about `what` when that is outside of the file.
ByteReader reader_at(Bytes bytes, uint64_t offset, const std::string& path, const char* what) {
  INSEQ_CHECK(offset <= bytes.size(), FormatError, path, ": ", what, " should be at byte ", offset,
              ", but the file has ", bytes.size(), "; it is cut short or damaged");
  return ByteReader(bytes.subspan(offset), path);
}

/// The end record is the last thing in the file but for a comment of at most 65535 bytes.
size_t find_end_record(Bytes bytes, const std::string& path) {
  const size_t last = bytes.size() < kEndSize ? 0 : bytes.size() - kEndSize + 1;
  const size_t first = last > 65536 ? last - 65536 : 0;
  for (size_t at = last; at-- > first;) {
    if (ByteReader(bytes.subspan(at), path).read<uint32_t>("the magic number") == kEndMagic)
      return at;
  }
  throw FormatError(
      concat(path, ": has no zip directory at its end; it is cut short or no file of torch.save"));
}

/// The zip64 end record replaces the plain one where a locator precedes that.
std::optional<Directory> read_directory64(Bytes bytes, size_t end_record, const std::string& path) {
  if (end_record < kLocator64Size) return std::nullopt;
  ByteReader locator(bytes.subspan(end_record - kLocator64Size), path);
  if (locator.read<uint32_t>("the zip64 locator") != kLocator64Magic) return std::nullopt;
  locator.read<uint32_t>("the zip64 locator");  // disk
  ByteReader reader =
      reader_at(bytes, locator.read<uint64_t>("the zip64 locator"), path, "the zip64 end record");
  INSEQ_CHECK(reader.read<uint32_t>("the zip64 end record") == kEnd64Magic, FormatError, path,
              ": its zip64 end record is damaged");
  reader.take(28, "the zip64 end record");  // its size, versions, disks, entries on this disk
  Directory out;
  out.entries = reader.read<uint64_t>("the zip64 end record");
  out.size = reader.read<uint64_t>("the zip64 end record");
  out.offset = reader.read<uint64_t>("the zip64 end record");
  return out;
}

Directory read_directory(Bytes bytes, const std::string& path) {
  const size_t end_record = find_end_record(bytes, path);
  if (const auto directory = read_directory64(bytes, end_record, path)) return *directory;
  ByteReader reader(bytes.subspan(end_record), path);
  reader.take(10, "the zip end record");  // magic, disks, entries on this disk
  Directory out;
  out.entries = reader.read<uint16_t>("the zip end record");
  out.size = reader.read<uint32_t>("the zip end record");
  out.offset = reader.read<uint32_t>("the zip end record");
  return out;
}

/// Takes sizes that did not fit 32 bits from the zip64 extra field: only those that are marked, in
/// this order.
void read_extra64(Bytes extra, const std::string& path, uint64_t& size, uint64_t& packed,
                  uint64_t& offset) {
  ByteReader reader(extra, path);
  while (reader.remaining() >= 4) {
    const auto id = reader.read<uint16_t>("a zip extra field");
    const auto length = reader.read<uint16_t>("a zip extra field");
    ByteReader field(reader.take(length, "a zip extra field"), path);
    if (id != 1) continue;
    for (uint64_t* value : {&size, &packed, &offset}) {
      if (*value == kIn64) *value = field.read<uint64_t>("a zip64 extra field");
    }
    return;
  }
}

ZipEntry read_entry(ByteReader& reader) {
  const std::string& path = reader.where();
  const char* what = "the zip directory";
  INSEQ_CHECK(reader.read<uint32_t>(what) == kCentralMagic, FormatError, path,
              ": its zip directory is damaged");
  reader.take(4, what);  // versions
  const auto flags = reader.read<uint16_t>(what);
  const auto method = reader.read<uint16_t>(what);
  reader.take(8, what);  // time, date, checksum
  uint64_t packed = reader.read<uint32_t>(what);
  ZipEntry entry;
  entry.size = reader.read<uint32_t>(what);
  const auto name_length = reader.read<uint16_t>(what);
  const auto extra_length = reader.read<uint16_t>(what);
  const auto comment_length = reader.read<uint16_t>(what);
  reader.take(8, what);  // disk, attributes
  entry.local_offset = reader.read<uint32_t>(what);
  entry.name = reader.text(name_length, what);
  INSEQ_CHECK(is_valid_utf8(entry.name), FormatError, path,
              ": a name in its zip directory is not valid UTF-8");
  read_extra64(reader.take(extra_length, what), path, entry.size, packed, entry.local_offset);
  reader.take(comment_length, what);
  INSEQ_CHECK((flags & kEncrypted) == 0, FormatError, path, ": the entry \"", entry.name,
              "\" is encrypted");
  INSEQ_CHECK(method == 0, FormatError, path, ": the entry \"", entry.name,
              "\" is compressed; torch.save does not do that. Save the file again with torch.save");
  INSEQ_CHECK(packed == entry.size, FormatError, path, ": the entry \"", entry.name,
              "\" is stored in ", packed, " bytes but claims ", entry.size);
  return entry;
}

/// The bytes of an entry. The sizes of the directory count: those of a local header may be left
/// open.
Bytes content_of(const ZipEntry& entry, Bytes bytes, const std::string& path) {
  const char* what = "a zip entry";
  ByteReader reader = reader_at(bytes, entry.local_offset, path, what);
  INSEQ_CHECK(reader.read<uint32_t>(what) == kLocalMagic, FormatError, path, ": the zip entry \"",
              entry.name, "\" has no header where the directory says");
  reader.take(22, what);  // version, flags, method, time, date, checksum, sizes
  const auto name_length = reader.read<uint16_t>(what);
  const auto extra_length = reader.read<uint16_t>(what);
  INSEQ_CHECK(reader.text(name_length, what) == entry.name, FormatError, path, ": the zip entry \"",
              entry.name, "\" has another name in its own header");
  reader.take(extra_length, what);
  INSEQ_CHECK(entry.size <= reader.remaining(), FormatError, path, ": the zip entry \"", entry.name,
              "\" claims ", entry.size, " bytes, but ", reader.remaining(),
              " are left in the file; it is cut short or damaged");
  return reader.take(entry.size, what);
}

}  // namespace

std::unordered_map<std::string, Bytes> read_zip_index(Bytes bytes, const std::string& path) {
  const Directory directory = read_directory(bytes, path);
  ByteReader all = reader_at(bytes, directory.offset, path, "the zip directory");
  ByteReader reader(all.take(directory.size, "the zip directory"), path);
  INSEQ_CHECK(directory.entries <= reader.remaining() / kCentralSize, FormatError, path,
              ": its zip directory claims ", directory.entries, " entries in ", reader.remaining(),
              " bytes");
  std::unordered_map<std::string, Bytes> out;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const ZipEntry entry = read_entry(reader);
    INSEQ_CHECK(out.emplace(entry.name, content_of(entry, bytes, path)).second, FormatError, path,
                ": holds two entries named \"", entry.name, "\"");
  }
  return out;
}

}  // namespace inseq::io
