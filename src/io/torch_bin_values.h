#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "io/torch_bin_pickle.h"

// What the pickle reader has on its stack.
namespace inseq::io {

/// A name that a pickle may look up, and what it stands for here.
struct PickleGlobal {
  enum Kind { kOrderedDict, kTensor2, kTensor3, kParameter, kStorageType, kUntypedStorage, kDtype };
  const char* module;
  const char* name;
  Kind kind;
  DType dtype = DType::kF32;
};

/// The global of that name, or nullptr: then it must be refused.
const PickleGlobal* find_pickle_global(std::string_view module, std::string_view name);

struct PickleValue {
  enum Kind { kNone, kBool, kInt, kFloat, kText, kGlobal, kTuple, kList, kDict, kStorage, kTensor };
  Kind kind = kNone;
  int64_t number = 0;     ///< of kBool and kInt; else the index in PickleHeap, where there is one
  std::string_view text;  ///< of kText
  const PickleGlobal* global = nullptr;
};

/// "a tuple", for messages.
const char* describe(PickleValue::Kind kind);

/// Containers and tensors live here and are referred to by index, so that they may be shared, may
/// contain themselves, and are freed without recursion however deep they nest.
struct PickleHeap {
  struct Storage {
    const PickleGlobal* type;
    std::string_view key;
    int64_t size;  ///< in elements; in bytes when untyped
  };
  std::deque<std::vector<PickleValue>>
      lists;  ///< of tuples and lists; dictionaries as key, value, key, value
  std::vector<Storage> storages;
  std::vector<PickledTensor> tensors;
};

/// Builds what a persistent id of torch.save, ("storage", type, key, location, size), stands for.
PickleValue build_storage(const PickleValue& id, PickleHeap& heap, const std::string& path);

/// The result of calling `function` with the tuple `args`, for the few functions that are allowed.
PickleValue build_call(const PickleValue& function, const PickleValue& args, PickleHeap& heap,
                       const std::string& path);

}  // namespace inseq::io
