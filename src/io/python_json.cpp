#include "io/python_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "base/utf8.h"
#include "inseq/error.h"

namespace inseq::io {

namespace {

/// Begins the strings that stand for NaN and the infinities while nlohmann's parser, which knows
/// none of them, does its work. A file that spells it out itself gets a number there, which harms
/// nobody.
constexpr std::string_view kMark =
    "\x1A"
    "inseq:";

void append_escape(std::string& out, char32_t unit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(unit >> shift) & 0xF]);
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const char32_t c = point.value;
    i += point.length;
    constexpr std::string_view kNamed = "\"\\\n\r\t\f\b";
    constexpr std::string_view kLetters = "\"\\nrtfb";
    const size_t named = c < 0x80 ? kNamed.find(static_cast<char>(c)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kLetters[named]);
    } else if (c >= 0x20 && c < 0x7F) {
      out.push_back(static_cast<char>(c));
    } else if (c < 0x10000) {
      append_escape(out, c);
    } else {
      append_escape(out, 0xD800 + ((c - 0x10000) >> 10));
      append_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  out.push_back('"');
}

void append_number(std::string& out, const Json& value) {
  if (!value.is_number_float()) {
    out += value.dump();
    return;
  }
  const double number = value.get<double>();
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "Infinity" : "-Infinity";
  } else {
    out += python_float_repr(number);
  }
}

/// Lays a value out over lines, and gives the text away piece by piece.
class Writer {
 public:
  Writer(const LateTexts& late, const Sink& out) : late_(late), out_(out) {}

  void value(const Json& value, size_t depth) {
    if (value.is_string()) {
      append_string(text_, value.get_ref<const std::string&>());
    } else if (value.is_object()) {
      object(value, depth);
    } else if (value.is_array()) {
      items("[]", value, depth, [&](const Json& item) { this->value(item, depth + 1); });
    } else if (value.is_number()) {
      append_number(text_, value);
    } else if (value.is_binary()) {
      text_.push_back('"');
      flush();
      late_.write(value, out_);
      text_.push_back('"');
    } else {
      text_ += value.is_boolean() ? (value.get<bool>() ? "true" : "false") : "null";
    }
  }

  void flush() {
    out_(text_);
    text_.clear();
  }

 private:
  static constexpr size_t kPiece = size_t{1} << 16;

  /// The items of an array or object, one a line, between brackets.
  template <typename Items, typename Append>
  void items(std::string_view brackets, const Items& items, size_t depth, const Append& append) {
    text_.push_back(brackets[0]);
    bool first = true;
    for (const auto& item : items) {
      text_ += first ? "\n" : ",\n";
      first = false;
      text_.append(4 * (depth + 1), ' ');
      append(item);
      if (text_.size() >= kPiece) flush();
    }
    if (!first) {
      text_.push_back('\n');
      text_.append(4 * depth, ' ');
    }
    text_.push_back(brackets[1]);
  }

  void object(const Json& value, size_t depth) {
    std::vector<std::pair<std::string_view, const Json*>> members;
    for (const auto& [key, member] : value.items()) members.emplace_back(key, &member);
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    items("{}", members, depth, [&](const auto& member) {
      append_string(text_, member.first);
      text_ += ": ";
      this->value(*member.second, depth + 1);
    });
  }

  const LateTexts& late_;
  const Sink& out_;
  std::string text_;
};

/// Index just past the string literal that begins at `open`, or npos when it does not end.
size_t end_of_string(std::string_view text, size_t open) {
  for (size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::optional<std::string_view> bare_word_at(std::string_view text, size_t position) {
  for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
    if (text.compare(position, word.size(), word) == 0) return word;
  }
  return std::nullopt;
}

/// Checks the depth, and replaces bare NaN and Infinity by strings that begin with the mark. Empty:
/// there were none.
std::string bare_words_quoted(std::string_view text, const std::string& name, size_t max_depth) {
  std::string out;
  size_t copied = 0, depth = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      const size_t end = end_of_string(text, i);
      if (end == std::string_view::npos) break;  // the parser says so better
      i = end;
      continue;
    }
    if (c == '[' || c == '{') {
      INSEQ_CHECK(++depth <= max_depth, FormatError, name, ": nested more than ", max_depth,
                  " levels deep at byte ", i);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == 'N' || c == 'I' || c == '-') {
      if (const auto word = bare_word_at(text, i)) {
        out.append(text.substr(copied, i - copied));
        out.append("\"\\u001a").append(kMark.substr(1)).append(*word).append("\"");
        i += word->size();
        copied = i;
        continue;
      }
    }
    ++i;
  }
  if (copied == 0) return {};
  return out.append(text.substr(copied));
}

void restore_bare_words(Json& value) {
  if (value.is_structured()) {
    for (Json& item : value) restore_bare_words(item);
  } else if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (text.compare(0, kMark.size(), kMark) != 0) return;
    const std::string word = text.substr(kMark.size());
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (word == "NaN") value = std::numeric_limits<double>::quiet_NaN();
    if (word == "Infinity") value = kInfinity;
    if (word == "-Infinity") value = -kInfinity;
  }
}

}  // namespace

std::string dump_python_json(const Json& value) {
  std::string out;
  write_python_json(value, {}, [&out](std::string_view piece) { out += piece; });
  return out;
}

Json LateTexts::add(std::function<void(const Sink&)> write) {
  texts_.push_back(std::move(write));
  return Json::binary({}, texts_.size() - 1);
}

void LateTexts::write(const Json& place, const Sink& out) const {
  texts_.at(place.get_binary().subtype())(out);
}

void write_python_json(const Json& value, const LateTexts& late, const Sink& out) {
  Writer writer(late, out);
  writer.value(value, 0);
  writer.flush();
}

Json parse_python_json(std::string_view text, const std::string& name, size_t max_depth) {
  const std::string quoted = bare_words_quoted(text, name, max_depth);
  try {
    if (quoted.empty()) return Json::parse(text);
    Json value = Json::parse(quoted);
    restore_bare_words(value);
    return value;
  } catch (const nlohmann::json::parse_error& error) {
    throw FormatError(concat(name, ": not JSON (at byte ", error.byte, ")"));
  } catch (const nlohmann::json::exception& error) {
    throw FormatError(concat(name, ": not JSON that can be read: a number is out of range"));
  }
}

std::string python_float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  // Shortest digits in scientific form, "d.ddde-XX", then laid out as repr does.
  std::array<char, 32> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(result.ptr - buffer.data()));
  const size_t e = text.find('e');
  int exponent = 0;
  const size_t digits_at = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + digits_at, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  std::string digits, out = text[0] == '-' ? "-" : "";
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace inseq::io
