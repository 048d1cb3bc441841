//! Text to ids and ids to text.
use crate::ffi::{guard, leak, slice, unleak, Buffer, Text};
use tokenizers::{Decoder, Tokenizer};

/// What the caller holds a pointer to.
pub struct Handle(pub Tokenizer);

/// The result of `it_encode`; all arrays have `size` entries.
#[repr(C)]
pub struct EncodedText {
    pub size: usize,
    pub ids: *mut u32,
    pub begins: *mut usize, // byte offsets into the text
    pub ends: *mut usize,
}

#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

#[no_mangle]
pub unsafe extern "C" fn it_encode(
    handle: *const Handle,
    text: Text,
    add_special_tokens: bool,
    out: *mut EncodedText,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let text = text.as_str()?;
        let encoding = (*handle).0.encode(text, add_special_tokens).map_err(|e| e.to_string())?;
        let offsets = encoding.get_offsets();
        *out = EncodedText {
            size: encoding.len(),
            ids: leak(encoding.get_ids().to_vec()),
            begins: leak(offsets.iter().map(|o| o.0).collect()),
            ends: leak(offsets.iter().map(|o| o.1).collect()),
        };
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn it_encoded_free(encoded: *mut EncodedText) {
    if let Some(e) = encoded.as_mut() {
        unleak(e.ids, e.size);
        unleak(e.begins, e.size);
        unleak(e.ends, e.size);
        e.ids = std::ptr::null_mut();
        e.begins = std::ptr::null_mut();
        e.ends = std::ptr::null_mut();
        e.size = 0;
    }
}

#[no_mangle]
pub unsafe extern "C" fn it_decode(
    handle: *const Handle,
    ids: *const u32,
    size: usize,
    skip_special_tokens: bool,
    out: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let ids = slice(ids, size);
        *out = Buffer::of((*handle).0.decode(ids, skip_special_tokens).map_err(|e| e.to_string())?);
        Ok(())
    })
}

/// The text of vocabulary entries; entries without a decoder are joined by spaces.
#[no_mangle]
pub unsafe extern "C" fn it_tokens_to_string(
    handle: *const Handle,
    tokens: *const Text,
    size: usize,
    out: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let mut names = Vec::with_capacity(size);
        for token in slice(tokens, size) {
            names.push(token.as_str()?.to_string());
        }
        *out = Buffer::of(match (*handle).0.get_decoder() {
            Some(decoder) => decoder.decode(names).map_err(|e| e.to_string())?,
            None => names.join(" "),
        });
        Ok(())
    })
}

/// False when the id has no entry; `out` is then untouched.
#[no_mangle]
pub unsafe extern "C" fn it_id_to_token(handle: *const Handle, id: u32, out: *mut Buffer) -> bool {
    let mut error = Buffer { data: std::ptr::null_mut(), size: 0 };
    let mut found = false;
    guard(&mut error, || {
        if let Some(token) = (*handle).0.id_to_token(id) {
            *out = Buffer::of(token);
            found = true;
        }
        Ok(())
    });
    crate::ffi::it_buffer_free(&mut error);
    found
}

/// -1 when there is no such entry.
#[no_mangle]
pub unsafe extern "C" fn it_token_to_id(handle: *const Handle, token: Text) -> i64 {
    token.as_str().ok().and_then(|t| (*handle).0.token_to_id(t)).map_or(-1, i64::from)
}

#[no_mangle]
pub unsafe extern "C" fn it_vocab_size(handle: *const Handle, with_added_tokens: bool) -> usize {
    (*handle).0.get_vocab_size(with_added_tokens)
}

/// Unicode's lower case; a sigma at the end of a word becomes a final one.
#[no_mangle]
pub unsafe extern "C" fn it_lowercase(text: Text, out: *mut Buffer, error: *mut Buffer) -> bool {
    guard(error, || {
        *out = Buffer::of(text.as_str()?.to_lowercase());
        Ok(())
    })
}
