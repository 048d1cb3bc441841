//! Tokenizers from files or lists, and the exchange of their parts.
use crate::ffi::{guard, slice, Buffer, Text};
use crate::tokenizer::Handle;
use serde::de::DeserializeOwned;
use serde_json::{json, Map, Value};
use std::str::FromStr;
use tokenizers::models::bpe::{Vocab, BPE};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper};
use tokenizers::{PostProcessorWrapper, PreTokenizerWrapper, Tokenizer};

type Merges = Vec<(String, String)>;

fn hand_out(tokenizer: Tokenizer, out: *mut *mut Handle) {
    unsafe { *out = Box::into_raw(Box::new(Handle(tokenizer))) }
}

/// A whole tokenizer.json.
#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_json(
    json: Text,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let tokenizer = Tokenizer::from_str(json.as_str()?).map_err(|e| e.to_string())?;
        hand_out(tokenizer, out);
        Ok(())
    })
}

fn read_vocabulary(json: &str) -> Result<Vocab, String> {
    let entries: Map<String, Value> =
        serde_json::from_str(json).map_err(|e| format!("the vocabulary: {e}"))?;
    let mut vocabulary = Vocab::with_capacity(entries.len());
    for (token, id) in entries {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id =
            id.ok_or_else(|| format!("the vocabulary gives {token:?} no whole number as its id"))?;
        vocabulary.insert(token, id);
    }
    Ok(vocabulary)
}

fn read_merges(text: &str) -> Result<Merges, String> {
    let mut merges = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("#version") {
            continue;
        }
        let parts: Vec<&str> = line.split(' ').collect();
        if parts.len() != 2 {
            return Err(format!("the merges: line {} is not two tokens", number + 1));
        }
        merges.push((parts[0].to_string(), parts[1].to_string()));
    }
    Ok(merges)
}

fn build_bpe(vocabulary: Vocab, merges: Merges) -> Result<BPE, String> {
    BPE::builder().vocab_and_merges(vocabulary, merges).build().map_err(|e| e.to_string())
}

/// Byte-pair encoding from the content of vocab.json and merges.txt; the other parts come by `it_assemble`.
#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_vocab_and_merges(
    vocabulary: Text,
    merges: Text,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let vocabulary = read_vocabulary(vocabulary.as_str()?)?;
        hand_out(Tokenizer::new(build_bpe(vocabulary, read_merges(merges.as_str()?)?)?), out);
        Ok(())
    })
}

/// WordPiece from the content of vocab.txt: one token a line.
#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_word_pieces(
    vocabulary: Text,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let lines = vocabulary.as_str()?.lines().enumerate();
        let vocabulary: Vocab =
            lines.map(|(id, token)| (token.trim_end().to_string(), id as u32)).collect();
        let model = WordPiece::builder().vocab(vocabulary).build().map_err(|e| e.to_string())?;
        hand_out(Tokenizer::new(model), out);
        Ok(())
    })
}

unsafe fn owned(texts: *const Text, size: usize) -> Result<Vec<String>, String> {
    slice(texts, size).iter().map(|t| t.as_str().map(str::to_string)).collect()
}

/// Byte-pair encoding from lists: token i has id i, the last of equal tokens wins; `merges` holds
/// 2 * `merge_count` texts, left and right in turn.
#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_lists(
    tokens: *const Text,
    token_count: usize,
    merges: *const Text,
    merge_count: usize,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let mut vocabulary = Vocab::with_capacity(token_count);
        for (id, token) in slice(tokens, token_count).iter().enumerate() {
            vocabulary.insert(token.as_str()?.to_string(), id as u32);
        }
        let mut pairs = Vec::with_capacity(merge_count);
        for pair in slice(merges, 2 * merge_count).chunks_exact(2) {
            pairs.push((pair[0].as_str()?.to_string(), pair[1].as_str()?.to_string()));
        }
        hand_out(Tokenizer::new(build_bpe(vocabulary, pairs)?), out);
        Ok(())
    })
}

/// Unigram from lists of the same length.
#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_scores(
    tokens: *const Text,
    scores: *const f64,
    count: usize,
    unknown_id: usize,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let scores = slice(scores, count).iter().copied();
        let pieces = owned(tokens, count)?.into_iter().zip(scores).collect();
        let model = Unigram::from(pieces, Some(unknown_id), false).map_err(|e| e.to_string())?;
        hand_out(Tokenizer::new(model), out);
        Ok(())
    })
}

