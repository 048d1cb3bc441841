#include "io/safetensors_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "inseq/error.h"

namespace inseq::io {
namespace {

using PlainJson = nlohmann::json;

// More dimensions than any tensor has; keeps a hostile header from filling the memory with shapes.
constexpr size_t kMaxDims = 64;

/// Receives the header piece by piece, so that no more than the tensors themselves is ever kept in
/// memory:
///   { name: { "dtype": text, "shape": [int...], "data_offsets": [int, int] }, "__metadata__": {
///   text: text } }
class HeaderHandler : public nlohmann::json_sax<PlainJson> {
 public:
  explicit HeaderHandler(const std::string& path) : path_(path) {}

  std::vector<HeaderTensor> take() { return std::move(tensors_); }

  bool start_object(size_t) override {
    if (depth_ == 2 || in_array_) fail("an object where a value was needed");
    if (++depth_ == 2 && !in_metadata_) {
      tensors_.emplace_back().name = std::move(name_);
      has_dtype_ = has_shape_ = has_offsets_ = false;
    }
    return true;
  }

  bool end_object() override {
    if (depth_ == 2) {
      if (!in_metadata_ && !(has_dtype_ && has_shape_ && has_offsets_)) {
        fail("not all of \"dtype\", \"shape\" and \"data_offsets\"");
      }
      in_metadata_ = false;
    }
    --depth_;
    return true;
  }

  bool key(string_t& key) override {
    field_ = Field::kOther;
    if (depth_ == 1) {
      if (!names_.insert(key).second) {
        throw FormatError(concat(path_, ": the header names the tensor \"", key, "\" twice"));
      }
      in_metadata_ = key == "__metadata__";
      name_ = key;
    } else if (!in_metadata_) {
      start_field(key);
    }
    return true;
  }

  bool start_array(size_t) override {
    if (in_array_ || (field_ != Field::kShape && field_ != Field::kOffsets))
      fail("an unexpected array");
    in_array_ = true;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    HeaderTensor& tensor = tensors_.back();
    if (field_ == Field::kOffsets) {
      if (numbers_.size() != 2) fail("\"data_offsets\" that are not two numbers");
      tensor.offsets = {numbers_[0], numbers_[1]};
      has_offsets_ = true;
      return true;
    }
    for (const uint64_t size : numbers_) {
      if (size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        fail("a dimension that is too large");
      tensor.shape.push_back(static_cast<int64_t>(size));
    }
    has_shape_ = true;
    return true;
  }

  bool string(string_t& text) override {
    if (in_metadata_ && depth_ == 2) return true;
    if (depth_ != 2 || in_array_ || field_ != Field::kDtype) fail("text where none was expected");
    tensors_.back().dtype = std::move(text);
    has_dtype_ = true;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (!in_array_) fail("a number where none was expected");
    if (numbers_.size() == kMaxDims) fail("more than 64 dimensions");
    numbers_.push_back(value);
    return true;
  }

  bool number_integer(number_integer_t value) override {
    fail(concat("the negative number ", value, "; sizes and offsets cannot be negative"));
  }
  bool number_float(number_float_t, const string_t& text) override {
    fail(concat("the number ", text, "; sizes and offsets are whole numbers below 2^64"));
  }
  bool null() override { fail("null where a value was needed"); }
  bool boolean(bool) override { fail("true or false where another value was needed"); }
  bool binary(binary_t&) override { fail("binary data"); }
  bool parse_error(size_t position, const std::string&,
                   const PlainJson::exception& error) override {
    std::string what = error.what();  // "[json.exception.parse_error.101] parse error at …: …"
    if (const size_t colon = what.find(": "); colon != what.npos) what.erase(0, colon + 2);
    throw FormatError(
        concat(path_, ": the header is not valid JSON near its byte ", position, ": ", what));
  }

 private:
  enum class Field { kOther, kDtype, kShape, kOffsets };

  void start_field(const string_t& key) {
    const auto once = [&](bool seen, Field field) {
      if (seen) fail(concat("\"", key, "\" twice"));
      field_ = field;
    };
    if (key == "dtype") return once(has_dtype_, Field::kDtype);
    if (key == "shape") return once(has_shape_, Field::kShape);
    if (key == "data_offsets") return once(has_offsets_, Field::kOffsets);
    fail(concat("the unknown field \"", key, "\""));
  }

  [[noreturn]] void fail(const std::string& what) const {
    const std::string& name = depth_ == 2 && !in_metadata_ ? tensors_.back().name : name_;
    throw FormatError(concat(path_, ": the header entry \"", name, "\" has ", what));
  }

  const std::string& path_;
  std::vector<HeaderTensor> tensors_;
  std::unordered_set<std::string> names_;
  std::string name_;
  std::vector<uint64_t> numbers_;
  int depth_ = 0;  // of objects: 1 in the header, 2 in an entry
  Field field_ = Field::kOther;
  bool in_array_ = false, in_metadata_ = false;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
};

}  // namespace

std::vector<HeaderTensor> parse_safetensors_header(std::string_view json, const std::string& path) {
  HeaderHandler handler(path);
  PlainJson::sax_parse(json.begin(), json.end(), &handler);
  return handler.take();
}

}  // namespace inseq::io
