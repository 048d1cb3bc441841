# Replaced by the crate's build when rust/Cargo.toml exists.
add_library(inseq_text INTERFACE)
