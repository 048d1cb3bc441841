# Finds LibTorch inside a PyPI `torch` wheel or an unpacked LibTorch archive, without a CUDA toolkit.
#
# The wheel's own TorchConfig.cmake insists on nvcc even for programs that never touch a GPU, so this
# module looks the two libraries up by name.
#
# Input:  LibTorch_ROOT (cache variable or environment): a folder with include/ and lib/.
#         Without it, the newest LibTorch that ./dev setup has put into the user's cache is used; without
#         that, the `torch` package of the python3 on the path.
# Output: LibTorch::LibTorch (torch_cpu, c10 and OpenMP), LibTorch_VERSION, LibTorch_LIBRARY_DIR.
include(FindPackageHandleStandardArgs)

set(_hints ${LibTorch_ROOT} $ENV{LibTorch_ROOT})
if(NOT _hints)
  set(_cache "$ENV{XDG_CACHE_HOME}")
  if(NOT _cache)
    set(_cache "$ENV{HOME}/.cache")
  endif()
  file(GLOB _hints "${_cache}/inseq/libtorch-*")
  list(FILTER _hints INCLUDE REGEX "libtorch-[0-9.]+$")
  list(SORT _hints COMPARE NATURAL ORDER DESCENDING)
endif()
if(NOT _hints)
  find_program(_python NAMES python3 python)
  if(_python)
    # -I: a folder called torch in the working directory must not be mistaken for the package.
    execute_process(
      COMMAND ${_python} -I -c "import importlib.util as u; s = u.find_spec('torch'); print(list(s.submodule_search_locations)[0] if s else '')"
      OUTPUT_VARIABLE _hints OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()

find_path(LibTorch_INCLUDE_DIR NAMES torch/csrc/api/include/torch/types.h
  HINTS ${_hints} PATH_SUFFIXES include torch/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY NAMES torch_cpu HINTS ${_hints} PATH_SUFFIXES lib torch/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY NAMES c10 HINTS ${_hints} PATH_SUFFIXES lib torch/lib NO_DEFAULT_PATH)
get_filename_component(LibTorch_LIBRARY_DIR "${LibTorch_CPU_LIBRARY}" DIRECTORY)
# The OpenMP runtime that comes with LibTorch: a second one would bring threads of its own.
file(GLOB LibTorch_OPENMP_LIBRARY "${LibTorch_LIBRARY_DIR}/libgomp*.so*" "${LibTorch_LIBRARY_DIR}/libiomp5.so"
     "${LibTorch_LIBRARY_DIR}/libomp.so")
list(LENGTH LibTorch_OPENMP_LIBRARY _found)
if(NOT _found EQUAL 1)
  set(LibTorch_OPENMP_LIBRARY -fopenmp)
endif()

foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(NOT LibTorch_VERSION AND EXISTS "${LibTorch_INCLUDE_DIR}/${_header}")
    file(STRINGS "${LibTorch_INCLUDE_DIR}/${_header}" _lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" _lines "${_lines}")
    string(REPLACE ";" "." LibTorch_VERSION "${_lines}")
  endif()
endforeach()

find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run ./dev setup, which fetches it, or pass -DLibTorch_ROOT=<folder with include/ and lib/>.")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;${LibTorch_OPENMP_LIBRARY}"
    # libtorch_cpu needs libcudart and libcupti, which our programs never call themselves.
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined"
    INTERFACE_COMPILE_FEATURES cxx_std_20)
endif()
mark_as_advanced(LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR)
