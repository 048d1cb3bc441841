#include "io/torch_bin_values.h"

#include <iterator>

#include "inseq/error.h"

namespace inseq::io {
namespace {

using Kind = PickleValue::Kind;

// More than any tensor has. Shapes are copied with every tensor that refers to them, so that one
// long tuple could fill the memory.
constexpr size_t kMaxDims = 64;

constexpr PickleGlobal kGlobals[] = {
    {"collections", "OrderedDict", PickleGlobal::kOrderedDict},
    {"torch._utils", "_rebuild_tensor_v2", PickleGlobal::kTensor2},
    {"torch._utils", "_rebuild_tensor_v3", PickleGlobal::kTensor3},
    {"torch._utils", "_rebuild_parameter", PickleGlobal::kParameter},
    {"torch", "DoubleStorage", PickleGlobal::kStorageType, DType::kF64},
    {"torch", "FloatStorage", PickleGlobal::kStorageType, DType::kF32},
    {"torch", "HalfStorage", PickleGlobal::kStorageType, DType::kF16},
    {"torch", "BFloat16Storage", PickleGlobal::kStorageType, DType::kBF16},
    {"torch", "LongStorage", PickleGlobal::kStorageType, DType::kI64},
    {"torch", "IntStorage", PickleGlobal::kStorageType, DType::kI32},
    {"torch", "ShortStorage", PickleGlobal::kStorageType, DType::kI16},
    {"torch", "CharStorage", PickleGlobal::kStorageType, DType::kI8},
    {"torch", "ByteStorage", PickleGlobal::kStorageType, DType::kU8},
    {"torch", "BoolStorage", PickleGlobal::kStorageType, DType::kBool},
    {"torch", "UntypedStorage", PickleGlobal::kUntypedStorage},
    {"torch.storage", "UntypedStorage", PickleGlobal::kUntypedStorage},
    {"torch", "float64", PickleGlobal::kDtype, DType::kF64},
    {"torch", "float32", PickleGlobal::kDtype, DType::kF32},
    {"torch", "float16", PickleGlobal::kDtype, DType::kF16},
    {"torch", "bfloat16", PickleGlobal::kDtype, DType::kBF16},
    {"torch", "float8_e4m3fn", PickleGlobal::kDtype, DType::kF8E4M3},
    {"torch", "float8_e5m2", PickleGlobal::kDtype, DType::kF8E5M2},
    {"torch", "int64", PickleGlobal::kDtype, DType::kI64},
    {"torch", "int32", PickleGlobal::kDtype, DType::kI32},
    {"torch", "int16", PickleGlobal::kDtype, DType::kI16},
    {"torch", "int8", PickleGlobal::kDtype, DType::kI8},
    {"torch", "uint8", PickleGlobal::kDtype, DType::kU8},
    {"torch", "bool", PickleGlobal::kDtype, DType::kBool},
};

/// The arguments of one call, checked as they are asked for.
class Arguments {
 public:
  Arguments(const PickleValue& tuple, const PickleHeap& heap, const char* of,
            const std::string& path)
      : of_(of), path_(path), heap_(heap) {
    if (tuple.kind != Kind::kTuple) fail("arguments that are no tuple");
    items_ = &heap.lists[static_cast<size_t>(tuple.number)];
  }

  const PickleValue& at(size_t i, Kind kind) const {
    if (i >= items_->size()) fail("too few arguments");
    const PickleValue& value = (*items_)[i];
    if (value.kind != kind)
      fail(concat(describe(value.kind), " where ", describe(kind), " is needed"));
    return value;
  }

  std::vector<int64_t> integers(size_t i) const {
    std::vector<int64_t> out;
    const auto& values = heap_.lists[static_cast<size_t>(at(i, Kind::kTuple).number)];
    if (values.size() > kMaxDims) fail(concat(values.size(), " dimensions"));
    for (const PickleValue& value : values) {
      if (value.kind != Kind::kInt) fail(concat(describe(value.kind), " in a shape"));
      out.push_back(value.number);
    }
    return out;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(
        concat(path_, ": the pickle describes a ", of_, " with ", what, "; it is damaged"));
  }

