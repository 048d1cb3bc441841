#pragma once
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace inseq {

/// What every failure of this library derives from. what() is one sentence for the user: where,
/// what was found, what was needed, and the choices.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked for something impossible: an unknown name, a value out of range, a missing
/// file.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// An option has a name or a value that it cannot have, whatever the model and the texts: the
/// function or the program was called wrongly.
class InvalidOption : public InvalidArgument {
 public:
  using InvalidArgument::InvalidArgument;
};

/// A file is not what its format promises.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// The request makes sense, but this version cannot serve it.
class Unsupported : public Error {
 public:
  using Error::Error;
};

/// The user interrupted the work (Ctrl-C).
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// Joins its arguments as a stream would print them.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws `Kind` with the message made of `parts` unless `condition` holds. For what a user can
/// cause; assert is for what only we can.
#define INSEQ_CHECK(condition, Kind, ...)                       \
  do {                                                          \
    if (!(condition)) throw Kind(::inseq::concat(__VA_ARGS__)); \
  } while (false)

}  // namespace inseq
