#pragma once
#include <string_view>

namespace inseq::text {

/// The part of speech of an English word by itself, as a tag of the Penn Treebank ("NN", "VBD", …):
/// the averaged perceptron that NLTK's tagger is a port of (Honnibal 2013), without neighbours.
/// Never empty; what is no word mostly counts as a noun.
std::string_view part_of_speech(std::string_view word);

}  // namespace inseq::text
