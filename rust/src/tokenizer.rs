//! The tokenizer handle: made from JSON, text to ids, ids to text.
use crate::ffi::{guard, Buffer, Text};
use std::str::FromStr;
use tokenizers::Tokenizer;

pub struct Handle(Tokenizer);

#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_from_json(
    json: Text,
    out: *mut *mut Handle,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        let tokenizer = Tokenizer::from_str(json.as_str()?).map_err(|e| e.to_string())?;
        *out = Box::into_raw(Box::new(Handle(tokenizer)));
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn it_tokenizer_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}
