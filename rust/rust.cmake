# The Rust static library behind src/text: tokenizers and chat templates. Sets up the target inseq_text.
option(INSEQ_CARGO_OFFLINE "Let cargo use only crates that are already downloaded" OFF)
set(INSEQ_CARGO_DIR ${CMAKE_BINARY_DIR}/cargo CACHE PATH "Where cargo builds; build folders may share one")
set(INSEQ_RUST_NEEDED 1.85)

# Debian 12's plain cargo (0.66) is too old; its packages rustc-web and cargo-web are new enough.
# The path comes first; rustup's own folder serves a shell that was started before rustup was installed.
find_program(CARGO_EXECUTABLE cargo PATHS $ENV{HOME}/.cargo/bin)
set(how_to_get_rust "Install Rust ${INSEQ_RUST_NEEDED} or newer (Debian 12: apt install cargo-web rustc-web; \
elsewhere rustup), or point -DCARGO_EXECUTABLE at one.")
if(NOT CARGO_EXECUTABLE)
  message(FATAL_ERROR "cargo was not found; the tokenizers are a Rust library. ${how_to_get_rust}")
endif()
execute_process(COMMAND ${CARGO_EXECUTABLE} --version OUTPUT_VARIABLE cargo_says ERROR_VARIABLE cargo_error
                RESULT_VARIABLE cargo_status OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT cargo_status EQUAL 0 OR NOT cargo_says MATCHES "cargo ([0-9]+[.][0-9]+[.][0-9]+)")
  message(FATAL_ERROR "${CARGO_EXECUTABLE} --version failed: ${cargo_says} ${cargo_error}\n${how_to_get_rust}")
endif()
if(CMAKE_MATCH_1 VERSION_LESS INSEQ_RUST_NEEDED)
  message(FATAL_ERROR "${CARGO_EXECUTABLE} is version ${CMAKE_MATCH_1}, ${INSEQ_RUST_NEEDED} is needed. "
                      "${how_to_get_rust}")
endif()

# The compiler of the same toolchain: a machine may have rustup's and the distribution's.
get_filename_component(rust_bin ${CARGO_EXECUTABLE} DIRECTORY)
find_program(RUSTC_EXECUTABLE rustc HINTS ${rust_bin} REQUIRED)

set(rust_dir ${CMAKE_CURRENT_LIST_DIR})
set(rust_library ${INSEQ_CARGO_DIR}/release/libinseq_text.a)
set(cargo_flags --release --locked)
if(INSEQ_CARGO_OFFLINE)
  list(APPEND cargo_flags --offline)
endif()
file(GLOB rust_sources CONFIGURE_DEPENDS ${rust_dir}/src/*.rs)
add_custom_command(
  OUTPUT ${rust_library}
  COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${INSEQ_CARGO_DIR} RUSTC=${RUSTC_EXECUTABLE}
          ${CARGO_EXECUTABLE} build ${cargo_flags} --manifest-path ${rust_dir}/Cargo.toml
  DEPENDS ${rust_dir}/Cargo.toml ${rust_dir}/Cargo.lock ${rust_sources}
  WORKING_DIRECTORY ${rust_dir}
  COMMENT "Building the tokenizers with cargo (about a minute the first time)"
  VERBATIM USES_TERMINAL)
add_custom_target(inseq_text_build DEPENDS ${rust_library})
add_library(inseq_text STATIC IMPORTED GLOBAL)
add_dependencies(inseq_text inseq_text_build)
set_target_properties(inseq_text PROPERTIES IMPORTED_LOCATION ${rust_library})
target_link_libraries(inseq_text INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
