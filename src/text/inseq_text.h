/* The C ABI of the Rust library in rust/. Functions returning bool give false on failure and then
 * fill `error`, which the caller frees; nothing throws or panics through it. Handles may be read
 * from several threads at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ItTokenizer ItTokenizer;
/* Text of the caller, UTF-8, no terminating zero needed. */
typedef struct {
  const char* data;
  size_t size;
} ItText;
/* Text of the library, freed with it_buffer_free. */
typedef struct {
  char* data;
  size_t size;
} ItBuffer;
/* `size` ids and the byte range of each in the text. */
typedef struct {
  size_t size;
  uint32_t* ids;
  size_t* begins;
  size_t* ends;
} ItEncoded;

void it_buffer_free(ItBuffer* buffer);
void it_encoded_free(ItEncoded* encoded);
void it_tokenizer_free(ItTokenizer* tokenizer);

bool it_tokenizer_from_json(ItText json, ItTokenizer** out, ItBuffer* error);
bool it_tokenizer_from_vocab_and_merges(ItText vocabulary, ItText merges, ItTokenizer** out,
                                        ItBuffer* error);
bool it_tokenizer_from_word_pieces(ItText vocabulary, ItTokenizer** out, ItBuffer* error);
/* Token i has id i; `merges` holds 2 * merge_count texts. */
bool it_tokenizer_from_lists(const ItText* tokens, size_t token_count, const ItText* merges,
                             size_t merge_count, ItTokenizer** out, ItBuffer* error);
bool it_tokenizer_from_scores(const ItText* tokens, const double* scores, size_t count,
                              size_t unknown_id, ItTokenizer** out, ItBuffer* error);

/* Everything but the vocabulary as JSON, and its counterpart: see rust/src/assemble.rs. */
bool it_describe(const ItTokenizer* tokenizer, ItBuffer* out, ItBuffer* error);
bool it_assemble(ItTokenizer* tokenizer, ItText parts, ItBuffer* error);
bool it_add_tokens(ItTokenizer* tokenizer, ItText tokens, ItBuffer* error);

bool it_encode(const ItTokenizer* tokenizer, ItText text, bool add_special_tokens, ItEncoded* out,
               ItBuffer* error);
bool it_decode(const ItTokenizer* tokenizer, const uint32_t* ids, size_t size,
               bool skip_special_tokens, ItBuffer* out, ItBuffer* error);
bool it_tokens_to_string(const ItTokenizer* tokenizer, const ItText* tokens, size_t size,
                         ItBuffer* out, ItBuffer* error);
bool it_id_to_token(const ItTokenizer* tokenizer, uint32_t id,
                    ItBuffer* out);                                 /* false: no such id */
int64_t it_token_to_id(const ItTokenizer* tokenizer, ItText token); /* -1: no such token */
size_t it_vocab_size(const ItTokenizer* tokenizer, bool with_added_tokens);

/* The text in lower case, a final sigma as such. */
bool it_lowercase(ItText text, ItBuffer* out, ItBuffer* error);

/* A chat template, rendered with the variables of a JSON object. */
bool it_render_template(ItText chat_template, ItText context, ItBuffer* out, ItBuffer* error);

#ifdef __cplusplus
}
#endif
