// Pickle protocols 2 to 5 as far as torch.save uses them (opcodes: Python's pickletools).
#include "io/torch_bin_pickle.h"

#include <unordered_map>

#include "base/byte_reader.h"
#include "base/utf8.h"
#include "inseq/error.h"
#include "io/torch_bin_values.h"

namespace inseq::io {
namespace {

using Kind = PickleValue::Kind;

// torch.save writes dictionaries in batches of 1000 pairs and some ten values a tensor, so these
// hold hundreds of thousands of tensors while a hostile file cannot fill the memory.
constexpr size_t kMaxBytes = size_t{1} << 26;
constexpr size_t kMaxStack = size_t{1} << 20;
constexpr size_t kMaxObjects = size_t{1} << 21;

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> bytes, const std::string& path)
      : reader_(bytes, path), path_(path) {}

  /// Follows the opcodes up to STOP and returns what it would give back.
  PickleValue run() {
    for (;;) {
      const auto opcode = reader_.read<uint8_t>("a pickle opcode");
      if (opcode == '.') return pop();
      if (!scalar(opcode) && !memo(opcode) && !container(opcode) && !object(opcode)) refuse(opcode);
      INSEQ_CHECK(stack_.size() <= kMaxStack && memo_.size() <= kMaxObjects &&
                      heap.lists.size() <= kMaxObjects && heap.tensors.size() <= kMaxObjects,
                  FormatError, path_, ": the pickle holds more objects than any checkpoint");
    }
  }

  PickleHeap heap;

 private:
  static constexpr const char* kWhat = "a pickle argument";

  bool scalar(uint8_t opcode) {
    switch (opcode) {
      case 0x80: {  // PROTO
        const int protocol = reader_.read<uint8_t>(kWhat);
        INSEQ_CHECK(protocol >= 2 && protocol <= 5, FormatError, path_,
                    ": is pickled with protocol ", protocol, "; 2 to 5 can be read");
        return true;
      }
      case 0x95:
        reader_.read<uint64_t>(kWhat);
        return true;  // FRAME
      case 'N':
        push(Kind::kNone);
        return true;
      case 0x88:
        push(Kind::kBool, 1);
        return true;  // NEWTRUE
      case 0x89:
        push(Kind::kBool, 0);
        return true;  // NEWFALSE
      case 'K':
        push(Kind::kInt, reader_.read<uint8_t>(kWhat));
        return true;  // BININT1
      case 'M':
        push(Kind::kInt, reader_.read<uint16_t>(kWhat));
        return true;  // BININT2
      case 'J':
        push(Kind::kInt, reader_.read<int32_t>(kWhat));
        return true;  // BININT
      case 0x8a:
        push_long(reader_.read<uint8_t>(kWhat));
        return true;  // LONG1
      case 0x8b:
        push_long(reader_.read<uint32_t>(kWhat));
        return true;  // LONG4
      case 'G':
        reader_.take(8, kWhat);
        push(Kind::kFloat);
        return true;  // BINFLOAT
      case 'U':
      case 0x8c:
        push_text(reader_.read<uint8_t>(kWhat));
        return true;  // SHORT_BINSTRING, SHORT_BINUNICODE
      case 'T':
      case 'X':
        push_text(reader_.read<uint32_t>(kWhat));
        return true;  // BINSTRING, BINUNICODE
      case 0x8d:
        push_text(reader_.read<uint64_t>(kWhat));
        return true;  // BINUNICODE8
      default:
        return false;
    }
  }

  bool memo(uint8_t opcode) {
    switch (opcode) {
      case 'q':
        memo_[reader_.read<uint8_t>(kWhat)] = top();
        return true;  // BINPUT
      case 'r':
        memo_[reader_.read<uint32_t>(kWhat)] = top();
        return true;  // LONG_BINPUT
      case 0x94: {    // MEMOIZE
        const PickleValue value = top();
        memo_[static_cast<uint32_t>(memo_.size())] = value;
        return true;
      }
      case 'h':
        push_memo(reader_.read<uint8_t>(kWhat));
        return true;  // BINGET
      case 'j':
        push_memo(reader_.read<uint32_t>(kWhat));
        return true;  // LONG_BINGET
      default:
        return false;
    }
  }