/// Everything but the vocabulary, as JSON with the names that tokenizer.json uses.
#[no_mangle]
pub unsafe extern "C" fn it_describe(
    handle: *const Handle,
    out: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let tokenizer = &(*handle).0;
        let model = match tokenizer.get_model() {
            ModelWrapper::BPE(m) => json!({"type": "BPE", "byte_fallback": m.byte_fallback}),
            ModelWrapper::WordPiece(_) => json!({"type": "WordPiece"}),
            ModelWrapper::WordLevel(_) => json!({"type": "WordLevel"}),
            ModelWrapper::Unigram(m) => {
                json!({"type": "Unigram", "byte_fallback": m.byte_fallback()})
            }
        };
        let mut added: Vec<_> = tokenizer.get_added_tokens_decoder().into_iter().collect();
        added.sort_by_key(|(id, _)| *id);
        let added: Vec<Value> = added
            .into_iter()
            .map(|(id, token)| {
                let mut entry = json!(token);
                entry["id"] = json!(id);
                entry
            })
            .collect();
        let description = json!({
            "model": model,
            "normalizer": tokenizer.get_normalizer(),
            "pre_tokenizer": tokenizer.get_pre_tokenizer(),
            "post_processor": tokenizer.get_post_processor(),
            "decoder": tokenizer.get_decoder(),
            "padding": tokenizer.get_padding(),
            "added_tokens": added,
        });
        *out = Buffer::of(description.to_string());
        Ok(())
    })
}

fn part<T: DeserializeOwned>(parts: &Map<String, Value>, name: &str) -> Result<Option<T>, String> {
    match parts.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value).map(Some).map_err(|e| format!("the {name}: {e}")),
    }
}

fn text_or_none(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

fn configure_model(
    model: ModelWrapper,
    settings: &Map<String, Value>,
) -> Result<ModelWrapper, String> {
    match model {
        ModelWrapper::BPE(mut bpe) => {
            for (name, value) in settings {
                match name.as_str() {
                    "unk_token" => bpe.unk_token = text_or_none(value),
                    "continuing_subword_prefix" => {
                        bpe.continuing_subword_prefix = text_or_none(value)
                    }
                    "end_of_word_suffix" => bpe.end_of_word_suffix = text_or_none(value),
                    "fuse_unk" => bpe.fuse_unk = value.as_bool().unwrap_or(false),
                    "byte_fallback" => bpe.byte_fallback = value.as_bool().unwrap_or(false),
                    "ignore_merges" => bpe.ignore_merges = value.as_bool().unwrap_or(false),
                    "dropout" => bpe.dropout = value.as_f64().map(|p| p as f32),
                    _ => return Err(format!("BPE has no setting {name}")),
                }
            }
            Ok(bpe.into())
        }
        ModelWrapper::WordPiece(mut pieces) => {
            if let Some(unknown) = settings.get("unk_token").and_then(Value::as_str) {
                pieces.unk_token = unknown.to_string();
            }
            pieces.continuing_subword_prefix = "##".to_string();
            pieces.max_input_chars_per_word = 100;
            Ok(pieces.into())
        }
        ModelWrapper::Unigram(unigram) => {
            let pieces = unigram.iter().cloned().collect();
            let unknown = settings.get("unk_id").and_then(Value::as_u64).map(|id| id as usize);
            let model = Unigram::from(pieces, unknown, false).map_err(|e| e.to_string())?;
            Ok(model.into())
        }
        other => Ok(other),
    }
}

/// Replaces the parts that `parts` names (null removes one). `model` holds settings; when it is there, the model is
/// taken over without the added tokens, as when a class of transformers rebuilds its tokenizer.
#[no_mangle]
pub unsafe extern "C" fn it_assemble(handle: *mut Handle, parts: Text, error: *mut Buffer) -> bool {
    guard(error, || {
        let parts: Map<String, Value> =
            serde_json::from_str(parts.as_str()?).map_err(|e| e.to_string())?;
        let tokenizer = &mut (*handle).0;
        if let Some(settings) = parts.get("model").and_then(Value::as_object) {
            let post_processor = tokenizer.get_post_processor().cloned();
            let model = configure_model(tokenizer.get_model().clone(), settings)?;
            *tokenizer = Tokenizer::new(model);
            tokenizer.with_post_processor(post_processor);
        }
        if parts.contains_key("normalizer") {
            let normalizer = part::<NormalizerWrapper>(&parts, "normalizer")?;
            tokenizer.with_normalizer(normalizer).map_err(|e| e.to_string())?;
        }
        if parts.contains_key("pre_tokenizer") {
            tokenizer.with_pre_tokenizer(part::<PreTokenizerWrapper>(&parts, "pre_tokenizer")?);
        }
        if parts.contains_key("post_processor") {
            tokenizer.with_post_processor(part::<PostProcessorWrapper>(&parts, "post_processor")?);
        }
        if parts.contains_key("decoder") {
            tokenizer.with_decoder(part::<DecoderWrapper>(&parts, "decoder")?);
        }
        if parts.contains_key("padding") {
            tokenizer.with_padding(None);
            tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        }
        if let Some(split) = parts.get("encode_special_tokens").and_then(Value::as_bool) {
            tokenizer.set_encode_special_tokens(split);
        }
        Ok(())
    })
}

/// Adds tokens, a JSON list with the fields of tokenizer.json's added_tokens.
#[no_mangle]
pub unsafe extern "C" fn it_add_tokens(
    handle: *mut Handle,
    tokens: Text,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let tokens: Vec<AddedToken> =
            serde_json::from_str(tokens.as_str()?).map_err(|e| format!("added tokens: {e}"))?;
        (*handle).0.add_tokens(tokens).map_err(|e| format!("added tokens: {e}"))?;
        Ok(())
    })
}
