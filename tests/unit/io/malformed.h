#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "inseq/error.h"
#include "unit/io/make_bytes.h"

namespace inseq::io::testing {

/// A damaged file and a part of the message that it must give.
struct Malformed {
  std::string what, bytes, message;
};

/// What the reader says about the bytes: the message of its inseq::Error, "" when it accepts them.
/// Other exceptions fail the test.
inline std::string complaint(const std::function<void(std::span<const std::byte>)>& parse,
                             const std::string& bytes) {
  // A copy of exactly this size, so that the address sanitiser sees every byte read past the end.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  try {
    parse(std::as_bytes(std::span(exact)));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline void expect_refused(const std::function<void(std::span<const std::byte>)>& parse,
                           const std::vector<Malformed>& table) {
  for (const Malformed& row : table) {
    const std::string message = complaint(parse, row.bytes);
    EXPECT_NE(message.find(row.message), std::string::npos)
        << row.what << ": \"" << message << "\"";
    EXPECT_TRUE(message.starts_with("file: ")) << row.what << ": \"" << message << "\"";
  }
}

/// Cuts a valid file after every byte but the last: no part may be accepted.
inline void expect_all_parts_refused(const std::function<void(std::span<const std::byte>)>& parse,
                                     const std::string& bytes) {
  EXPECT_EQ(complaint(parse, bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(complaint(parse, bytes.substr(0, size)), "")
        << "accepted the first " << size << " bytes";
  }
}

}  // namespace inseq::io::testing