  bool container(uint8_t opcode) {
    switch (opcode) {
      case '(':
        marks_.push_back(stack_.size());
        check_marks();
        return true;  // MARK
      case '0':
        pop();
        return true;  // POP
      case '1':
        pop_to_mark();
        return true;  // POP_MARK
      case '2':
        stack_.push_back(top());
        return true;  // DUP
      case '}':
        push_list(Kind::kDict, {});
        return true;
      case ']':
        push_list(Kind::kList, {});
        return true;
      case ')':
        push_list(Kind::kTuple, {});
        return true;
      case 't':
        push_list(Kind::kTuple, pop_to_mark());
        return true;
      case 0x85:
        push_list(Kind::kTuple, pop_some(1));
        return true;
      case 0x86:
        push_list(Kind::kTuple, pop_some(2));
        return true;
      case 0x87:
        push_list(Kind::kTuple, pop_some(3));
        return true;
      case 's':
        extend(Kind::kDict, pop_some(2));
        return true;  // SETITEM
      case 'u':
        extend(Kind::kDict, pop_to_mark());
        return true;  // SETITEMS
      case 'a':
        extend(Kind::kList, pop_some(1));
        return true;  // APPEND
      case 'e':
        extend(Kind::kList, pop_to_mark());
        return true;  // APPENDS
      default:
        return false;
    }
  }

  bool object(uint8_t opcode) {
    switch (opcode) {
      case 'c': {  // GLOBAL
        const std::string_view module = line();
        push_global(module, line());
        return true;
      }
      case 0x93: {  // STACK_GLOBAL
        const auto names = pop_some(2);
        INSEQ_CHECK(names[0].kind == Kind::kText && names[1].kind == Kind::kText, FormatError,
                    path_, ": the pickle looks up a name that is no string; it is damaged");
        push_global(names[0].text, names[1].text);
        return true;
      }
      case 'Q':
        stack_.push_back(build_storage(pop(), heap, path_));
        return true;  // BINPERSID
      case 'R': {     // REDUCE
        const auto call = pop_some(2);
        stack_.push_back(build_call(call[0], call[1], heap, path_));
        return true;
      }
      case 'b': {  // BUILD: state_dict() keeps its versions as an attribute of the dictionary; not
                   // needed
        pop();
        INSEQ_CHECK(top().kind == Kind::kDict, FormatError, path_,
                    ": the pickle sets the state of ", describe(top().kind),
                    "; only dictionaries of tensors are read");
        return true;
      }
      default:
        return false;
    }
  }

  /// How many values may be taken from the stack without crossing a mark.
  size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  void check_available(size_t count) const {
    INSEQ_CHECK(available() >= count, FormatError, path_,
                ": the pickle takes a value from an empty stack at byte ", reader_.position(),
                "; it is damaged");
  }

  void check_marks() const {
    INSEQ_CHECK(marks_.size() <= kMaxStack, FormatError, path_, ": the pickle nests too deep");
  }

  const PickleValue& top() const {
    check_available(1);
    return stack_.back();
  }

