//! Hugging Face's `tokenizers` and `minijinja` behind a small C ABI; src/text/inseq_text.h is its header.
//! Every function returns a status; no panic leaves this library.

mod ffi;

mod tokenizer;
