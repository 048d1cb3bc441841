# Google's SentencePiece: SentencePiece::SentencePiece, found by its header and library.
include(FindPackageHandleStandardArgs)
find_path(SentencePiece_INCLUDE_DIR NAMES sentencepiece_processor.h HINTS ${SentencePiece_ROOT} PATH_SUFFIXES include)
find_library(SentencePiece_LIBRARY NAMES sentencepiece HINTS ${SentencePiece_ROOT} PATH_SUFFIXES lib)
find_package_handle_standard_args(SentencePiece
  REQUIRED_VARS SentencePiece_LIBRARY SentencePiece_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Run ./dev setup, which installs it (Debian and Ubuntu: apt install libsentencepiece-dev), or pass -DSentencePiece_ROOT=<prefix>.")
if(SentencePiece_FOUND AND NOT TARGET SentencePiece::SentencePiece)
  add_library(SentencePiece::SentencePiece UNKNOWN IMPORTED)
  set_target_properties(SentencePiece::SentencePiece PROPERTIES
    IMPORTED_LOCATION "${SentencePiece_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${SentencePiece_INCLUDE_DIR}")
endif()
mark_as_advanced(SentencePiece_INCLUDE_DIR SentencePiece_LIBRARY)