  PickleValue pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
  }

  std::vector<PickleValue> pop_some(size_t count) {
    check_available(count);
    std::vector<PickleValue> out(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return out;
  }

  std::vector<PickleValue> pop_to_mark() {
    INSEQ_CHECK(!marks_.empty(), FormatError, path_,
                ": the pickle takes values up to a mark that is not there, at byte ",
                reader_.position(), "; it is damaged");
    std::vector<PickleValue> out = pop_some(available());
    marks_.pop_back();
    return out;
  }

  void push(Kind kind, int64_t number = 0) { stack_.push_back({kind, number, {}, nullptr}); }

  void push_text(uint64_t length) {
    const std::string_view text = reader_.text(length, "a pickled string");
    INSEQ_CHECK(is_valid_utf8(text), FormatError, path_, ": a string in the pickle before byte ",
                reader_.position(), " is not valid UTF-8");
    stack_.push_back({Kind::kText, 0, text, nullptr});
  }

  /// Two's complement of any length; sizes fit 64 bits.
  void push_long(uint32_t length) {
    INSEQ_CHECK(length <= 8, FormatError, path_, ": the pickle holds a number of ", length,
                " bytes, more than 64 bits");
    const auto bytes = reader_.take(length, "a pickled number");
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
      value |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
    const bool negative = length > 0 && length < 8 && std::to_integer<int>(bytes.back()) >= 0x80;
    if (negative) value |= ~uint64_t{0} << (8 * length);
    push(Kind::kInt, static_cast<int64_t>(value));
  }

  void push_memo(uint32_t index) {
    const auto found = memo_.find(index);
    INSEQ_CHECK(found != memo_.end(), FormatError, path_, ": the pickle refers to the object ",
                index, " that it never stored; it is damaged");
    stack_.push_back(found->second);
  }

  void push_list(Kind kind, std::vector<PickleValue> items) {
    heap.lists.push_back(std::move(items));
    push(kind, static_cast<int64_t>(heap.lists.size() - 1));
  }

  void push_global(std::string_view module, std::string_view name) {
    const PickleGlobal* global = find_pickle_global(module, name);
    INSEQ_CHECK(global != nullptr, FormatError, path_, ": the pickle wants to call ",
                replace_invalid_utf8(module), ".", replace_invalid_utf8(name),
                "; refusing. Only dictionaries of tensors are read: save the model's state_dict(), "
                "or use safetensors");
    stack_.push_back({Kind::kGlobal, 0, {}, global});
  }

  void extend(Kind kind, const std::vector<PickleValue>& items) {
    const PickleValue& target = top();
    INSEQ_CHECK(target.kind == kind && (kind == Kind::kList || items.size() % 2 == 0), FormatError,
                path_, ": the pickle adds ", items.size(), " values to ", describe(target.kind),
                "; it is damaged");
    std::vector<PickleValue>& list = heap.lists[static_cast<size_t>(target.number)];
    list.insert(list.end(), items.begin(), items.end());
  }

  /// Up to the next line feed.
  std::string_view line() {
    const size_t start = reader_.position();
    ByteReader ahead = reader_;
    while (ahead.read<char>("a name in the pickle") != '\n') {
    }
    const std::string_view text = reader_.text(ahead.position() - start, "a name in the pickle");
    return text.substr(0, text.size() - 1);
  }

  [[noreturn]] void refuse(uint8_t opcode) const {
    throw FormatError(concat(path_, ": the pickle uses the opcode ", static_cast<int>(opcode),
                             " at byte ", reader_.position() - 1,
                             ", which no dictionary of tensors needs; save the model's "
                             "state_dict(), or use safetensors"));
  }

  ByteReader reader_;
  const std::string& path_;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;  // stack sizes
  std::unordered_map<uint32_t, PickleValue> memo_;
};

}  // namespace

std::vector<PickledTensor> read_tensor_pickle(std::span<const std::byte> bytes,
                                              const std::string& path) {
  INSEQ_CHECK(bytes.size() <= kMaxBytes, FormatError, path, ": its pickle takes ", bytes.size(),
              " bytes; those of checkpoints take some thousands");
  Unpickler unpickler(bytes, path);
  const PickleValue root = unpickler.run();
  INSEQ_CHECK(root.kind == Kind::kDict, FormatError, path, ": holds ", describe(root.kind),
              ", not a dictionary of tensors; save the model's state_dict()");
  const std::vector<PickleValue>& items = unpickler.heap.lists[static_cast<size_t>(root.number)];
  INSEQ_CHECK(items.size() / 2 <= kMaxObjects, FormatError, path,
              ": the pickle holds more objects than any checkpoint");
  std::vector<PickledTensor> out;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const PickleValue &key = items[i], &value = items[i + 1];
    INSEQ_CHECK(key.kind == Kind::kText, FormatError, path, ": a key of its dictionary is ",
                describe(key.kind), ", not the name of a tensor");
    INSEQ_CHECK(value.kind == Kind::kTensor, FormatError, path, ": its entry \"", key.text,
                "\" is ", describe(value.kind),
                ", not a tensor; a training checkpoint? Save the model's state_dict() alone");
    out.push_back(unpickler.heap.tensors[static_cast<size_t>(value.number)]);
    out.back().name = key.text;
  }
  return out;
}

}  // namespace inseq::io
