#pragma once
#include <string>
#include <vector>

namespace inseq::text {

using LanguageCodes = std::vector<std::string>;

/// Throws InvalidArgument, with near codes, when the language chosen by `setting` is not known.
void check_language(const std::string& chosen, const char* setting, const LanguageCodes& known);

extern const LanguageCodes kMbartCodes;        ///< "en_XX"
extern const LanguageCodes kMbart50MoreCodes;  ///< what mBART-50 has besides mBART's
extern const LanguageCodes kNllbCodes;         ///< "eng_Latn"
extern const LanguageCodes kM2m100Codes;       ///< "en"; tokens are "__en__"
extern const LanguageCodes kWmt21Codes;
extern const LanguageCodes kPlbartBaseCodes;  ///< "__java__"; "java" is understood, too
extern const LanguageCodes kPlbartMultiCodes;

}  // namespace inseq::text
