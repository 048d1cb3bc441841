// pytorch_model.bin as torch.save writes it since torch 1.6: a zip archive with data.pkl, which
// describes the tensors, and one stored entry a storage.
#include <algorithm>
#include <unordered_map>

#include "inseq/error.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "io/tensor_parsers.h"
#include "io/torch_bin_pickle.h"
#include "io/torch_bin_zip.h"

namespace inseq::io {
namespace {

using Bytes = std::span<const std::byte>;
using ZipIndex = std::unordered_map<std::string, Bytes>;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_zip_format(Bytes bytes, const std::string& path) {
  const std::string_view text = text_of(bytes);
  // The older format is a row of pickles.
  INSEQ_CHECK(!text.starts_with('\x80'), FormatError, path,
              ": is in the format of torch before 1.6; load it in Python with torch.load and save "
              "it again with "
              "torch.save or as safetensors");
  INSEQ_CHECK(text.starts_with("PK"), FormatError, path,
              ": is neither a file of torch.save nor a zip archive at all");
}

/// The folder inside the archive that everything lies in, with its slash: "archive/".
std::string root_of(const ZipIndex& files, const std::string& path) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const auto& [name, content] : files) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickle) continue;
    const std::string root = name.substr(0, slash + 1);
    INSEQ_CHECK(!files.count(root + "constants.pkl"), FormatError, path,
                ": is a TorchScript program; save the model's state_dict() with torch.save");
    return root;
  }
  throw FormatError(
      concat(path, ": is a zip archive without a data.pkl, so no file of torch.save"));
}

/// True when the elements follow each other in row-major order. Axes of size 1 may have any stride.
bool is_contiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] == 1) continue;
    if (tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

/// Checks that all elements of a tensor that is not empty lie inside its storage.
void check_inside_storage(const PickledTensor& tensor, int64_t storage_elements,
                          const std::string& path) {
  int64_t last = tensor.offset;
  bool fits = tensor.offset >= 0 && tensor.offset < storage_elements;
  for (size_t i = 0; fits && i < tensor.shape.size(); ++i) {
    int64_t reach = 0;
    fits = tensor.strides[i] >= 0 &&
           !__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &reach) &&
           !__builtin_add_overflow(last, reach, &last) && last < storage_elements;
  }
  INSEQ_CHECK(fits, FormatError, path, ": tensor \"", tensor.name, "\" of shape ",
              shape_text(tensor.shape), ", strides ", shape_text(tensor.strides), " and offset ",
              tensor.offset, " reaches outside of its storage of ", storage_elements, " elements");
}

/// The elements in row-major order, copied from their places in the storage.
std::shared_ptr<std::vector<std::byte>> gather(const PickledTensor& tensor, Bytes storage,
                                               uint64_t size) {
  const auto width = static_cast<size_t>(layout_of(tensor.dtype).bytes);
  auto out = std::make_shared<std::vector<std::byte>>(size);
  std::vector<int64_t> index(tensor.shape.size(), 0);
  int64_t element = tensor.offset;
  for (size_t at = 0; at < size; at += width) {
    std::copy_n(storage.data() + static_cast<size_t>(element) * width, width, out->data() + at);
    for (size_t i = index.size(); i-- > 0;) {
      if (tensor.shape[i] == 1) continue;  // its stride, which is never used, may be anything
      element += tensor.strides[i];
      if (++index[i] < tensor.shape[i]) break;
      element -= tensor.strides[i] * tensor.shape[i];
      index[i] = 0;
    }
  }
  return out;
}

class TorchBin {
 public:
  TorchBin(Bytes bytes, const std::string& path)
      : path_(path),
        files_(read_zip_index(bytes, path)),
        root_(root_of(files_, path)),
        copy_limit_(bytes.size() + (uint64_t{16} << 20)) {
    // Older files have no such entry; they were written on little-endian machines for all we know.
    const auto order = files_.find(root_ + "byteorder");
    INSEQ_CHECK(order == files_.end() || text_of(order->second) == "little", FormatError, path,
                ": was saved with the byte order \"", text_of(order->second).substr(0, 16),
                "\"; only little-endian files can be read");
  }

  ParsedTensors parse() {
    for (const PickledTensor& tensor : read_tensor_pickle(files_.at(root_ + "data.pkl"), path_)) {
      out_.entries.push_back({tensor.name, tensor.dtype, tensor.shape, bytes_of(tensor)});
    }
    return std::move(out_);
  }

 private:
  Bytes storage_of(const PickledTensor& tensor) const {
    const auto found = files_.find(root_ + "data/" + std::string(tensor.storage));
    INSEQ_CHECK(found != files_.end(), FormatError, path_, ": the data of tensor \"", tensor.name,
                "\" (data/", tensor.storage, ") are missing");
    INSEQ_CHECK(found->second.size() == tensor.storage_bytes, FormatError, path_,
                ": the data of tensor \"", tensor.name, "\" should take ", tensor.storage_bytes,
                " bytes, but data/", tensor.storage, " has ", found->second.size());
    return found->second;
  }

  Bytes bytes_of(const PickledTensor& tensor) {
    const Bytes storage = storage_of(tensor);
    const std::optional<uint64_t> size = byte_size(tensor.dtype, tensor.shape);
    INSEQ_CHECK(size && tensor.strides.size() == tensor.shape.size(), FormatError, path_,
                ": tensor \"", tensor.name, "\" has the impossible shape ",
                shape_text(tensor.shape), " with strides ", shape_text(tensor.strides));
    if (*size == 0) return {};
    const auto width = static_cast<size_t>(layout_of(tensor.dtype).bytes);
    check_inside_storage(tensor, static_cast<int64_t>(storage.size() / width), path_);
    if (is_contiguous(tensor))
      return storage.subspan(static_cast<size_t>(tensor.offset) * width, *size);
    // A stride of 0 can blow a few bytes up to any size.
    INSEQ_CHECK(*size <= copy_limit_ - copied_, FormatError, path_, ": tensor \"", tensor.name,
                "\" of shape ", shape_text(tensor.shape), " and strides ",
                shape_text(tensor.strides),
                " is expanded from a smaller one and would take too much memory; save it with "
                ".contiguous()");
    copied_ += *size;
    const auto copy = gather(tensor, storage, *size);
    out_.owners.push_back(copy);
    return *copy;
  }

  const std::string& path_;
  ZipIndex files_;
  std::string root_;
  uint64_t copy_limit_, copied_ = 0;  // bytes
  ParsedTensors out_;
};

}  // namespace

ParsedTensors parse_torch_bin(Bytes bytes, const std::string& path) {
  check_holds_weights(bytes, path);
  check_zip_format(bytes, path);
  return TorchBin(bytes, path).parse();
}

std::unique_ptr<TensorFile> open_torch_bin(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  ParsedTensors parsed = parse_torch_bin(file->bytes(), path);
  parsed.owners.push_back(file);
  return std::make_unique<TensorFile>(path, std::move(parsed.entries), std::move(parsed.owners));
}

}  // namespace inseq::io
