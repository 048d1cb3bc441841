#include "methods/registry/method.h"

namespace inseq::methods {

const MethodRegistry& methods() {
  static const MethodRegistry registry = [] {
    MethodRegistry all;
    register_all(all);
    return all;
  }();
  return registry;
}

}  // namespace inseq::methods