 private:
  const char* of_;
  const std::string& path_;
  const PickleHeap& heap_;
  const std::vector<PickleValue>* items_ = nullptr;
};

// Both forms begin (storage, offset, shape, strides, requires_grad, hooks); the third goes on with
// the dtype, for dtypes that have no storage class of their own.
PickleValue build_tensor(const PickleGlobal& function, const PickleValue& args, PickleHeap& heap,
                         const std::string& path) {
  const Arguments in(args, heap, "tensor", path);
  const PickleHeap::Storage& storage =
      heap.storages[static_cast<size_t>(in.at(0, Kind::kStorage).number)];
  PickledTensor tensor;
  tensor.storage = storage.key;
  tensor.dtype = storage.type->dtype;
  if (function.kind == PickleGlobal::kTensor3) {
    const PickleGlobal& dtype = *in.at(6, Kind::kGlobal).global;
    if (dtype.kind != PickleGlobal::kDtype) in.fail(concat("torch.", dtype.name, " as its dtype"));
    tensor.dtype = dtype.dtype;
  }
  const bool untyped = storage.type->kind == PickleGlobal::kUntypedStorage;
  if (untyped != (function.kind == PickleGlobal::kTensor3)) in.fail("no dtype, or two");
  const auto width = static_cast<uint64_t>(untyped ? 1 : layout_of(tensor.dtype).bytes);
  if (__builtin_mul_overflow(static_cast<uint64_t>(storage.size), width, &tensor.storage_bytes)) {
    in.fail(concat("a storage of ", storage.size, " elements"));
  }
  tensor.offset = in.at(1, Kind::kInt).number;
  tensor.shape = in.integers(2);
  tensor.strides = in.integers(3);
  heap.tensors.push_back(std::move(tensor));
  return {Kind::kTensor, static_cast<int64_t>(heap.tensors.size() - 1), {}, nullptr};
}

}  // namespace

const PickleGlobal* find_pickle_global(std::string_view module, std::string_view name) {
  for (const PickleGlobal& global : kGlobals) {
    if (module == global.module && name == global.name) return &global;
  }
  return nullptr;
}

const char* describe(PickleValue::Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
      return "an int";
    case Kind::kFloat:
      return "a float";
    case Kind::kText:
      return "a string";
    case Kind::kGlobal:
      return "a class or function";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dictionary";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "something";
}

PickleValue build_storage(const PickleValue& id, PickleHeap& heap, const std::string& path) {
  const Arguments in(id, heap, "storage", path);
  if (in.at(0, Kind::kText).text != "storage") in.fail("an unknown kind of reference");
  const PickleGlobal* type = in.at(1, Kind::kGlobal).global;
  if (type->kind != PickleGlobal::kStorageType && type->kind != PickleGlobal::kUntypedStorage) {
    in.fail(concat(type->module, ".", type->name, " as its type"));
  }
  const std::string_view key = in.at(2, Kind::kText).text;
  in.at(3, Kind::kText);  // the device it was on
  const int64_t size = in.at(4, Kind::kInt).number;
  if (size < 0) in.fail(concat("the negative size ", size));
  heap.storages.push_back({type, key, size});
  return {Kind::kStorage, static_cast<int64_t>(heap.storages.size() - 1), {}, nullptr};
}

PickleValue build_call(const PickleValue& function, const PickleValue& args, PickleHeap& heap,
                       const std::string& path) {
  INSEQ_CHECK(function.kind == Kind::kGlobal, FormatError, path, ": the pickle wants to call ",
              describe(function.kind), "; it is damaged");
  switch (function.global->kind) {
    case PickleGlobal::kTensor2:
    case PickleGlobal::kTensor3:
      return build_tensor(*function.global, args, heap, path);
    case PickleGlobal::kParameter:
      return Arguments(args, heap, "parameter", path).at(0, Kind::kTensor);
    case PickleGlobal::kOrderedDict: {
      INSEQ_CHECK(
          args.kind == Kind::kTuple && heap.lists[static_cast<size_t>(args.number)].empty(),
          FormatError, path,
          ": the pickle builds an OrderedDict from arguments, which torch.save does not do");
      heap.lists.emplace_back();
      return {Kind::kDict, static_cast<int64_t>(heap.lists.size() - 1), {}, nullptr};
    }
    default:
      break;
  }
  throw FormatError(concat(path, ": the pickle wants to call ", function.global->module, ".",
                           function.global->name, ", which is no function; it is damaged"));
}

}  // namespace inseq::io
