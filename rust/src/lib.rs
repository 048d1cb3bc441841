//! Hugging Face's `tokenizers` and `minijinja` behind a small C ABI; src/text/inseq_text.h is its header.
//! Functions that can fail return a flag and fill an error message; no panic leaves this library.

mod assemble;
mod chat;
mod ffi;
mod python_text;
mod tokenizer;
